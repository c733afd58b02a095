"""What is wrong with an element that is not the sequence it should be.

Called when the generated reader and writer have left their straight road, so that time does not matter here.
The functions give a `Misfit`, or raise one where the name says `require`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lxml import etree

from agentserver.errors import shorten
from agentserver.xmlable.codec import Misfit, quote
from agentserver.xmlable.lexical import BLANKS
from agentserver.xmlable.slots import Slot

MAX_DEPTH = 200
"""Deepest nesting at which a self-referring class is written: libxml2 reads 256 levels, and an envelope takes
some of them."""

# A tag is a str, say the stubs of lxml; that of a comment is the function that makes comments.
_REMARKS: tuple[object, ...] = (etree.Comment, etree.ProcessingInstruction)
_ENTITY: object = etree.Entity


class _End:
    """Stands behind the last child, so that a reader can always look at one more."""

    __slots__ = ()
    tag = ""


END = _End()
_NAMED_SLOTS = 12
_REASON_CHARACTERS = 200


def require_bare(element: etree._Element) -> None:
    """Raise `Misfit` unless `element` has no attributes, and only blanks before its first child."""
    if element.keys():
        raise Misfit(element, f"attribute {quote(str(element.keys()[0]))}", "no attributes")
    if element.text and element.text.strip(BLANKS):
        raise Misfit(element, f"text {quote(element.text)}", "elements alone")


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
    while child.tag in _REMARKS:
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
            return Misfit(element, f"unknown element {quote(tag)}", _listed(slots))
        if tag in seen and slot.collection is None:
            return Misfit(child, "the element again", "it once")
        seen.add(tag)
    for tag, slot in slots.items():
        if slot.required and tag not in seen:
            return Misfit(element, "nothing", slot.noun, below=tag)
    return Misfit(element, "the elements in another order", _listed(slots))


def _listed(slots: Mapping[str, Slot]) -> str:
    if not slots:
        return "no elements"
    more = ", …" if len(slots) > _NAMED_SLOTS else ""
    return f"the elements {', '.join(islice(slots, _NAMED_SLOTS))}{more}"


def refused(element: etree._Element, exc: Exception, noun: str) -> Misfit:
    """Say that the class itself did not take its values."""
    return Misfit(element, f"values that {noun} refuses", shorten(str(exc), _REASON_CHARACTERS) or noun)


def too_deep(element: etree._Element) -> bool:
    """Tell whether `element` stands deeper than `MAX_DEPTH`."""
    return next(islice(element.iterancestors(), MAX_DEPTH - 1, None), None) is not None


def endless(element: etree._Element) -> Misfit:
    """Say that a value is nested too deeply."""
    return Misfit(element, "a value nested too deeply, or within itself", f"at most {MAX_DEPTH} levels")
