"""Codecs of types whose value is one text: str, numbers, dates, enumerations.

`SCALARS` maps the built-in types; `enum_codec` and `literal_codec` map closed sets of values. Reading refuses
any attribute, child, comment or entity inside the element, as each could hide a part of the text. A subclass
of a built-in type is written where reading back gives an equal value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from lxml import etree

from agentserver.xmlable import lexical
from agentserver.xmlable.codec import Codec, Misfit, Reader, Writer, describe, quote
from agentserver.xmlable.schema_document import SchemaDocument, restrict

Admits: TypeAlias = Callable[[object], bool]
Text: TypeAlias = Callable[[Any], str]

_LISTED_VALUES = 8


def _refuse_markup(element: etree._Element) -> Misfit:
    if element.keys():
        return Misfit(element, f"attribute {quote(str(element.keys()[0]))}", "no attributes")
    child = element[0].tag
    found = f"element {quote(child)}" if isinstance(child, str) else "a comment, instruction or entity"
    return Misfit(element, found, "text alone")


def _read_str(element: etree._Element) -> str:
    if len(element) or element.keys():
        raise _refuse_markup(element)
    return element.text or ""


def _write_str(value: Any, element: etree._Element) -> None:
    if not isinstance(value, str):
        raise Misfit(element, describe(value), "str")
    try:
        element.text = value
    except ValueError:
        raise Misfit(element, describe(value), "characters that XML allows") from None


def _reader(noun: str, parse: lexical.Parse) -> Reader:
    def read(element: etree._Element) -> Any:
        if len(element) or element.keys():
            raise _refuse_markup(element)
        text = element.text or ""
        try:
            return parse(text)
        except ValueError:
            raise Misfit(element, quote(text), noun) from None

    return read


def _writer(noun: str, admits: Admits, text: Text) -> Writer:
    def write(value: Any, element: etree._Element) -> None:
        if not admits(value):
            raise Misfit(element, describe(value), noun)
        try:
            element.text = text(value)
        except ValueError as exc:
            raise Misfit(element, describe(value), str(exc)) from None

    return write


class Scalar(Codec):
    """A built-in type.

    Args:
        noun: The type, and the name of its XSD type.
        base: The built-in XSD type.
        pattern: The lexical space; empty when it is all of `base`.
        text: Writes a value, or raises `ValueError` with what is expected.
        read: Reads an element.
        write: Writes into an element.
    """

    __slots__ = ("_base", "_pattern", "text")

    def __init__(self, noun: str, base: str, pattern: str, text: Text, read: Reader, write: Writer) -> None:
        self.noun, self.hashable, self.read, self.write = noun, True, read, write
        self._base, self._pattern, self.text = base, pattern, text

    def declare(self, declaration: etree._Element, schema: SchemaDocument) -> None:
        """Name the built-in type, or its restriction."""
        name = self._base
        if self._pattern:
            name = schema.named_type(self, self.noun, "simpleType", self._define)
        declaration.set("type", name)

    def _define(self, simple_type: etree._Element) -> None:
        restrict(simple_type, self._base, patterns=[self._pattern])


def _scalar(noun: str, base: str, pattern: str, parse: lexical.Parse, admits: Admits, text: Text) -> Scalar:
    return Scalar(noun, base, pattern, text, _reader(noun, parse), _writer(noun, admits, text))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (float, int)) and not isinstance(value, bool)


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is(kind: type) -> Admits:
    return lambda value: isinstance(value, kind)


SCALARS: Mapping[type, Scalar] = MappingProxyType(
    {
        str: Scalar("str", "xs:string", "", str, _read_str, _write_str),
        bool: _scalar("bool", "xs:boolean", "", lexical.parse_bool, _is(bool), lexical.bool_text),
        int: _scalar("int", "xs:integer", lexical.INT, lexical.parse_int, _is_int, lexical.int_text),
        float: _scalar(
            "float", "xs:double", lexical.FLOAT, lexical.parse_float, _is_number, lexical.float_text
        ),
        Decimal: _scalar(
            "Decimal",
            "xs:decimal",
            lexical.DECIMAL,
            lexical.parse_decimal,
            _is(Decimal),
            lexical.decimal_text,
        ),
        bytes: _scalar(
            "bytes", "xs:base64Binary", lexical.BASE64, lexical.parse_bytes, _is(bytes), lexical.bytes_text
        ),
        date: _scalar("date", "xs:date", lexical.DATE, lexical.parse_date, _is_date, date.isoformat),
        datetime: _scalar(
            "datetime",
            "xs:dateTime",
            lexical.DATETIME,
            lexical.parse_datetime,
            _is(datetime),
            lexical.datetime_text,
        ),
        time: _scalar("time", "xs:time", lexical.TIME, lexical.parse_time, _is(time), lexical.time_text),
        timedelta: _scalar(
            "timedelta",
            "xs:duration",
            lexical.DURATION,
            lexical.parse_duration,
            lambda value: type(value) is timedelta,
            lexical.duration_text,
        ),
        UUID: _scalar("UUID", "xs:token", lexical.UUID_TEXT, lexical.parse_uuid, _is(UUID), UUID.__str__),
    }
)
"""The built-in types, by exact class."""


class Choice(Codec):
    """A closed set of values, each with a text of its own.

    Args:
        name: Name of the XSD type; empty for an anonymous one.
        noun: The set in a few words.
        members: The values by text. When none of them is a str, blanks around the text do not count.
        preserve: Whether blanks around the text count.
    """

    __slots__ = ("_base", "_name", "_texts")

    def __init__(self, name: str, noun: str, members: Mapping[str, object], preserve: bool) -> None:
        self.noun, self.hashable, self._name, self._texts = noun, True, name, tuple(members)
        self._base = "xs:string" if preserve else "xs:token"
        texts = {(type(value), value): text for text, value in members.items()}

        def parse(text: str) -> object:
            try:
                return members[text if preserve else text.strip(lexical.BLANKS)]
            except KeyError:
                raise ValueError(text) from None

        def admits(value: object) -> bool:
            try:
                return (type(value), value) in texts
            except TypeError:  # unhashable
                return False

        self.read = _reader(noun, parse)
        self.write = _writer(noun, admits, lambda value: texts[type(value), value])

    def declare(self, declaration: etree._Element, schema: SchemaDocument) -> None:
        """List the texts, in a named type or in place."""
        if self._name:
            declaration.set("type", schema.named_type(self, self._name, "simpleType", self._define))
        else:
            self._define(etree.SubElement(declaration, f"{{{schema.root.nsmap['xs']}}}simpleType"))

    def _define(self, simple_type: etree._Element) -> None:
        restrict(simple_type, self._base, values=self._texts)


def choice(name: str, members: Sequence[tuple[object, object]]) -> Choice:
    """Make a codec for values that are written as the text of another.

    Args:
        name: Name of the XSD type; empty for an anonymous one.
        members: Each value, with the value of a built-in type that gives its text.

    Raises:
        ValueError: Two texts are the same, a text is of no built-in type, or XML does not allow it.
    """
    by_text: dict[str, object] = {}
    for member, value in members:
        scalar = SCALARS.get(type(value))
        if scalar is None:
            raise ValueError(f"the value {describe(value)} has no text in XML; use str or int")
        text = scalar.text(value)
        try:
            etree.Element("text").text = text
        except ValueError:
            raise ValueError(f"{quote(text)} has characters that XML does not allow") from None
        if text in by_text:
            raise ValueError(f"two values have the text {quote(text)}; make the texts differ")
        by_text[text] = member
    listed = ", ".join(quote(text) for text in islice(by_text, _LISTED_VALUES))
    noun = f"{name or 'Literal'} (one of {listed}{', …' if len(by_text) > _LISTED_VALUES else ''})"
    return Choice(name, noun, by_text, any(isinstance(value, str) for _, value in members))


def enum_codec(cls: type[Enum]) -> Choice:
    """Make the codec of an enumeration.

    Raises:
        ValueError: It cannot be mapped.
    """
    if issubclass(cls, Flag):
        raise ValueError(f"{cls.__name__} is a Flag, whose values combine; use set[an Enum]")
    if not len(cls):
        raise ValueError(f"the enumeration {cls.__name__} has no members")
    return choice(cls.__name__, [(member, member.value) for member in cls])


def literal_codec(values: tuple[object, ...]) -> Choice:
    """Make the codec of `Literal[values]`.

    Raises:
        ValueError: It cannot be mapped.
    """
    for value in values:
        if value is None:
            raise ValueError("None in a Literal is not mapped; use Literal[...] | None")
        if type(value) not in (str, int, bool):
            raise ValueError(f"{describe(value)} in a Literal is not mapped; use str, int or bool")
    return choice("", [(value, value) for value in values])
