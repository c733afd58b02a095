"""Strategies for whole contracts: a type, the values of that type, and dataclasses made of such types."""

from __future__ import annotations

import dataclasses
import keyword
import string
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Any, Literal, Optional, TypeAlias, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st

Typed: TypeAlias = tuple[Any, st.SearchStrategy[Any]]


class Colour(Enum):
    RED = "red"
    NONE = ""
    SPACED = " a\tb\n"


class Level(Enum):
    LOW = 1
    HIGH = 2
    OFF = False


ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff")
    | st.sampled_from("\t\n\r <>&\"']]>"),
    max_size=12,
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.builds(
    Decimal, st.from_regex(r"-?[0-9]{1,30}(E-?[0-9]{1,2})?", fullmatch=True, alphabet=string.printable)
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers() | st.integers(-(10**4300) + 1, 10**4300 - 1),
    float: st.floats(),
    bool: st.booleans(),
    Decimal: DECIMALS,
    bytes: st.binary(max_size=20),
    date: st.dates(),
    datetime: st.datetimes(timezones=ZONES),
    time: st.times(timezones=ZONES),
    timedelta: st.timedeltas(timedelta(days=-99_999_999), timedelta(days=99_999_999)),
    UUID: st.uuids(),
    Colour: st.sampled_from(Colour),
    Level: st.sampled_from(Level),
    Literal["a", "b", 3, True, 1, False]: st.sampled_from(["a", "b", 3, True, 1, False]),
}
HASHABLE = [kind for kind in SCALARS if kind not in (float, Decimal)]


def scalars() -> st.SearchStrategy[Typed]:
    return st.sampled_from(list(SCALARS.items()))


def keys() -> st.SearchStrategy[Typed]:
    return st.sampled_from([(kind, SCALARS[kind]) for kind in HASHABLE])


def _sets(kind: Any, make: Callable[[Any], Any]) -> st.SearchStrategy[Typed]:
    return keys().map(lambda key: (kind[key[0]], st.lists(key[1], max_size=3).map(make)))


@st.composite
def fixed_tuples(draw: st.DrawFn, parts: st.SearchStrategy[Typed]) -> Typed:
    members = draw(st.lists(parts, min_size=1, max_size=3))
    return GenericAlias(tuple, tuple(kind for kind, _ in members)), st.tuples(
        *(value for _, value in members)
    )


@st.composite
def dicts(draw: st.DrawFn, values: st.SearchStrategy[Typed]) -> Typed:
    key, key_values = draw(keys())
    kind, value = draw(values)
    if draw(st.booleans()):
        kind, value = _optional(kind, value)
    return GenericAlias(dict, (key, kind)), st.dictionaries(key_values, value, max_size=3)


def _optional(kind: Any, values: st.SearchStrategy[Any]) -> Typed:
    return Optional[kind], st.none() | values  # noqa: UP045 -- `|` does not take a Literal


def types(children: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        children.map(lambda typed: (GenericAlias(list, (typed[0],)), st.lists(typed[1], max_size=3))),
        children.map(
            lambda typed: (GenericAlias(tuple, (typed[0], ...)), st.lists(typed[1], max_size=3).map(tuple))
        ),
        _sets(set, set),
        _sets(frozenset, frozenset),
        fixed_tuples(children),
        dicts(children),
        dataclass_types(children),
    )


NAMES = st.lists(
    st.from_regex("[a-z]{1,3}(_[a-z]{1,3}|_[0-9]{1,2})?", fullmatch=True).filter(
        lambda name: name != "xsd" and not keyword.iskeyword(name)
    ),
    min_size=0,
    max_size=4,
    unique_by=lambda name: name.replace("_", "").lower(),
)


@st.composite
def dataclass_types(draw: st.DrawFn, members: st.SearchStrategy[Typed]) -> Typed:
    fields: list[Any] = []
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name in draw(NAMES):
        kind, value = draw(members)
        may_be_none = not _is_repeated(kind)
        options: dict[str, Any] = {"kw_only": draw(st.booleans())}
        if may_be_none and draw(st.booleans()):
            kind, value = _optional(kind, value)
            if draw(st.booleans()):
                options |= {"default": None, "kw_only": True}
        elif draw(st.booleans()):
            constant = draw(value)
            options |= {"default_factory": lambda constant=constant: constant, "kw_only": True}
        fields.append((name, kind, dataclasses.field(**options)))
        values[name] = value
    cls = dataclasses.make_dataclass(
        draw(st.sampled_from(["Item", "Order", "int", "Été", "_P"])),
        fields,
        frozen=draw(st.booleans()),
        slots=draw(st.booleans()),
    )
    return cls, st.builds(cls, **values)


def _is_repeated(kind: Any) -> bool:
    origin, arguments = get_origin(kind), get_args(kind)
    return origin in (list, set, frozenset) or (origin is tuple and arguments[-1] is Ellipsis)


def contracts() -> st.SearchStrategy[Typed]:
    return dataclass_types(st.recursive(scalars(), types, max_leaves=4))


def same(left: Any, right: Any) -> bool:
    """Compare as `==` does, but by type, too, and with NaN equal to NaN."""
    if type(left) is not type(right):
        return False
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right) or (left != left and right != right)
