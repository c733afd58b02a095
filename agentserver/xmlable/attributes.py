"""Reading and writing one attribute, by the codec of its text.

Takes the attribute's name and a `Simple` codec; gives functions that raise `Misfit` at `@name`. Whether the
attribute is there at all is for the reader and writer of the whole element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from agentserver.xmlable.codec import Misfit, describe, quote
from agentserver.xmlable.simple import Simple


def attribute_reader(tag: str, codec: Simple) -> Callable[[str, etree._Element], Any]:
    """Give what turns the text of the attribute into a value; it takes the text and the element."""
    parse, noun = codec.parse, codec.noun

    def read(text: str, element: etree._Element) -> Any:
        try:
            return parse(text)
        except ValueError:
            raise Misfit(element, quote(text), noun, below=f"@{tag}") from None

    return read


def attribute_writer(tag: str, codec: Simple) -> Callable[[Any, etree._Element], None]:
    """Give what sets the attribute to a value; it takes the value and the element."""

    def write(value: Any, element: etree._Element) -> None:
        try:
            text = codec.text(value)
        except ValueError as exc:
            raise Misfit(element, describe(value), str(exc), below=f"@{tag}") from None
        try:
            element.set(tag, text)
        except ValueError:
            expected = "characters that XML allows"
            raise Misfit(element, describe(value), expected, below=f"@{tag}") from None

    return write
