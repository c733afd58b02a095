"""Strategies for whole contracts: a type, the values of that type, and dataclasses made of such types."""

from __future__ import annotations

import dataclasses
import keyword
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union, get_args, get_origin
from uuid import UUID

from annotated_types import Len
from hypothesis import assume
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import RawXml, xml, xmlify
from tests.xmlable.constrained_strategies import LARGEST, Typed, constrained

T = TypeVar("T")


@dataclass
class Page(Generic[T]):
    items: list[T]
    first: T
    further: Page[T] | None = None


class Colour(Enum):
    RED = "red"
    NONE = ""
    SPACED = " a\tb\n"


class Level(Enum):
    LOW = 1
    HIGH = 2
    OFF = False


ZONES: Any = st.none() | st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff")
    | st.sampled_from("\t\n\r <>&\"']]>"),
    max_size=12,
)
DECIMALS = st.decimals(-(10**40), 10**40, allow_nan=False) | st.builds(
    Decimal, st.from_regex(r"-?[0-9]{1,30}(E-?[0-9]{1,2})?", fullmatch=True, alphabet=string.printable)
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(10**30), 10**30) | st.integers(-LARGEST, LARGEST),
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
KEYS: dict[Any, st.SearchStrategy[Any]] = {
    **{kind: SCALARS[kind] for kind in HASHABLE if kind is not time and get_origin(kind) is not Literal},
    Decimal: DECIMALS,
    datetime: st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES),
    time: st.times(timezones=st.sampled_from([None, UTC])),
    Literal["a", "b", 3]: st.sampled_from(["a", "b", 3]),
}


def _element(outer: RawXml, inner: RawXml, text: str, tail: str) -> RawXml:
    made = etree.fromstring(etree.tostring(outer))
    made.text, made.attrib["n"] = text, tail
    made.append(etree.fromstring(etree.tostring(inner)))
    made[-1].tail = tail
    return made


ELEMENTS = st.recursive(
    st.builds(etree.Element, st.sampled_from(["a", "{urn:x}b", "{urn:y}c"])),
    lambda below: st.builds(_element, below, below, TEXT, TEXT),
    max_leaves=3,
)


def scalars() -> st.SearchStrategy[Typed]:
    return st.sampled_from(list(SCALARS.items())) | constrained()


def keys() -> st.SearchStrategy[Typed]:
    return st.sampled_from(list(KEYS.items()))


def _sets(kind: Any, make: Callable[[Any], Any]) -> st.SearchStrategy[Typed]:
    hashable = st.sampled_from([(item, SCALARS[item]) for item in HASHABLE])
    return hashable.map(lambda item: (kind[item[0]], st.lists(item[1], max_size=3).map(make)))


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
        children.map(_short_lists),
        children.map(
            lambda typed: (GenericAlias(tuple, (typed[0], ...)), st.lists(typed[1], max_size=3).map(tuple))
        ),
        _sets(set, set),
        _sets(frozenset, frozenset),
        fixed_tuples(children),
        dicts(children),
        dataclass_types(children),
        children.map(_pages),
        unions(children),
        st.just((RawXml, ELEMENTS)),
    )


def _short_lists(typed: Typed) -> Typed:
    kind: Any = GenericAlias(list, (typed[0],))
    return Annotated[kind, Len(1, 3)], st.lists(typed[1], min_size=1, max_size=3)


def _pages(typed: Typed) -> Typed:
    kind, values = typed
    generic: Any = Page
    page = st.builds(Page, items=st.lists(values, max_size=2), first=values, further=st.none())
    return generic[kind], st.builds(
        Page, items=st.lists(values, max_size=2), first=values, further=st.none() | page
    )


@st.composite
def unions(draw: st.DrawFn, children: st.SearchStrategy[Typed]) -> Typed:
    simple = draw(
        st.lists(
            st.sampled_from([k for k in SCALARS if isinstance(k, type)]), min_size=2, max_size=3, unique=True
        )
    )
    members = [(kind, SCALARS[kind]) for kind in simple]
    if draw(st.booleans()):
        members.append(draw(dataclass_types(children, names=("Part",))))
    if draw(st.booleans()):
        members.append(draw(dataclass_types(children, names=("Piece",))))
    return Union[tuple(kind for kind, _ in members)], st.one_of(*(values for _, values in members))  # noqa: UP007


NAMES = st.lists(
    st.from_regex("[a-z]{1,3}(_[a-z]{1,3}|_[0-9]{1,2})?", fullmatch=True).filter(
        lambda name: name != "xsd" and not keyword.iskeyword(name)
    ),
    min_size=0,
    max_size=4,
    unique_by=lambda name: name.replace("_", "").lower(),
)


CLASS_NAMES = ("Item", "Order", "int", "Été", "_P")


@st.composite
def dataclass_types(
    draw: st.DrawFn, members: st.SearchStrategy[Typed], names: tuple[str, ...] = CLASS_NAMES
) -> Typed:
    fields: list[Any] = []
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name in draw(NAMES):
        as_attribute = draw(st.integers(0, 3)) == 0
        kind, value = draw(scalars() if as_attribute else members)
        options: dict[str, Any] = {
            "kw_only": draw(st.booleans()),
            "metadata": draw(_forms(name, as_attribute)),
        }
        if not _is_repeated(kind) and draw(st.booleans()):
            kind, value = _optional(kind, value)
            if draw(st.booleans()):
                options |= {"default": None, "kw_only": True}
        elif draw(st.booleans()):
            constant = draw(value)
            options |= {"default_factory": lambda constant=constant: constant, "kw_only": True}
        fields.append((name, kind, dataclasses.field(**options)))
        values[name] = value
    cls = dataclasses.make_dataclass(
        draw(st.sampled_from(names)),
        fields,
        frozen=draw(st.booleans()),
        slots=draw(st.booleans()),
    )
    return cls, st.builds(cls, **values)


def _forms(name: str, as_attribute: bool) -> st.SearchStrategy[Any]:
    if as_attribute:
        return st.sampled_from([xml(attribute=True), xml(attribute=True, name=f"at.{name}")])
    return st.sampled_from([{}, {}, {}, xml(name=f"{name}.x"), xml(namespace="urn:b"), xml(namespace="")])


def _is_repeated(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _is_repeated(get_args(kind)[0])
    origin, arguments = get_origin(kind), get_args(kind)
    return origin in (list, set, frozenset) or (origin is tuple and arguments[-1] is Ellipsis)


@st.composite
def contracts(draw: st.DrawFn) -> Typed:
    cls, values = draw(dataclass_types(st.recursive(scalars(), types, max_leaves=4)))
    try:
        xmlify(namespace=draw(st.sampled_from(["", "", "urn:a", "urn:b"])))(cls)
    except ContractError as refusal:
        assume("declared with two types" not in refusal.reason)  # one name, in one namespace, by chance
        raise
    return cls, values


def same(left: Any, right: Any) -> bool:
    """Compare as `==` does, but by type, too, and with NaN equal to NaN."""
    if type(left) is not type(right):
        return False
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, RawXml):
        return etree.tostring(left, method="c14n", exclusive=True) == etree.tostring(
            right, method="c14n", exclusive=True
        )
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right) or (left != left and right != right)
