"""What every mapped type can do, and how it says that it cannot.

A `Codec` stands for one Python type in the place of one element: it reads such an element, writes a value
into an empty one, and says by its outline what it takes. Codecs raise `Misfit` with the element at which they
stopped; the path is worked out from the tree afterwards (`paths`), so that reading and writing carry none
along. Codecs never look at their element's own tag or tail: these belong to whoever placed the element.
"""

from __future__ import annotations

from typing import Any, Protocol

from lxml import etree

from agentserver.xmlable.outline import Content

_QUOTED_CHARACTERS = 80
_QUOTED_BITS = 256


class Reader(Protocol):
    """Gives the value that an element holds; raises `Misfit`."""

    def __call__(self, element: etree._Element, /) -> Any:
        """Read."""


class Writer(Protocol):
    """Writes a value into an empty element; raises `Misfit`."""

    def __call__(self, value: Any, element: etree._Element, /) -> None:
        """Write."""


class Misfit(Exception):
    """An element or a value that its codec does not take.

    Args:
        element: Where it stopped.
        found: What stood there.
        expected: What the codec wants there.
        below: Name of a child of `element` that is the true place, but does not exist; `@name` for an attribute.
    """

    def __init__(self, element: etree._Element, found: str, expected: str, below: str = "") -> None:
        super().__init__(found, expected)
        self.element, self.found, self.expected, self.below = element, found, expected, below


class Codec:
    """One Python type, as the content of one element.

    Args:
        content: Its outline.
        hashable: Whether its values can be members of a set.
        read: Its reader.
        write: Its writer.
    """

    __slots__ = ("content", "hashable", "read", "write")

    def __init__(self, content: Content, hashable: bool, read: Reader, write: Writer) -> None:
        self.content, self.hashable = content, hashable
        self.read: Reader = read
        self.write: Writer = write

    @property
    def noun(self) -> str:
        """Name the type in a few words, for errors."""
        return self.content.noun


def describe(value: object) -> str:
    """Say what `value` is, in bounded length whatever it is."""
    if value is None:
        return "None"
    kind = type(value).__name__
    if isinstance(value, str):
        return f"{kind} {quote(str.__str__(value))}"
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= _QUOTED_BITS):
        return f"{kind} {value!r}"
    return kind


def kind_of(value: object) -> str:
    """Say of what kind `value` is, and nothing of what is in it."""
    return "None" if value is None else type(value).__name__


def quote(text: str) -> str:
    """Quote the beginning of `text`."""
    cut = "…" if len(text) > _QUOTED_CHARACTERS else ""
    return f"{text[:_QUOTED_CHARACTERS]!r}{cut}"
