"""Strategies for two versions of an outline, and for texts with any facets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from agentserver.xmlable.outline import Field, Record, Text, Variants
from tests.xmlable.outline_strategies import TEXTS

STR = Text("str", "string")
BASES = (
    "string",
    "token",
    "integer",
    "decimal",
    "double",
    "boolean",
    "positiveInteger",
    "date",
    "base64Binary",
)
EDGES = st.sampled_from(["", "0", "3", "5", "9"])


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """Give a text with any facets, even such as make no sense together."""
    base = draw(st.sampled_from(BASES))
    bounded = base in ("integer", "decimal", "double", "positiveInteger")
    side = draw(st.sampled_from(["at_least", "above", "at_most", "below"]))
    facets: dict[str, Any] = {side: draw(EDGES)} if bounded else {}
    if base in ("string", "token"):
        facets["min_length"] = draw(st.none() | st.integers(0, 3))
        facets["max_length"] = draw(st.none() | st.integers(3, 6))
    if base in ("integer", "decimal"):
        facets["fraction_digits"] = draw(st.none() | st.just(0))
    patterns = draw(st.lists(st.sampled_from(["[0-9]+", "[0-9 ]*", ".*[05]", "[a-z]*"]), max_size=2))
    values = tuple(draw(st.lists(st.sampled_from(["3", "5", "7"]), max_size=2, unique=True)))
    return Text(base, base, patterns=tuple(patterns), values=values if base != "date" else (), **facets)


SAMPLES = (
    "0",
    "3",
    "05",
    " 5 ",
    "5",
    "7",
    "3.0",
    "+7",
    "-1",
    "abc",
    "",
    "true",
    "AAAA",
    "2020-02-02",
    "10",
    "1e1",
    "a  b",
)


def combined(simple: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
    unions = st.lists(simple, min_size=1, max_size=2).map(
        lambda of: Text("u", "anySimpleType", any_of=tuple(of))
    )
    lists = st.builds(
        lambda of, most: Text("l", "anySimpleType", item=of, max_length=most), simple, st.none() | st.just(1)
    )
    return simple | unions | lists


@st.composite
def changed_outlines(draw: st.DrawFn, root: Field) -> Field:
    """Give an outline with one to three changes, most of them for the wider."""
    changed = copy.deepcopy(root)
    for _ in range(draw(st.integers(1, 3))):
        holders = _records(changed)
        record = draw(st.sampled_from(holders))
        draw(st.sampled_from(EDITS))(draw, record)
    return changed


def _records(root: Field) -> list[Record]:
    found: list[Record] = []
    waiting = [root.content]
    for content in waiting:
        if isinstance(content, Record) and content not in found:
            found.append(content)
            waiting += [field.content for field in content.fields]
        elif isinstance(content, Variants):
            waiting += [member.content for member in content.members]
    return found


Edit = Callable[[st.DrawFn, Record], None]


def _choose(draw: st.DrawFn, record: Record) -> Field | None:
    return draw(st.sampled_from(record.fields)) if record.fields else None


def _widen(draw: st.DrawFn, record: Record) -> None:
    if (field := _choose(draw, record)) is not None:
        field.least = 0


def _repeat(draw: st.DrawFn, record: Record) -> None:
    field = _choose(draw, record)
    if field is not None and not field.attribute:
        field.most = draw(st.sampled_from([1, 2, None]))
        field.least = min(field.least, field.most or 1)


def _add(draw: st.DrawFn, record: Record) -> None:
    if record.kind == "class" and all(field.tag != "Added" for field in record.fields):
        attribute = record.text is not None or draw(st.booleans())
        least = draw(st.sampled_from([0, 0, 1]))
        record.fields.insert(0, Field("Added", STR, attribute=attribute, least=least))


def _remove(draw: st.DrawFn, record: Record) -> None:
    field = _choose(draw, record)
    if field is not None and record.kind == "class":
        record.fields.remove(field)


def _swap(draw: st.DrawFn, record: Record) -> None:
    if record.kind == "class":
        record.fields = draw(st.permutations(record.fields))


def _retype(draw: st.DrawFn, record: Record) -> None:
    field = _choose(draw, record)
    if field is not None and isinstance(field.content, Text):
        field.content, field.default = draw(st.sampled_from([text for text, _ in TEXTS])), None


def _loosen(draw: st.DrawFn, record: Record) -> None:
    field = _choose(draw, record)
    if field is not None and isinstance(field.content, Text) and field.default is None:
        field.content = STR


def _nil(draw: st.DrawFn, record: Record) -> None:
    field = _choose(draw, record)
    if field is not None and not field.attribute:
        field.nillable = not field.nillable


def _as_list(draw: st.DrawFn, record: Record) -> None:
    if record.kind in ("entries", "tuple"):
        record.kind = "class"


EDITS: tuple[Edit, ...] = (_widen, _repeat, _add, _remove, _swap, _retype, _loosen, _nil, _as_list)
