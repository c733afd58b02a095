"""Texts for examples: such as a person would write, and always ones that the contract allows.

Takes one simple type of an outline, gives texts that are checked, one by one, by its own schema. What cannot be found
is said, never guessed: `ValueError`. Nothing is random; the same outline gives the same texts.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat
from types import MappingProxyType
from typing import Final

from lxml import etree

from agentserver.errors import shorten
from agentserver.xmlable.example_numbers import Values, moments, numbers
from agentserver.xmlable.outline import Field, Text
from agentserver.xmlable.regex.sample import samples
from agentserver.xmlable.regex.syntax import parse
from agentserver.xmlable.xsd_writer import schema_documents

_TRIED: Final = 4000
_NUMBERED: Final = 1000
_LONGEST: Final = 10_000
_UUID: Final = "123e4567-e89b-12d3-a456-4266141740"
_FIXED: Final = MappingProxyType(
    {
        "boolean": ("true", "false"),
        "language": ("en", "de", "fr"),
        "gYear": ("2026", "2027"),
        "gYearMonth": ("2026-01", "2026-02"),
        "gMonthDay": ("--01-31", "--02-01"),
        "gMonth": ("--01", "--02"),
        "gDay": ("---31", "---01"),
    }
)
_WORDS: Final = MappingProxyType(
    {
        **dict.fromkeys(("Name", "NCName", "QName", "NMTOKEN", "ENTITY", "NOTATION"), "name"),
        "ID": "id",
        "IDREF": "id",
        "anyURI": "https://example.org/",
    }
)
_LISTS: Final = MappingProxyType({"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"})


class ExampleTexts:
    """Finds texts, and remembers them."""

    __slots__ = ("_checks", "_found")

    def __init__(self) -> None:
        self._checks: dict[Text, Callable[[str], bool]] = {}
        self._found: dict[tuple[Text, str], tuple[list[str], Iterator[str]]] = {}

    def text(self, text: Text, turn: int = 0, *, word: str = "text", default: str | None = None) -> str:
        """Give a text that `text` allows.

        Args:
            text: The type.
            turn: Which of the texts; the last one when there are fewer.
            word: What a text that may say anything says.
            default: What is tried first.

        Raises:
            ValueError: None is found.
        """
        if turn == 0 and default is not None and self._accepts(text, default):
            return default
        found, more = self._found.setdefault((text, word), ([], self._valid(text, word)))
        while len(found) <= turn:
            further = next(more, None)
            if further is None:
                break
            if further not in found:
                found.append(further)
        if not found:
            raise ValueError(_none_found(text))
        return found[min(turn, len(found) - 1)]

    def _valid(self, text: Text, word: str) -> Iterator[str]:
        return (
            candidate
            for candidate in islice(_candidates(text, word), _TRIED)
            if self._accepts(text, candidate)
        )

    def _accepts(self, text: Text, candidate: str) -> bool:
        if text not in self._checks:
            self._checks[text] = _check(text)
        return self._checks[text](candidate)


def _none_found(text: Text) -> str:
    patterns = shorten(", ".join([*text.patterns, *filter(None, [text.lexical])][:2]), 120)
    said = f" and the pattern {patterns}" if patterns else ""
    return f"no text was found that {text.noun} allows with its bounds{said}; give a default, or fewer constraints"


def _check(text: Text) -> Callable[[str], bool]:
    try:
        schema = etree.XMLSchema(schema_documents(Field("Text", text))["Text.xsd"])
    except etree.XMLSchemaParseError:  # its bounds contradict each other
        return lambda candidate: False

    def accepts(candidate: str) -> bool:
        element = etree.Element("Text")
        try:
            element.text = candidate
            return schema.validate(element)
        except (ValueError, etree.LxmlError):  # not for XML; a pattern that takes too long to match
            return False

    return accepts


def _candidates(text: Text, word: str) -> Iterator[str]:
    sources = (*text.patterns, text.lexical) if text.lexical else text.patterns
    patterns = chain.from_iterable(map(_from_pattern, repeat(text), sources))
    return chain(text.values, () if text.values else chain(_by_base(text, word), patterns))


def _from_pattern(text: Text, pattern: str) -> Iterator[str]:
    try:
        node = parse(pattern)
    except ValueError:
        return iter(())
    return samples(node, tuple(length for length in (text.min_length, text.max_length) if length))


def _by_base(text: Text, word: str) -> Iterator[str]:
    if text.any_of:
        return chain.from_iterable(_candidates(member, word) for member in text.any_of)
    if text.item is not None or text.base in _LISTS:
        return _lists(text, text.item or Text("", _LISTS[text.base]), word)
    if text.base in _FIXED:
        return chain(_FIXED[text.base], filter(None, (text.at_least, text.at_most)))
    if text.base in ("hexBinary", "base64Binary"):
        return _octets(text)
    if text.base in ("decimal", "double", "float"):
        return numbers(text, whole=False)
    found: Values | None = moments(text)
    if found is not None:
        return found
    if text.base in ("string", "token", "normalizedString", "anySimpleType") or text.base in _WORDS:
        return _words(text, _WORDS.get(text.base, word))
    return numbers(text, whole=True)


def _lists(text: Text, item: Text, word: str) -> Iterator[str]:
    count = max(text.min_length or 1, 1)
    for candidate in _candidates(item, word):
        yield " ".join([candidate] * count)


def _octets(text: Text) -> Iterator[str]:
    least, most = text.min_length or 0, text.max_length
    for number in range(_NUMBERED):
        data = f"example{number or ''}".encode()
        data = (data * (least // len(data) + 1))[: max(least, len(data))] if least <= _LONGEST else b""
        data = data if most is None else data[:most]
        yield base64.b64encode(data).decode() if text.base == "base64Binary" else data.hex().upper()


def _words(text: Text, word: str) -> Iterator[str]:
    """Give the word, and then the word with a number, cut or filled to the lengths that are allowed."""
    least, most = text.min_length or 0, text.max_length
    if text.lexical:
        yield from (f"{_UUID}{number:02}" for number in range(100))
    if least > _LONGEST:
        return
    for number in range(1, _NUMBERED):
        blank = " " if text.base in ("string", "token", "normalizedString", "anySimpleType") else ""
        tail = f"{blank}{number}" if number > 1 else ""
        filled = word + tail
        if len(filled) < least:
            filling = f"{word}{blank}" * (least // len(word) + 1)
            filled = filling[: least - len(tail)].rstrip().ljust(least - len(tail), word[-1]) + tail
        if most is not None and len(filled) > most:
            filled = (
                (word[: max(most - len(str(number)), 0)] + str(number))[-most:] if number > 1 else word[:most]
            )
            filled = filled if most else ""
        yield filled
