"""Codecs of closed sets of values, each with a text of its own: enumerations and literals.

Raises `ValueError`, whose text is the reason and the remedy, for a set that cannot be mapped. When none of the
values is a str, blanks around a text do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, Flag
from itertools import islice

from lxml import etree

from agentserver.xmlable import lexical
from agentserver.xmlable.codec import describe, quote
from agentserver.xmlable.outline import Text
from agentserver.xmlable.simple import SCALARS, Simple

_LISTED_VALUES = 8


def enum_codec(cls: type[Enum]) -> Simple:
    """Make the codec of an enumeration.

    Raises:
        ValueError: It cannot be mapped.
    """
    if issubclass(cls, Flag):
        raise ValueError(f"{cls.__name__} is a Flag, whose values combine; use set[an Enum]")
    if not len(cls):
        raise ValueError(f"the enumeration {cls.__name__} has no members")
    return _choice(cls.__name__, [(member, member.value) for member in cls])


def literal_codec(values: tuple[object, ...]) -> Simple:
    """Make the codec of `Literal[values]`.

    Raises:
        ValueError: It cannot be mapped.
    """
    for value in values:
        if value is None:
            raise ValueError("None in a Literal is not mapped; use Literal[...] | None")
        if type(value) not in (str, int, bool):
            raise ValueError(f"{describe(value)} in a Literal is not mapped; use str, int or bool")
    return _choice("", [(value, value) for value in values])


def _choice(name: str, members: Sequence[tuple[object, object]]) -> Simple:
    """Make a codec for values that are written as the text of another, of a built-in type."""
    by_text: dict[str, object] = {}
    for member, value in members:
        text = _text(value)
        if text in by_text:
            raise ValueError(f"two values have the text {quote(text)}; make the texts differ")
        by_text[text] = member
    listed = ", ".join(quote(text) for text in islice(by_text, _LISTED_VALUES))
    noun = f"{name or 'Literal'} (one of {listed}{', …' if len(by_text) > _LISTED_VALUES else ''})"
    preserve = any(isinstance(value, str) for _, value in members)
    return _codec(Text(noun, "string" if preserve else "token", name, values=tuple(by_text)), by_text)


def _text(value: object) -> str:
    scalar = SCALARS.get(type(value))
    if scalar is None:
        raise ValueError(f"the value {describe(value)} has no text in XML; use str or int")
    text = scalar.encode(value)
    try:
        etree.Element("text").text = text
    except ValueError:
        raise ValueError(f"{quote(text)} has characters that XML does not allow") from None
    return text


def _codec(content: Text, by_text: Mapping[str, object]) -> Simple:
    texts = {(type(value), value): text for text, value in by_text.items()}
    preserve = content.base == "string"

    def parse(text: str) -> object:
        try:
            return by_text[text if preserve else text.strip(lexical.BLANKS)]
        except KeyError:
            raise ValueError(text) from None

    def admits(value: object) -> bool:
        try:
            return (type(value), value) in texts
        except TypeError:  # unhashable
            return False

    return Simple(content, parse, admits, lambda value: texts[type(value), value])
