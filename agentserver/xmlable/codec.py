"""What every mapped type can do, and how it says that it cannot.

A `Codec` stands for one Python type in the place of one element: it reads such an element, writes a value
into an empty one, and declares it in a schema. Codecs raise `Misfit` with the element at which they stopped;
the path is worked out from the tree afterwards, so that reading and writing carry none along. Codecs never
look at their element's own tag or tail: these belong to whoever placed the element.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from lxml import etree

if TYPE_CHECKING:
    from agentserver.xmlable.schema_document import SchemaDocument

_QUOTED_CHARACTERS = 80
_QUOTED_BITS = 256
_SHOWN_STEPS = 8


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
        below: Name of a child of `element` that is the true place, but does not exist.
    """

    def __init__(self, element: etree._Element, found: str, expected: str, below: str = "") -> None:
        super().__init__(found, expected)
        self.element, self.found, self.expected, self.below = element, found, expected, below


class Codec(ABC):
    """One Python type, as the content of one element.

    Attributes:
        noun: The type in a few words, for errors.
        hashable: Whether its values can be members of a set and keys of a dict.
        read: Its reader.
        write: Its writer.
    """

    __slots__ = ("hashable", "noun", "read", "write")

    noun: str
    hashable: bool
    read: Reader
    write: Writer

    @abstractmethod
    def declare(self, declaration: etree._Element, schema: SchemaDocument) -> None:
        """Give the type of this codec to `declaration`, an `xs:element`."""

    def step(self, tag: str) -> tuple[Codec | None, bool]:
        """Tell which codec takes the children called `tag`, and whether there may be several."""
        return None, False


def path_of(misfit: Misfit, root: etree._Element, codec: Codec) -> str:
    """Name the place of `misfit` below `root`, which `codec` took, as `Invoice/Lines[3]/Price`."""
    nodes = [misfit.element]
    while nodes[-1] is not root and (parent := nodes[-1].getparent()) is not None:
        nodes.append(parent)
    steps = [etree.QName(root).localname]
    current: Codec | None = codec
    for node in reversed(nodes[:-1]):
        tag, repeated = str(node.tag), False
        if current is not None:
            current, repeated = current.step(tag)
        position = sum(1 for _ in node.itersiblings(tag, preceding=True)) + 1 if repeated else 0
        steps.append(f"{tag}[{position}]" if repeated else tag)
    if misfit.below:
        steps.append(misfit.below)
    if len(steps) > _SHOWN_STEPS:
        steps[_SHOWN_STEPS // 2 : -_SHOWN_STEPS // 2] = ["…"]
    return "/".join(steps)


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


def quote(text: str) -> str:
    """Quote the beginning of `text`."""
    cut = "…" if len(text) > _QUOTED_CHARACTERS else ""
    return f"{text[:_QUOTED_CHARACTERS]!r}{cut}"
