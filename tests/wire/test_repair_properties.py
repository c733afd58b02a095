"""*Safe* never changes which fields exist: proved on documents that were dirtied after they were known."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.message_bus import MessageState
from agentserver.message_bus.steps import make_repair_step
from agentserver.wire import Element, fenced_alone, repair_safely
from tests.wire.samples import is_linear
from tests.wire.strategies import documents

SAFE, OFF = make_repair_step(policy="safe"), make_repair_step(policy="off")

NAMES = st.sampled_from(["a", "b", "Add", "Text", "x.y", "été"])
PIECES = st.sampled_from(
    ["", "x", " & ", "AT&T", "&copy;", "1 < 2", " <= ", "<3", "&", "]]>", "&amp;", "&lt;", "&#65;", "```"]
)
PROSE = st.sampled_from(
    ["", "Sure!\n", "Is 1 < 2 & 3 > 2?\n", "1. First:\n", "Done & dusted.\n", "It's \"fine\".\n", "\n\n"]
)  # fmt: skip
NAMED = st.sampled_from(["I use `<a>`.\n", "`<Add>` and `</Text>`:\n", "`x` & `<b>`\n"])


class Written(NamedTuple):
    """An element as a model wrote it, and the paths of the elements that it meant."""

    text: str
    paths: tuple[str, ...]


@st.composite
def written(draw: st.DrawFn, depth: int = 3) -> Written:
    """Write an element whose texts hold strays."""
    name = draw(NAMES)
    content, paths = draw(PIECES), [name]
    for _ in range(draw(st.integers(0, 2 if depth else 0))):
        child = draw(written(depth - 1))
        content += child.text + draw(PIECES)
        paths += [f"{name}/{path}" for path in child.paths]
    return Written(f"<{name}>{content}</{name}>", tuple(paths))


@st.composite
def replies(draw: st.DrawFn) -> Written:
    """Write several payloads, with prose and fences around them as models do."""
    payloads = draw(st.lists(written(), min_size=1, max_size=3))
    text = draw(PROSE)
    for payload in payloads:
        fenced = draw(st.sampled_from(["{}", "```xml\n{}\n```\n", "```\n{}\n```\n"]))
        text += fenced.format(payload.text) + draw(PROSE)
    return Written(text, tuple(path for payload in payloads for path in payload.paths))


def parsed(step: object, text: str) -> list[Element] | None:
    """Return the roots of a reply under a policy; None when it is refused."""
    state = step(MessageState(raw_bytes=text.encode()))  # type: ignore[operator]  # a step
    if state.failure is not None:
        return None
    return state.roots if state.roots is not None else [state.envelope_tree]


def paths_of(roots: list[Element]) -> tuple[str, ...]:
    """Return the paths of elements, in the order of the document."""
    found: list[str] = []
    for root in roots:
        found.append(str(root.tag))
        found += [f"{root.tag}/{path}" for path in paths_of(list(root))]
    return tuple(found)


@given(replies())
@settings(max_examples=300, deadline=None)
def test_what_is_mended_has_the_fields_that_were_meant(reply: Written) -> None:
    roots = parsed(SAFE, reply.text)
    assert roots is not None
    assert reply.paths == paths_of(roots)


@given(NAMED, st.lists(written(), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_tag_that_prose_names_is_no_field(prose: str, payloads: list[Written]) -> None:
    text = prose + "".join(f"```xml\n{payload.text}\n```\n{prose}" for payload in payloads)
    roots = parsed(SAFE, text)
    if roots is not None:  # with "```" in a text there may be no telling where a fence ends
        assert tuple(path for payload in payloads for path in payload.paths) == paths_of(roots)
    else:
        assert "```" in "".join(payload.text for payload in payloads)


@given(documents())
@settings(max_examples=200, deadline=None)
def test_what_is_well_formed_is_not_changed(document: str) -> None:
    state = SAFE(MessageState(raw_bytes=document.encode()))
    plain = OFF(MessageState(raw_bytes=document.encode()))
    assert plain.failure is None
    assert "repairs" not in state.metadata
    assert plain.envelope_tree is not None
    assert state.envelope_tree is not None
    assert paths_of([plain.envelope_tree]) == paths_of([state.envelope_tree])
    assert (document.encode(), ()) == tuple(
        getattr(repair_safely(document.encode()), each) for each in ("data", "repairs")
    )


@given(replies(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_was_cut_off_within_its_last_payload_is_refused(reply: Written, data: st.DataObject) -> None:
    end = reply.text.rindex("</")
    start = reply.text.rindex("<" + reply.paths[-1].rpartition("/")[2] + ">")
    cut = data.draw(st.integers(start + 1, end)) if start < end else end
    assert parsed(SAFE, reply.text[:cut]) is None


@given(replies(), st.sampled_from(["<open>", "</close>", "<open", "<!-- ", "<a b>"]))
@settings(max_examples=200, deadline=None)
def test_what_cannot_be_mended_stays_refused(reply: Written, broken: str) -> None:
    root = reply.paths[0]
    text = reply.text.replace(f"<{root}>", f"<{root}>{broken}", 1)
    assert parsed(SAFE, text) is None


@given(st.text(st.sampled_from("<>&;`ab/\n \"'x"), max_size=80))
@settings(max_examples=500, deadline=None)
def test_fences_of_any_text(text: str) -> None:
    found = fenced_alone(text.encode())
    assert found is None or "fence" in found.repairs


@pytest.mark.parametrize(
    "piece", [b"```\n", b"```xml\n<a>\n", b"`<a>`", b"`<a", b"\n```\n``", b" \t", b"\n    "]
)
def test_fences_are_found_in_linear_time(piece: bytes) -> None:
    assert is_linear(lambda size: partial(fenced_alone, piece * (size // len(piece))), 100_000)


def test_off_mends_nothing() -> None:
    assert parsed(OFF, "Hi <a/>") is None
