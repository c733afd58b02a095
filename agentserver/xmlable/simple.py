"""Codecs of types whose value is one text: str, numbers, dates.

`SCALARS` maps the built-in types; `choices` and `constraints` make more codecs of the same class. A `Simple`
codec can also do without an element, for what stands in an attribute. A subclass of a built-in type is written
where reading back gives an equal value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from lxml import etree

from agentserver.xmlable import lexical
from agentserver.xmlable.codec import Codec, Misfit, Reader, Writer, describe, quote
from agentserver.xmlable.element_text import text_among_markup
from agentserver.xmlable.outline import Text

Admits: TypeAlias = Callable[[object], bool]
Encode: TypeAlias = Callable[[Any], str]


class Simple(Codec):
    """A type whose value is one text.

    Args:
        content: Its outline.
        parse: Gives the value of a text, or raises `ValueError`.
        admits: Tells whether a value is of the type.
        encode: Gives the text of such a value, or raises `ValueError` with what is expected.
        read: Reads an element; made of `parse` when left out.
        write: Writes into an element; made of `admits` and `encode` when left out.
    """

    __slots__ = ("admits", "content", "encode", "parse")

    content: Text

    def __init__(
        self,
        content: Text,
        parse: lexical.Parse,
        admits: Admits,
        encode: Encode,
        read: Reader | None = None,
        write: Writer | None = None,
    ) -> None:
        noun = content.noun
        super().__init__(content, True, read or _reader(noun, parse), write or _writer(noun, admits, encode))
        self.parse, self.admits, self.encode = parse, admits, encode

    def text(self, value: object) -> str:
        """Give the text of a value.

        Raises:
            ValueError: The value does not fit; the text says what is expected.
        """
        if not self.admits(value):
            raise ValueError(self.noun)
        return self.encode(value)


def _read_str(element: etree._Element) -> str:
    if len(element) or element.keys():
        return text_among_markup(element)
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
        text = text_among_markup(element) if len(element) or element.keys() else element.text or ""
        try:
            return parse(text)
        except ValueError:
            raise Misfit(element, quote(text), noun) from None

    return read


def _writer(noun: str, admits: Admits, encode: Encode) -> Writer:
    def write(value: Any, element: etree._Element) -> None:
        if not admits(value):
            raise Misfit(element, describe(value), noun)
        try:
            text = encode(value)
        except ValueError as exc:
            raise Misfit(element, describe(value), str(exc)) from None
        try:
            element.text = text
        except ValueError:
            raise Misfit(element, describe(value), "characters that XML allows") from None

    return write


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (float, int)) and not isinstance(value, bool)


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_timedelta(value: object) -> bool:
    return type(value) is timedelta


def _is(kind: type) -> Admits:
    return lambda value: isinstance(value, kind)


def _scalar(
    noun: str, base: str, pattern: str, parse: lexical.Parse, admits: Admits, encode: Encode
) -> Simple:
    return Simple(Text(noun, base, noun if pattern else "", pattern), parse, admits, encode)


SCALARS: Mapping[type, Simple] = MappingProxyType(
    {
        str: Simple(Text("str", "string"), str, _is(str), str.__str__, _read_str, _write_str),
        bool: _scalar("bool", "boolean", "", lexical.parse_bool, _is(bool), lexical.bool_text),
        int: _scalar("int", "integer", lexical.INT, lexical.parse_int, _is_int, lexical.int_text),
        float: _scalar("float", "double", lexical.FLOAT, lexical.parse_float, _is_number, lexical.float_text),
        Decimal: _scalar(
            "Decimal",
            "decimal",
            lexical.DECIMAL,
            lexical.parse_decimal,
            _is(Decimal),
            lexical.decimal_text,
        ),
        bytes: _scalar(
            "bytes", "base64Binary", lexical.BASE64, lexical.parse_bytes, _is(bytes), lexical.bytes_text
        ),
        date: _scalar("date", "date", lexical.DATE, lexical.parse_date, _is_date, date.isoformat),
        datetime: _scalar(
            "datetime",
            "dateTime",
            lexical.DATETIME,
            lexical.parse_datetime,
            _is(datetime),
            lexical.datetime_text,
        ),
        time: _scalar("time", "time", lexical.TIME, lexical.parse_time, _is(time), lexical.time_text),
        timedelta: _scalar(
            "timedelta",
            "duration",
            lexical.DURATION,
            lexical.parse_duration,
            _is_timedelta,
            lexical.duration_text,
        ),
        UUID: _scalar("UUID", "token", lexical.UUID_TEXT, lexical.parse_uuid, _is(UUID), UUID.__str__),
    }
)
"""The built-in types, by exact class."""
