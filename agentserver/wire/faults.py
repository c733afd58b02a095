"""Where an invalid document breaks its schema: the elements, and what libxml2 says of them.

Takes a compiled schema and bytes that it refuses; gives the elements' numbers in document order. libxml2 tells no
usable place itself: writing the path of each error takes quadratic time, and lines beyond 65,535 are wrong. So the
bytes are parsed under the schema once more, events are counted, and the log is looked at after each of them until there
are as many faults as are wanted: linear, and no longer than up to the last of these. Knows no trees and no words.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from agentserver.name_dictionary import with_own_names
from agentserver.wire.structure import Element
from agentserver.wire.value_type import ValueType

Schema = etree.XMLSchema

_NAMED: Final = re.compile(r"Element '((?:\{[^{}]*\})?[^'{}]+)'(?:, attribute '((?:\{[^{}]*\})?[^'{}]+)')?: ")
_REQUIRED: Final = re.compile(r"The attribute '([^']+)' is required but missing")
_ABOUT_THE_PARENT: Final = ("Element content is not allowed", "The content must not contain element nodes")


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of libxml2's log, with what it says of the same value right behind it.

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


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the log, taken apart: the names of the element and the attribute, and the message without them."""

    name: str
    attribute: str
    kind: str
    message: str

    @classmethod
    def of(cls, entry: Any) -> _Entry:
        text = str(entry.message)
        named = _NAMED.match(text)
        name, attribute = (named[1], named[2] or "") if named else ("", "")
        message = text[named.end() :] if named else text
        if required := _REQUIRED.match(message):
            attribute = required[1]
        return cls(name, attribute, str(entry.type_name), message)

    @property
    def about(self) -> tuple[str, str]:
        return self.name, self.attribute

    @property
    def is_of_value(self) -> bool:
        return "_VALID" in self.kind


class _Found(Exception):
    """Ends the parse."""


class _Watch:
    """A parser's target, which is told of each tag before the schema looks at it: a fault is about the tag before."""

    def __init__(self, most: int) -> None:
        self.parser: Any = None
        self.most = most
        self.faults: list[Fault] = []
        self.read = 0  # entries of the log
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
        self.look()
        if len(self.faults) >= self.most:
            raise _Found
        if self.closed:
            self.names.pop()
            self.indexes.pop()
            self.closed = False

    def look(self) -> None:
        """Make faults of what was logged since the last look: it is about where the parser is now."""
        log = (
            self.parser.error_log
        )  # not the exception's own, which begins with the faults of other documents
        if len(log) == self.read:
            return
        entries = [_Entry.of(entry) for entry in log[self.read :]]
        self.read = len(log)
        while entries and len(self.faults) < self.most:
            first, *entries = entries
            whole = entries[0].kind if entries and first.about == entries[0].about else ""
            while (
                entries and first.about == entries[0].about and first.is_of_value and entries[0].is_of_value
            ):
                del entries[0]
            place = self.place_of(first.name, first.message)
            fault = Fault(place, first.attribute, first.kind, first.message, whole)
            if fault not in self.faults:
                self.faults.append(fault)

    def place_of(self, name: str, message: str) -> int:
        """Return the index of the innermost element of that name: libxml2 reports some faults behind their place."""
        names, indexes = self.names, self.indexes
        if len(names) > 1 and not self.closed and message.startswith(_ABOUT_THE_PARENT):
            return indexes[-2]
        for at in range(len(names) - 1, -1, -1):
            if names[at] == name:
                return indexes[at]
        return indexes[-1] if indexes else 0


def faults_of(schema: Schema, data: bytes, most: int = 1) -> list[Fault]:
    """Find what is wrong first.

    Args:
        schema: A compiled schema.
        data: A well-formed document without a DOCTYPE.
        most: How many faults to look for.

    Returns:
        The faults, in the order of the document; none when the parser finds none.
    """
    watch = _Watch(most)
    target: Any = watch  # it needs no texts and no comments, which the stubs want it to take
    parser = etree.XMLParser(
        schema=schema, target=target, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False
    )  # fmt: skip
    watch.parser = parser
    with suppress(_Found, etree.LxmlError):
        with_own_names(etree.fromstring, data, parser)
    watch.look()
    watch.parser = None  # each holds the other, and with it the document
    return watch.faults


def element_at(root: Element, index: int) -> Element:
    """Return the element of that number at or below `root`; `root` itself when there is none."""
    for number, element in enumerate(root.iter("*")):
        if number == index:
            return element
    return root
