"""Strategies for contracts with a secret somewhere, and for what a careless or hostile sender makes of their instances.

The marker stands only where the contract of the place holds a secret, at it or below, and in names: nothing of it may
be told then. Everywhere else stand harmless values.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from collections.abc import Iterator
from types import GenericAlias
from typing import Annotated, Any, Optional, TypeAlias, Union

from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import Secret, contract_of, xml, xmlify
from agentserver.xmlable.concealment import holds_secrets
from agentserver.xmlable.json_keys import fields_by_key, is_repeated, key_and_value, keyed
from agentserver.xmlable.outline import Content, Field, Record, Variants
from tests.secret_ears import MARK

Typed: TypeAlias = tuple[Any, Any]
"""A type, and a value of it."""
Path: TypeAlias = tuple[Any, ...]

FIELDS = ("user", "total", "items", "owner", "body", "token_id", "kind", "city")
SIMPLE: list[Typed] = [
    (str, "open"),
    (int, 7),
    (bool, True),
    (float, 1.5),
    (Annotated[str, Secret], "harmless"),
]


@st.composite
def types(draw: st.DrawFn, numbers: Iterator[int], depth: int) -> Typed:
    form = draw(st.integers(0, 7)) if depth else 0
    if form < 3:
        return draw(st.sampled_from(SIMPLE))
    if form == 3:
        kind, value = draw(types(numbers, depth - 1))
        return GenericAlias(list, (kind,)), [copy.deepcopy(value) for _ in range(draw(st.integers(1, 2)))]
    if form == 4:
        kind, value = draw(types(numbers, depth - 1))
        return GenericAlias(dict, (str, kind)), {"alpha": value, "beta": copy.deepcopy(value)}
    if form == 5:
        parts = draw(st.lists(types(numbers, depth - 1), min_size=1, max_size=3))
        return GenericAlias(tuple, tuple(kind for kind, _ in parts)), tuple(value for _, value in parts)
    kind, value = draw(classes(numbers, depth - 1))
    if form == 6:
        other, other_value = draw(classes(numbers, depth - 1))
        return Union[kind, other, int], draw(st.sampled_from([value, other_value]))  # noqa: UP007
    return draw(st.sampled_from([kind, Optional[kind], Annotated[kind, Secret]])), value  # noqa: UP045


@st.composite
def classes(draw: st.DrawFn, numbers: Iterator[int], depth: int) -> Typed:
    fields: list[Any] = []
    values: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)):
        kind, value = draw(types(numbers, depth))
        simple = any(kind is each for each, _ in SIMPLE)
        metadata = xml(attribute=True) if simple and draw(st.integers(0, 3)) == 0 else None
        fields.append((name, kind, dataclasses.field(metadata=metadata)))
        values[name] = value
    cls = dataclasses.make_dataclass(f"C{next(numbers)}", fields)
    return cls, cls(**values)


@st.composite
def instances(draw: st.DrawFn) -> Any:
    """Give an instance of a new contract that has a secret; no marker is in it."""
    numbers = itertools.count(1)
    kind, value = draw(types(numbers, 2))
    inner, inner_value = draw(classes(numbers, 1))
    fields = [
        ("first", kind),
        ("second", inner),
        ("third", draw(st.sampled_from([str, Annotated[str, Secret]]))),
    ]
    if not draw(st.booleans()):
        fields.append(("pin", Annotated[str, Secret]))
    cls: Any = dataclasses.make_dataclass("Thing", fields)
    values = [value, inner_value, "harmless", "harmless"][: len(fields)]
    try:
        xmlify(cls)
    except ContractError:  # an optional list, and the like
        return draw(st.nothing())
    instance = cls(*values)
    return instance if holds_secrets(contract_of(cls).outline.content) else draw(st.nothing())


def json_places(field: Field, data: Any, path: Path = (), *, is_item: bool = False) -> Iterator[Path]:
    """Give the paths to what is secret in JSON, or has a secret below."""
    content = field.content
    if field.secret:
        yield path
    elif data is None or not holds_secrets(content):
        return
    elif is_repeated(field) and not is_item:
        yield path
        for number, item in enumerate(data):
            yield from json_places(field, item, (*path, number), is_item=True)
    else:
        yield path
        for key, inner, item in _json_below(content, data):
            yield from json_places(inner, item, (*path, key), is_item=_is_array(content))


def _is_array(content: Content) -> bool:
    return isinstance(content, Record) and content.kind in ("items", "tuple")


def _json_below(content: Content, data: Any) -> Iterator[tuple[Any, Field, Any]]:
    if isinstance(content, Variants):
        yield from ((key, field, data[key]) for key, field in keyed(content.members).items() if key in data)
    elif isinstance(content, Record) and content.kind == "tuple":
        yield from ((number, field, data[number]) for number, field in enumerate(content.fields))
    elif isinstance(content, Record) and content.kind == "items":
        yield from ((number, content.fields[0], item) for number, item in enumerate(data))
    elif isinstance(content, Record) and content.kind == "entries":
        yield from ((key, key_and_value(content)[1], item) for key, item in data.items())
    elif isinstance(content, Record):
        yield from ((key, field, data[key]) for key, field in fields_by_key(content).items() if key in data)


WRONG: list[Any] = [
    MARK,
    MARK * 20,
    MARK.encode(),
    json.dumps({"a": MARK}),
    [MARK],
    [[MARK]],
    [1, MARK, None],
    {MARK: 1},
    {"value": MARK},
    {"x": {MARK: 1}, "y": 2},
    {5: MARK},
]


@st.composite
def wrong_json(draw: st.DrawFn, instance: Any, data: Any) -> Any:
    """Give data of an instance with the marker where a secret is to be, or to be below, or in a key there."""
    path = draw(st.sampled_from(list(json_places(contract_of(type(instance)).outline, data))))
    found = _at(data, path)
    inside, renamed = draw(st.booleans()), draw(st.booleans())
    if isinstance(found, dict) and inside:
        if found and renamed:
            found[MARK] = found.pop(draw(st.sampled_from(list(found))))
        else:
            harmless: list[Any] = [1, "x", None, [1], {"a": 1}]
            found[MARK] = draw(st.sampled_from(harmless))
        return data
    wrong = copy.deepcopy(draw(st.sampled_from(WRONG)))
    if not path:
        return wrong
    _at(data, path[:-1])[path[-1]] = wrong
    return data


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def xml_places(field: Field, element: etree._Element) -> Iterator[etree._Element]:
    """Give the elements that are secret, or have a secret below."""
    content = field.content
    if field.secret or holds_secrets(content):
        yield element
    fields = content.fields if isinstance(content, Record) else []
    fields = content.members if isinstance(content, Variants) else fields
    by_tag = {each.tag: each for each in fields if not each.attribute}
    for child in element if not field.secret else ():
        if child.tag in by_tag:
            yield from xml_places(by_tag[child.tag], child)


@st.composite
def wrong_xml(draw: st.DrawFn, root: Field, element: etree._Element) -> etree._Element:
    """Give the element with the marker where a secret is to be, or to be below, or in a name there."""
    place = draw(st.sampled_from(list(xml_places(root, element))))
    harm = draw(st.integers(0, 5))
    if harm == 0:
        etree.SubElement(place, MARK)
    elif harm == 1:
        place.insert(0, etree.Element(MARK))
        place[0].text = "1"
    elif harm == 2:
        place.text = MARK
    elif harm == 3:
        place.set(MARK, "1")
    elif harm == 4 and len(place):
        place[draw(st.integers(0, len(place) - 1))].tag = MARK
    else:
        for child in list(place):
            place.remove(child)
        place.text = draw(st.sampled_from([MARK, None]))
        etree.SubElement(etree.SubElement(place, MARK), MARK)
    return element


def value_places(value: Any, content: Content) -> Iterator[tuple[Any, str]]:
    """Give the objects in an instance, and their fields that are secret or have a secret below."""
    if not isinstance(content, Record) or content.kind != "class" or not dataclasses.is_dataclass(value):
        return
    for field in content.fields:
        if field.secret or holds_secrets(field.content):
            yield value, field.name
        found = getattr(value, field.name)
        for item in found if isinstance(found, list) else [found]:
            if not field.secret:
                yield from value_places(item, field.content)


WRONG_VALUES: list[Any] = [
    MARK,
    MARK * 20,
    [MARK],
    (MARK,),
    {5: [MARK]},
    MARK.encode(),
    {MARK: MARK, 5: 1},
    [[(MARK,)]],
    object,
]
