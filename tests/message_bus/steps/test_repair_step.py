"""From bytes to a tree, or several, under each policy; and what is noted of it."""

from __future__ import annotations

from typing import Any

import pytest

from agentserver.message_bus import MessageState
from agentserver.message_bus.steps.repair import RepairPolicy, make_repair_step, repair_step
from agentserver.queues import Delivery, QueuedMessage
from agentserver.wire import ParseLimits, canonical
from tests.message_bus.steps.samples import envelope

GOOD = envelope()
POLICIES: list[RepairPolicy] = ["off", "safe", "recover"]


def repaired(data: bytes, policy: RepairPolicy = "safe", limits: ParseLimits | None = None) -> MessageState:
    return make_repair_step(limits, policy)(MessageState(raw_bytes=data))


def roots_of(state: MessageState) -> list[bytes]:
    """Return the canonical forms of what was parsed."""
    trees: list[Any] = state.roots or [tree for tree in [state.envelope_tree] if tree is not None]
    return [canonical(tree) for tree in trees]


def test_a_good_parse_clears_raw_bytes() -> None:
    state = repair_step(MessageState(raw_bytes=GOOD))
    assert state.raw_bytes is None
    assert state.envelope_tree is not None
    assert {} == state.metadata


def test_a_failed_parse_keeps_raw_bytes() -> None:
    state = repair_step(MessageState(raw_bytes=b"<a>"))
    assert b"<a>" == state.raw_bytes
    assert state.envelope_tree is None
    assert "syntax" in (state.error or "")


def test_what_the_pump_wrote_is_in_canonical_form_already() -> None:
    state = MessageState(raw_bytes=GOOD, delivery=Delivery(QueuedMessage("1", GOOD, canonical=True)))
    assert GOOD == repair_step(state).canonical


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"<a/><b/>", 2),
        (b"<?xml version='1.0' encoding='utf-8'?>\n<a/>\n<b/>\n<c/>", 3),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/><b/>", 2),
        (b"<!-- c --><a/><!-- c --><b/>", 2),
        (GOOD * 3, 3),
    ],
)
def test_several_roots(data: bytes, count: int, policy: RepairPolicy) -> None:
    state = repaired(data, policy)
    assert state.error is None
    assert count == len(state.roots or [])
    assert state.raw_bytes is None


@pytest.mark.parametrize("policy", ["off", "safe"])
@pytest.mark.parametrize(
    "data",
    [
        b"</roots><roots>",
        b"<a/></roots><roots><b/>",
        b"</roots><!-- ",
        b"</roots><roots><![CDATA[",
        b"<a/></roots><?p ",
        b"</roots>",
    ],
)
def test_the_element_around_several_roots_cannot_be_closed_from_inside(
    data: bytes, policy: RepairPolicy
) -> None:
    assert "syntax" in (repaired(data, policy).error or "")


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"plain text", b'{"a": 1}', b"<!-- only -->", b"<?xml version='1.0'?>"]
)
@pytest.mark.parametrize("policy", POLICIES)
def test_b31_no_element(data: bytes, policy: RepairPolicy) -> None:
    assert "syntax" in (repaired(data, policy).error or "")


@pytest.mark.parametrize("policy", ["safe", "recover"])
@pytest.mark.parametrize(
    ("data", "repairs", "roots"),
    [
        (b"Sure: <a/>", ("prose",), [b"<a></a>"]),
        (b"```xml\n<a>AT&T</a>\n```", ("fence", "ampersand"), [b"<a>AT&amp;T</a>"]),
        (b"\xef\xbb\xbfHi <a/>", ("bom", "prose"), [b"<a></a>"]),
        (b"First <a/> and then <b/>, done.", ("prose",), [b"<a></a>", b"<b></b>"]),
        (b"<a/> and then <b/>", ("prose",), [b"<a></a>", b"<b></b>"]),
        (b"<a>1 < 2</a><b>x]]>y</b>", ("cdata-end", "less-than"), [b"<a>1 &lt; 2</a>", b"<b>x]]&gt;y</b>"]),
        (b"Here: <?xml version='1.0'?><a/>", ("prose",), [b"<a></a>"]),
        (b"\x93Here\x94: <a/>", ("prose",), [b"<a></a>"]),
    ],
)
def test_b38_what_a_model_wrote_is_mended_and_noted(
    data: bytes, repairs: tuple[str, ...], roots: list[bytes], policy: RepairPolicy
) -> None:
    state = repaired(data, policy)
    assert (None, repairs, roots) == (state.error, state.metadata["repairs"], roots_of(state))
    (note,) = state.metadata["diagnostics"]
    assert all(repair in note for repair in repairs)


@pytest.mark.parametrize("data", [b"Hi <a/>", b"<a>&</a>", b"<a/> and <b/>", b"```\n<a/>\n```", b"<a>"])
def test_nothing_is_mended_when_off(data: bytes) -> None:
    state = repaired(data, "off")
    assert "syntax" in (state.error or "")
    assert {} == state.metadata


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<a>\xff</a>", "not-utf8"),
        (b"<!DOCTYPE a><a/>", "doctype"),
        (b"<?xml version='1.1'?><a/>", "xml-version"),
        (b"Hi <?xml version='1.0' encoding='UTF-7'?><a/>", "encoding"),
        (b"<a>&#xD800;</a>", "syntax"),
        (b"<a><b></a>", "syntax"),
        (b"<a/><b", "syntax"),
        (b"<a>" * 65 + b"</a>" * 65, "too-deep"),
        (b"Hi " + b"<a>" * 65 + b"</a>" * 65, "too-deep"),
    ],
)
def test_safe_mends_none_of_these(data: bytes, code: str) -> None:
    state = repaired(data, "safe")
    assert code == getattr(state.failure, "code", None)
    assert {} == state.metadata


def test_an_error_is_about_the_senders_own_lines() -> None:
    state = repaired(b"<a>\n<b>\n</a>", "safe")
    assert 3 == getattr(state.failure, "line", None)
    assert "roots" not in (state.error or "")


@pytest.mark.parametrize(
    ("data", "repairs", "roots"),
    [
        (b"<a><b>1", ("recovered",), [b"<a><b>1</b></a>"]),
        (b"Sure: <a>AT&T<b>1", ("prose", "ampersand", "recovered"), [b"<a>AT&amp;T<b>1</b></a>"]),
        (b"<a/><b>1", ("recovered",), [b"<a></a>", b"<b>1</b>"]),
        (b"<a>x\xff</a>", ("recovered",), ["<a>x\ufffd</a>".encode()]),
    ],
)
def test_recover_drops_with_a_mark(data: bytes, repairs: tuple[str, ...], roots: list[bytes]) -> None:
    state = repaired(data, "recover")
    assert (None, repairs, roots) == (state.error, state.metadata["repairs"], roots_of(state))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<a>" * 300, "too-large"),
        (b"<a>" * 70, "too-deep"),
        (b"<!DOCTYPE a><a>", "doctype"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a>", "encoding"),
        (b"<a>&#xD800;", "syntax"),
        (b"<a x='1' x='2'>", "syntax"),
    ],
)
def test_recover_refuses(data: bytes, code: str) -> None:
    state = repaired(data, "recover")
    assert code == getattr(state.failure, "code", None)


LEVELS = b"<a>" * 3 + b"&" + b"</a>" * 3


@pytest.mark.parametrize("before", [b"", b"Hi "])
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (ParseLimits(depth=3), None),
        (ParseLimits(depth=2), "too-deep"),
        (ParseLimits(elements=3), None),
        (ParseLimits(elements=2), "too-many-elements"),
    ],
)
def test_a_mended_message_has_the_limits_of_any_other(
    before: bytes, limits: ParseLimits, expected: str | None
) -> None:
    assert expected == getattr(repaired(before + LEVELS, "safe", limits).failure, "code", None)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (ParseLimits(depth=2, elements=4), None),
        (ParseLimits(depth=1), "too-deep"),
        (ParseLimits(elements=3), "too-many-elements"),
        (ParseLimits(message_bytes=22), None),
        (ParseLimits(message_bytes=21), "too-large"),
    ],
)
def test_several_roots_are_under_the_limits_together(limits: ParseLimits, expected: str | None) -> None:
    state = repaired(b"<a><b/></a><a><b/></a>", "off", limits)
    assert expected == getattr(state.failure, "code", None)
