"""The codec of raw XML: one element of any name and content, kept as it is.

The field's element holds exactly one element. Reading gives a copy of it that is a document of its own, with the
prefixes that were in scope, since text and attributes may use them; writing puts a copy in and leaves the value
as it is. Entities are refused, as no schema says what they stand for.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from lxml import etree

from agentserver.name_dictionary import with_own_names
from agentserver.xmlable.codec import Codec, Misfit, describe
from agentserver.xmlable.group_faults import END, require_bare, require_blank_tail, skip_remarks
from agentserver.xmlable.outline import Anything

_EXPECTED = "exactly one element"


def raw_codec() -> Codec:
    """Make the codec of raw XML. Its values are no members of a set: elements have no equality."""
    return Codec(Anything(), False, _read, _write)


def only_child(element: etree._Element, expected: str) -> etree._Element:
    """Give the one child of an element that holds nothing else.

    Raises:
        Misfit: There is none, there are more, or there is text or an attribute beside it.
    """
    require_bare(element)
    children = element.iterchildren()
    child: Any = skip_remarks(next(children, END), children)
    if child is END:
        raise Misfit(element, "nothing", expected)
    require_blank_tail(child)
    if skip_remarks(next(children, END), children) is not END:
        raise Misfit(element, f"{sum(1 for _ in element.iterchildren('*'))} elements", expected)
    found: etree._Element = child
    return found


def _read(element: etree._Element) -> etree._Element:
    child = only_child(element, _EXPECTED)
    if next(child.iter(etree.Entity), None) is not None:
        raise Misfit(element, "an entity", _EXPECTED)
    return detached(child)


def detached(element: etree._Element) -> etree._Element:
    """Copy an element out of its document, with the prefixes that are in scope there."""
    return with_own_names(_detached, element)


def _detached(element: etree._Element) -> etree._Element:
    copy = deepcopy(element)
    copy.tail = None
    if copy.nsmap == element.nsmap:
        return copy
    own = etree.QName(element).namespace
    scope: Any = {prefix: uri for prefix, uri in element.nsmap.items() if prefix is not None or uri == own}
    holder = etree.Element(element.tag, {str(k): str(v) for k, v in element.items()}, nsmap=scope)
    holder.text = copy.text
    holder.extend(list(copy))
    return holder


def _write(value: Any, element: etree._Element) -> None:
    if not isinstance(value, etree._Element) or not isinstance(value.tag, str):  # noqa: SLF001
        raise Misfit(element, describe(value), "an lxml element")
    element.append(detached(value))
