"""What is wrong with an element that is not the sequence it should be.

Called when the generated reader and writer have left their straight road, so that time does not matter here.
The functions give a `Misfit`, or raise one where the name says `require`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from lxml import etree

from agentserver.errors import shorten
from agentserver.xmlable.codec import Misfit, quote
from agentserver.xmlable.element_text import REMARKS, SCHEMA_LOCATIONS
from agentserver.xmlable.lexical import BLANKS
from agentserver.xmlable.paths import local_name
from agentserver.xmlable.slots import Slot

MAX_DEPTH = 200
"""Deepest nesting at which a self-referring class is written: libxml2 reads 256 levels, and an envelope takes
some of them."""

_ENTITY: object = etree.Entity


class Refusal(Misfit):
    """The class itself did not take its values."""


class _End:
    """Stands behind the last child, so that a reader can always look at one more."""

    __slots__ = ()
    tag = ""


END = _End()
_NAMED_SLOTS = 12
_REASON_CHARACTERS = 200
_NO_SLOTS: Mapping[str, Slot] = MappingProxyType({})


def require_bare(element: etree._Element, attributes: Mapping[str, Slot] = _NO_SLOTS) -> None:
    """Raise `Misfit` unless `element` has only the `attributes`, and only blanks before its first child."""
    for name in element.attrib:
        if name not in attributes and name not in SCHEMA_LOCATIONS:
            expected = f"the attributes {_listed(attributes)}" if attributes else "no attributes"
            raise Misfit(element, f"attribute {quote(str(name))}", expected)
    if element.text and element.text.strip(BLANKS):
        raise Misfit(element, f"text {quote(element.text)}", "elements alone")


def require_empty(element: etree._Element) -> None:
    """Raise `Misfit` if there is any text in `element`: where no element may stand, XSD allows not even blanks.

    libxml2 does not allow an empty CDATA section there, either.
    """
    for text in (element.text, *(child.tail for child in element)):
        if text is not None:
            found = f"text {quote(text)}" if text else "an empty text or CDATA section"
            raise Misfit(element, found, "nothing, not even blanks")


def require_blank_tail(child: etree._Element) -> None:
    """Raise `Misfit` unless only blanks follow `child`."""
    parent = child.getparent()
    if parent is not None and child.tail and child.tail.strip(BLANKS):
        raise Misfit(parent, f"text {quote(child.tail)}", "elements alone")


def skip_remarks(child: Any, children: Iterator[etree._Element]) -> Any:
    """Give the first of `child` and the `children` after it that is no comment or instruction, or `END`.

    Raises:
        Misfit: Text follows a comment, or an entity stands there.
    """
    while child.tag in REMARKS:
        require_blank_tail(child)
        child = next(children, END)
    if child.tag == _ENTITY:
        raise Misfit(child.getparent(), "an entity", "elements alone")
    return child


def out_of_sequence(element: etree._Element, slots: Mapping[str, Slot]) -> Misfit:
    """Name the first fault of the children of `element`, which do not follow the slots."""
    seen: set[str] = set()
    for child in element.iterchildren("*"):
        tag = child.tag
        slot = slots.get(tag)
        if slot is None:
            return Misfit(element, f"unknown element {quote(tag)}", _elements(slots))
        if tag in seen and slot.collection is None:
            return Misfit(child, "the element again", "it once")
        seen.add(tag)
    for tag, slot in slots.items():
        if slot.required and tag not in seen:
            return Misfit(element, "nothing", slot.noun, below=tag)
    return Misfit(element, "the elements in another order", _elements(slots))


def miscounted(element: etree._Element, count: int, slot: Slot) -> Misfit:
    """Say that the collection has too few or too many items."""
    expected = f"at least {slot.least}" if count < slot.least else f"at most {slot.most}"
    found = "nothing" if count == 0 else f"{count} of them"
    return Misfit(element, found, expected, below=slot.below)


def _elements(slots: Mapping[str, Slot]) -> str:
    return f"the elements {_listed(slots)}" if slots else "no elements"


def _listed(slots: Mapping[str, Slot]) -> str:
    more = ", …" if len(slots) > _NAMED_SLOTS else ""
    return f"{', '.join(map(local_name, islice(slots, _NAMED_SLOTS)))}{more}"


def refused(element: etree._Element, exc: Exception, noun: str, *, hidden: bool) -> Misfit:
    """Say that the class itself did not take its values, and, unless `hidden`, what it said."""
    reason = "others; what it says is not shown, as it has secrets" if hidden else str(exc)
    return Refusal(element, f"values that {noun} refuses", shorten(reason, _REASON_CHARACTERS) or noun)


def too_deep(element: etree._Element) -> bool:
    """Tell whether `element` stands deeper than `MAX_DEPTH`."""
    return next(islice(element.iterancestors(), MAX_DEPTH - 1, None), None) is not None


def endless(element: etree._Element) -> Misfit:
    """Say that a value is nested too deeply."""
    return Misfit(element, "a value nested too deeply, or within itself", f"at most {MAX_DEPTH} levels")
