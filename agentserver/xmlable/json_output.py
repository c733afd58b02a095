"""From an element to JSON, guided by the outline.

Takes an element that its contract allows, gives the values that `json.dumps` takes. An element that does not fit the
outline is a `BindingError`, which quotes no secret; but whether a document is valid is for the reader and the XSD to
say, not for this module.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable.codec import quote
from agentserver.xmlable.concealment import holds_secrets
from agentserver.xmlable.found_values import without_secrets
from agentserver.xmlable.json_keys import (
    TEXT_KEY,
    fields_by_key,
    is_object,
    is_repeated,
    key_and_value,
    keyed,
)
from agentserver.xmlable.json_place import JsonMisfit, Place
from agentserver.xmlable.json_texts import json_value
from agentserver.xmlable.outline import Anything, Field, Record, Text, Variants
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secrets import secret_texts
from agentserver.xmlable.strange_names import strange_names

XSI_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
"""The attribute that says that an element is empty on purpose."""


_Task: TypeAlias = tuple[Field, etree._Element, Place, Any, Any]  # noqa: SLF001  # it has no other name
"""An element to be turned into JSON, and where it goes: a container, and the key or number in it."""


def element_to_json(root: Field, element: etree._Element) -> Any:
    """Give the content of `element` in JSON.

    Args:
        root: Its outline; its own name and tail do not count.
        element: An element that its contract allows.

    Raises:
        BindingError: It does not fit the outline.
    """
    whole: list[Any] = [None]
    waiting: list[_Task] = [(root, element, Place(None, root.local_name, root.secret), whole, 0)]
    try:
        while waiting:  # not recursion: a document may be as deep as Python's stack, or deeper
            field, each, place, container, key = waiting.pop()
            container[key] = _value(field, each, place, waiting)
        return whole[0]
    except JsonMisfit as misfit:
        scrubber = _scrubber(root, element)
        found = without_secrets(misfit.found, scrubber) if scrubber else misfit.found
        fault = BindingError(misfit.place.path(), found, misfit.expected)
    raise fault  # here and not above, as nothing may lead to the element


def _scrubber(root: Field, element: etree._Element) -> Scrubber | None:
    if not (root.secret or holds_secrets(root.content)):
        return None
    return Scrubber(secret_texts(root, element), strange_names(root, element))


def _value(field: Field, element: etree._Element, place: Place, waiting: list[_Task]) -> Any:
    """Give the value of one element; what is in it is put on `waiting`, to be filled in."""
    content = field.content
    if field.nillable and element.get(XSI_NIL) in ("true", "1"):
        return None
    if isinstance(content, Text):
        return _text(content, element.text or "", place)
    if isinstance(content, Anything):
        return etree.tostring(_only_child(element, place), encoding="unicode", with_tail=False)
    if isinstance(content, Variants):
        only = _only_child(element, place)
        for key, member in keyed(content.members).items():
            if member.tag == only.tag:
                found: dict[str, Any] = {key: None}
                waiting.append((member, only, place.below(key, member.secret), found, key))
                return found
        raise place.misfit(f"element {quote(str(only.tag))}", content.noun)
    return _record(content, element, place, waiting)


def _text(text: Text, raw: str, place: Place) -> Any:
    try:
        return json_value(text, raw)
    except ValueError:
        raise place.misfit(quote(raw), text.noun) from None


def _only_child(element: etree._Element, place: Place) -> etree._Element:
    children = [child for child in element if isinstance(child.tag, str)]
    if len(children) != 1:
        raise place.misfit(f"{len(children)} elements", "exactly one")
    return children[0]


def _record(record: Record, element: etree._Element, place: Place, waiting: list[_Task]) -> Any:
    by_tag: dict[str, list[etree._Element]] = {}
    for child in element:
        if isinstance(child.tag, str):
            by_tag.setdefault(child.tag, []).append(child)
    if record.kind == "tuple":
        members: list[Any] = [None] * len(record.fields)
        for number, field in enumerate(record.fields):
            below = place.below(f"[{number + 1}]", field.secret)
            waiting.extend((field, each, below, members, number) for each in by_tag.get(field.tag, []))
        return members
    if record.kind in ("items", "entries"):
        items = by_tag.get(record.fields[0].tag, [])
        if is_object(record):
            return _entries(record, items, place, waiting)
        return _items(record.fields[0], items, place, waiting)
    return _object(record, element, by_tag, place, waiting)


def _items(field: Field, elements: list[etree._Element], place: Place, waiting: list[_Task]) -> list[Any]:
    found: list[Any] = [None] * len(elements)
    for number, each in enumerate(elements):
        waiting.append((field, each, place.below(f"[{number + 1}]", field.secret), found, number))
    return found


def _entries(
    record: Record, entries: list[etree._Element], place: Place, waiting: list[_Task]
) -> dict[str, Any]:
    key, value = key_and_value(record)
    assert isinstance(key.content, Text), "keys are texts"
    found: dict[str, Any] = {}
    for entry in entries:
        parts = {child.tag: child for child in entry}
        if key.tag not in parts:
            raise place.misfit("an entry without a key", "each entry with one")
        name = _text(key.content, parts[key.tag].text or "", place.below("[?]", key.secret))
        found[name] = None
        if value.tag in parts:
            waiting.append((value, parts[value.tag], place.below("[?]", value.secret), found, name))
    return found


def _object(
    record: Record,
    element: etree._Element,
    by_tag: dict[str, list[etree._Element]],
    place: Place,
    waiting: list[_Task],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, field in fields_by_key(record).items():
        below = place.below(key, field.secret)
        if field.attribute:
            raw = element.get(field.tag)
            if raw is not None and isinstance(field.content, Text):
                found[key] = _text(field.content, raw, below)
        elif is_repeated(field):
            found[key] = _items(field, by_tag.get(field.tag, []), below, waiting)
        elif field.tag in by_tag:
            found[key] = None
            waiting.append((field, by_tag[field.tag][0], below, found, key))
    if record.text is not None:
        found[TEXT_KEY] = _text(record.text, element.text or "", place.below(TEXT_KEY))
    return found
