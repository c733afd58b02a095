"""From JSON to an element, guided by the outline.

Takes what `json.loads` gives, hostile or not; gives an element in the order of the outline, or raises `BindingError`
with the path, what was found and what was expected, without what is secret. Of what stands where a secret is to be
somewhere below, only the kind is told. Checked here is what an element cannot show any more: the types of JSON, unknown
and missing keys, characters that XML has not. Bounds, patterns and all else are for the reader, so that one checker
decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from numbers import Number
from typing import Any, Final, TypeAlias

from lxml import etree

from agentserver.xmlable.codec import describe, quote
from agentserver.xmlable.concealment import holds_secrets
from agentserver.xmlable.group_faults import MAX_DEPTH
from agentserver.xmlable.json_keys import (
    TEXT_KEY,
    fields_by_key,
    is_object,
    is_repeated,
    key_and_value,
    keyed,
)
from agentserver.xmlable.json_output import XSI_NIL
from agentserver.xmlable.json_place import JsonMisfit, Place
from agentserver.xmlable.json_secrets import json_fault
from agentserver.xmlable.json_texts import xml_text
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.outline_walk import prefixes
from agentserver.xmlable.xml_in_json import parse_raw_xml

_NAMED_KEYS: Final = 12
_COMPARED_CHARACTERS: Final = 80


_Task: TypeAlias = tuple[Field, Any, etree._Element, Place]  # noqa: SLF001  # it has no other name
"""Data, and the empty element that they go into."""


def json_to_element(root: Field, data: Any) -> etree._Element:
    """Write a document from its JSON notation.

    Args:
        root: The outline of the document.
        data: What `json.loads` gave.

    Returns:
        The root element. Whether its contract allows it is for the reader or the XSD to say.

    Raises:
        BindingError: The data do not fit the outline.
    """
    element = etree.Element(root.tag, nsmap=prefixes(root))
    waiting: list[_Task] = [(root, data, element, Place(None, root.local_name, root.secret))]
    try:
        while waiting:  # not recursion: what is nested deeply must end in an error with a path
            below: list[_Task] = []
            _fill(*waiting.pop(), below)
            waiting.extend(reversed(below))
        return element
    except JsonMisfit as misfit:
        fault = json_fault(root, data, misfit)
    raise fault  # here and not above, as nothing may lead to the data


def _fill(field: Field, data: Any, element: etree._Element, place: Place, below: list[_Task]) -> None:
    """Write `data` into an empty element, as far as its children, which are put on `below` to be filled."""
    content = field.content
    if place.depth >= MAX_DEPTH:
        raise place.misfit("data nested too deeply", f"at most {MAX_DEPTH} levels")
    if data is None and field.nillable:
        element.set(XSI_NIL, "true")
    elif isinstance(content, Text):
        _set_text(element, _text(content, data, place), place)
    elif isinstance(content, Anything):
        _fill_raw(content, data, element, place)
    elif isinstance(content, Variants):
        _fill_variant(content, data, element, place, below)
    else:
        _fill_record(content, data, element, place, below)


def _text(text: Text, data: Any, place: Place) -> str:
    try:
        return xml_text(text, data)
    except ValueError as exc:
        raise place.misfit(_found(data), str(exc)) from None


def _set_text(element: etree._Element, text: str, place: Place) -> None:
    try:
        element.text = text
    except ValueError:
        raise place.misfit(_found(text), "characters that XML allows") from None


def _found(data: Any) -> str:
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, Mapping):
        return "an object"
    if isinstance(data, str):
        return quote(str.__str__(data))
    return "an array" if isinstance(data, list | tuple) else describe(data)


def _told(data: Any, content: Content) -> str:
    """Say what stands in place of `content`: of what kind alone, if anything in that is secret."""
    if not holds_secrets(content):
        return _found(data)
    if isinstance(data, Mapping):
        return f"an object with {len(data)} members"
    if isinstance(data, list | tuple):
        return f"an array of {len(data)} items"
    if data is None:
        return "null"
    if isinstance(data, str | bytes):
        return "a text"
    return "a boolean" if isinstance(data, bool) else "a number" if isinstance(data, Number) else "a value"


def _fill_raw(content: Anything, data: Any, element: etree._Element, place: Place) -> None:
    if not isinstance(data, str):
        raise place.misfit(_found(data), f"a string of XML: {content.noun}")
    try:
        element.append(parse_raw_xml(data, MAX_DEPTH - place.depth))
    except ValueError as exc:
        raise place.misfit(_found(data), str(exc)) from None


def _fill_variant(
    content: Variants, data: Any, element: etree._Element, place: Place, below: list[_Task]
) -> None:
    members = keyed(content.members)
    found = _object(data, place, content, content.noun)
    if len(found) != 1:
        raise place.misfit(f"{len(found)} keys", f"one of the keys {_listed(members)}")
    _refuse_unknown(found, members, place)
    ((key, value),) = found.items()
    member = members[key]
    below.append((member, value, etree.SubElement(element, member.tag), place.below(key, member.secret)))


def _object(data: Any, place: Place, content: Content, noun: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        remedy = "; call json.loads first" if place.above is None and isinstance(data, str | bytes) else ""
        raise place.misfit(_told(data, content), f"an object: {noun}{remedy}")
    return data


def _array(data: Any, place: Place, content: Content, noun: str) -> list[Any]:
    if not isinstance(data, list):
        raise place.misfit(_told(data, content), f"an array: {noun}")
    return data


def _noun(field: Field) -> str:
    return getattr(field.content, "noun", "") or field.local_name


def _fill_record(
    record: Record, data: Any, element: etree._Element, place: Place, below: list[_Task]
) -> None:
    if record.kind == "tuple":
        _fill_tuple(record, data, element, place, below)
    elif record.kind == "entries" and is_object(record):
        _fill_entries(record, data, element, place, below)
    elif record.kind in ("items", "entries"):
        _append_items(record.fields[0], data, element, place, below)
    else:
        _fill_object(record, data, element, place, below)


def _append_items(field: Field, data: Any, element: etree._Element, place: Place, below: list[_Task]) -> None:
    for number, item in enumerate(_array(data, place, field.content, f"each item {_noun(field)}"), 1):
        inner = place.below(f"[{number}]", field.secret)
        below.append((field, item, etree.SubElement(element, field.tag), inner))


def _fill_tuple(record: Record, data: Any, element: etree._Element, place: Place, below: list[_Task]) -> None:
    items = _array(data, place, record, record.noun)
    if len(items) != len(record.fields):
        raise place.misfit(f"{len(items)} items", f"{len(record.fields)}, null for one that is absent")
    for number, (field, item) in enumerate(zip(record.fields, items, strict=True), 1):
        if not _is_absent(field, item):
            inner = place.below(f"[{number}]", field.secret)
            below.append((field, item, etree.SubElement(element, field.tag), inner))


def _is_absent(field: Field, data: Any) -> bool:
    return data is None and field.least == 0 and not field.nillable


def _fill_entries(
    record: Record, data: Any, element: etree._Element, place: Place, below: list[_Task]
) -> None:
    key, value = key_and_value(record)
    hides = place.secret or key.secret or value.secret or holds_secrets(value.content)
    for number, (name, item) in enumerate(_object(data, place, record, record.noun).items(), 1):
        entry = etree.SubElement(element, record.fields[0].tag)
        step = f"[{number}]" if hides or not isinstance(name, str) else f"[{quote(name)}]"
        below.append((key, name, etree.SubElement(entry, key.tag), place.below(step, key.secret, 2, number)))
        if not _is_absent(value, item):
            inner = place.below(step, value.secret, 2, number)
            below.append((value, item, etree.SubElement(entry, value.tag), inner))


def _fill_object(
    record: Record, data: Any, element: etree._Element, place: Place, below: list[_Task]
) -> None:
    fields = fields_by_key(record)
    found = _object(data, place, record, record.noun or place.step)
    _refuse_unknown(found, fields if record.text is None else (*fields, TEXT_KEY), place)
    for key, field in fields.items():
        inner = place.below(key, field.secret)
        if key not in found or (_is_absent(field, found[key]) and not is_repeated(field)):
            if field.least > 0:
                raise inner.misfit("nothing", _noun(field))
        elif field.attribute:
            _set_attribute(field, found[key], element, inner)
        elif is_repeated(field):
            _append_items(field, found[key], element, inner._replace(depth=place.depth), below)
        else:
            below.append((field, found[key], etree.SubElement(element, field.tag), inner))
    if record.text is not None:
        inner = place.below(TEXT_KEY)
        if TEXT_KEY not in found:
            raise inner.misfit("nothing", record.text.noun)
        _set_text(element, _text(record.text, found[TEXT_KEY], inner), inner)


def _set_attribute(field: Field, data: Any, element: etree._Element, place: Place) -> None:
    assert isinstance(field.content, Text), "attributes hold texts"
    text = _text(field.content, data, place)
    try:
        element.set(field.tag, text)
    except ValueError:
        raise place.misfit(_found(text), "characters that XML allows") from None


def _refuse_unknown(found: dict[str, Any], known: Iterable[str], place: Place) -> None:
    names = tuple(known)
    for key in found:
        if key in names:
            continue
        if not isinstance(key, str):
            raise place.misfit("a key that is no string", f"the keys {_listed(names)}")
        near = get_close_matches(key[:_COMPARED_CHARACTERS], names, 1)
        hint = f"; did you mean {quote(near[0])}?" if near else ""
        raise place.misfit(f"unknown key {quote(key)}", f"{_listed(names)}{hint}")


def _listed(names: Iterable[str]) -> str:
    shown = list(islice(names, _NAMED_KEYS + 1))
    more = ", …" if len(shown) > _NAMED_KEYS else ""
    return ", ".join(shown[:_NAMED_KEYS]) + more or "no keys"
