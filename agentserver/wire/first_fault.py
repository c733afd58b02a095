"""Where an invalid document breaks its schema first: the element, and what libxml2 says of it.

Takes a compiled schema and bytes that it refuses; gives the element's number in document order. libxml2 tells no
usable place itself: writing the path of each error takes quadratic time, and lines beyond 65,535 are wrong. So the
bytes are parsed under the schema once more, events are counted, and the first entry in the log ends it: linear,
and no longer than up to the fault. Knows no trees and no words.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from agentserver.wire.structure import Element
from agentserver.wire.value_type import ValueType

Schema = etree.XMLSchema

_NAMED: Final = re.compile(r"Element '((?:\{[^{}]*\})?[^'{}]+)'(?:, attribute '((?:\{[^{}]*\})?[^'{}]+)')?: ")
_REQUIRED: Final = re.compile(r"The attribute '([^']+)' is required but missing")
_ABOUT_THE_PARENT: Final = ("Element content is not allowed", "The content must not contain element nodes")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry of libxml2's log.

    Args:
        index: Number of the element in document order; 0 is the root.
        attribute: The attribute that it is about, in Clark notation; empty when it is about the element.
        kind: libxml2's name for what is wrong, as `SCHEMAV_CVC_PATTERN_VALID`.
        message: What libxml2 says of it, without the name of the place.
        whole: The kind of the entry behind it, about the whole of a list or union; empty when there is none.
        value_type: What is known of the type of the value; None when nobody knows.
    """

    index: int
    attribute: str
    kind: str
    message: str
    whole: str = ""
    value_type: ValueType | None = None


class _Found(Exception):
    """Ends the parse."""


class _Watch:
    """A parser's target, which is told of each tag before the schema looks at it: a fault is about the tag before."""

    def __init__(self) -> None:
        self.parser: Any = None
        self.names: list[
            str | bytes
        ] = []  # of the elements that are open, and of the one that was closed last
        self.indexes: list[int] = []
        self.count = 0
        self.closed = False

    def start(self, tag: str | bytes, attributes: object) -> None:
        self._step()
        self.names.append(tag)
        self.indexes.append(self.count)
        self.count += 1

    def end(self, tag: str | bytes) -> None:
        self._step()
        self.closed = True

    def close(self) -> None:
        """Say that there is no tree."""

    def _step(self) -> None:
        if len(self.parser.error_log):
            raise _Found
        if self.closed:
            self.names.pop()
            self.indexes.pop()
            self.closed = False

    def place_of(self, name: str, message: str) -> int:
        """Return the index of the innermost element of that name: libxml2 reports some faults behind their place."""
        names, indexes = self.names, self.indexes
        if len(names) > 1 and not self.closed and message.startswith(_ABOUT_THE_PARENT):
            return indexes[-2]
        for at in range(len(names) - 1, -1, -1):
            if names[at] == name:
                return indexes[at]
        return indexes[-1] if indexes else 0


def first_fault(schema: Schema, data: bytes) -> Fault | None:
    """Find what is wrong first.

    Args:
        schema: A compiled schema.
        data: A well-formed document without a DOCTYPE.

    Returns:
        The fault; None when the parser finds none.
    """
    watch = _Watch()
    target: Any = watch  # it needs no texts and no comments, which the stubs want it to take
    parser = etree.XMLParser(
        schema=schema, target=target, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False
    )  # fmt: skip
    watch.parser = parser
    with suppress(_Found, etree.LxmlError):
        etree.fromstring(data, parser)
    log = (
        parser.error_log
    )  # the exception's own log is the thread's: it begins with the faults of other documents
    if not len(log):
        return None
    first = log[0]
    text = str(first.message)
    named = _NAMED.match(text)
    name, attribute = (named[1], named[2] or "") if named else ("", "")
    message = text[named.end() :] if named else text
    if required := _REQUIRED.match(message):
        attribute = required[1]
    whole = str(log[1].type_name) if len(log) > 1 else ""
    return Fault(watch.place_of(name, message), attribute, str(first.type_name), message, whole)


def element_at(root: Element, index: int) -> Element:
    """Return the element of that number at or below `root`; `root` itself when there is none."""
    for number, element in enumerate(root.iter("*")):
        if number == index:
            return element
    return root
