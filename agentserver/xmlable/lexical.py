"""Texts of simple values: from text to value and back, exactly as the XSD has it.

One regular expression per type, written in what XSD and Python's `re` have in common, is both the pattern
facet of the schema and the check of the reader, so the two cannot drift apart. Functions here raise
`ValueError`: the text is outside the lexical space, or the value is outside the bounds.

Bounds, which both sides hold: years 0001-9999; offsets from UTC in whole minutes up to 14 hours (XSD 1.0);
microseconds; durations of 8 digits of days, and 9 of hours, minutes and seconds each; `MAX_INT_DIGITS` and
`MAX_DECIMAL_DIGITS`. A float beyond the range of a double, such as 1e999, is infinity, as IEEE 754 rounds it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

Parse: TypeAlias = Callable[[str], Any]

MAX_INT_DIGITS = 4300
"""Most digits of an int: where CPython's `int(str)` stops by default."""

MAX_DECIMAL_DIGITS = 1000
"""Most digits before, and most digits after, the point of a Decimal."""

BLANKS = " \t\n\r"
"""The white space of XML 1.0, production 3. Python's own idea of it is wider."""

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = r"(Z|[+\-](0[0-9]|1[0-3]):[0-5][0-9]|[+\-]14:00)?"

INT = rf"[+\-]?[0-9]{{1,{MAX_INT_DIGITS}}}"
FLOAT = r"-?INF|NaN|[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+\-]?[0-9]+)?"
_MANY = f"{{1,{MAX_DECIMAL_DIGITS}}}"
_DECIMAL_DIGITS = rf"([0-9]{_MANY}(\.([0-9]{_MANY})?)?|\.[0-9]{_MANY})"
DECIMAL = rf"[+\-]?{_DECIMAL_DIGITS}"
DECIMAL_FROM_0 = rf"[+]?{_DECIMAL_DIGITS}"
BASE64 = "[A-Za-z0-9+/= ]*"
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = _CLOCK + _ZONE
DATETIME = f"{DATE}T{_CLOCK}{_ZONE}"
# Each digit of a duration can be in one place only: libxml2 miscounts where two places compete.
_COUNT = "[0-9]{1,9}"
_FROM_SECONDS = r"(\.[0-9]{1,6})?S"
_FROM_MINUTES = f"(M({_COUNT}{_FROM_SECONDS})?|{_FROM_SECONDS})"
_SPAN = f"T{_COUNT}(H({_COUNT}{_FROM_MINUTES})?|{_FROM_MINUTES})"
DURATION = f"-?P([0-9]{{1,8}}D({_SPAN})?|{_SPAN})"

_HEX = "[0-9a-fA-F]"
UUID_TEXT = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

_MAX_DAYS, _MAX_COUNT = 99_999_999, 999_999_999
_LONGEST = timedelta(_MAX_DAYS, _MAX_COUNT, 999_999, 0, _MAX_COUNT, _MAX_COUNT)
_INT_END = 10**MAX_INT_DIGITS
_SHORT_INT_DIGITS = 18
_BOOLS = MappingProxyType({"true": True, "false": False, "1": True, "0": False})
_SPECIAL_FLOATS = MappingProxyType({"inf": "INF", "-inf": "-INF", "nan": "NaN"})


def collapsed(pattern: str, convert: Parse) -> Parse:
    """Give a parser for texts of `pattern` between optional blanks.

    Args:
        pattern: The lexical space, as in the XSD.
        convert: Turns a text of that space into a value; may raise `ValueError` still.
    """
    match = re.compile(f"[{BLANKS}]*({pattern})[{BLANKS}]*").fullmatch

    def parse(text: str) -> Any:
        found = match(text)
        if found is None:
            raise ValueError(text)
        return convert(found[1])

    return parse


_parse_padded_int = collapsed(INT, int)
parse_float = collapsed(FLOAT, float)
parse_decimal = collapsed(DECIMAL, Decimal)
parse_date = collapsed(DATE, date.fromisoformat)
parse_time = collapsed(TIME, time.fromisoformat)
parse_datetime = collapsed(DATETIME, datetime.fromisoformat)
parse_uuid = collapsed(UUID_TEXT, UUID)


def parse_int(text: str) -> int:
    """Read an int, most of which are a few digits alone."""
    if text.isdecimal() and text.isascii() and len(text) <= _SHORT_INT_DIGITS:
        return int(text)
    number: int = _parse_padded_int(text)
    return number


def parse_bool(text: str) -> bool:
    """Read a bool."""
    value = _BOOLS.get(text)
    if value is None:
        value = _BOOLS.get(text.strip(BLANKS))
        if value is None:
            raise ValueError(text)
    return value


def parse_bytes(text: str) -> bytes:
    """Decode base64 with blanks anywhere; the padding must be there, and its spare bits zero."""
    compact = text.encode("ascii").translate(None, BLANKS.encode())
    data = binascii.a2b_base64(compact)
    if binascii.b2a_base64(data, newline=False) != compact:
        raise ValueError("no canonical base64")
    return data


def _duration(text: str) -> timedelta:
    found = _DURATION_PARTS(text)
    assert found is not None, "the pattern of the schema is narrower"
    days, hours, minutes, seconds, fraction = (found[name] or "0" for name in "dhmsf")
    span = timedelta(int(days), int(seconds), int(fraction.ljust(6, "0")), 0, int(minutes), int(hours))
    return -span if text[0] == "-" else span


_DURATION_PARTS = re.compile(
    r"-?P((?P<d>\d+)D)?(T((?P<h>\d+)H)?((?P<m>\d+)M)?((?P<s>\d+)(\.(?P<f>\d+))?S)?)?"
).fullmatch
parse_duration = collapsed(DURATION, _duration)

_TIME_MATCH = re.compile(TIME).fullmatch
_DATETIME_MATCH = re.compile(DATETIME).fullmatch


def int_text(value: int) -> str:
    """Write an int, or raise `ValueError` when it has too many digits."""
    if -_INT_END < value < _INT_END:
        return int.__repr__(value)
    raise ValueError(f"int of at most {MAX_INT_DIGITS} digits")


def float_text(value: float | int) -> str:
    """Write a float, or an int that a float holds exactly."""
    if not isinstance(value, float):
        value = _exact_float(value)
    text = float.__repr__(value)
    return _SPECIAL_FLOATS.get(text, text)


def _exact_float(value: int) -> float:
    try:
        number = float(value)
    except OverflowError as exc:
        raise ValueError("number within the range of a float") from exc
    if number != value:
        raise ValueError("number that a float holds exactly")
    return number


def decimal_text(value: Decimal) -> str:
    """Write a Decimal without an exponent."""
    expected = f"finite Decimal of at most {MAX_DECIMAL_DIGITS} digits before and after the point"
    if not value.is_finite() or value.adjusted() >= MAX_DECIMAL_DIGITS:
        raise ValueError(expected)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DECIMAL_DIGITS:
        raise ValueError(expected)
    return format(value, "f")


def bool_text(value: bool) -> str:
    """Write a bool."""
    return "true" if value else "false"


def bytes_text(value: bytes) -> str:
    """Write bytes in base64, on one line."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def time_text(value: time) -> str:
    """Write a time of day."""
    text = value.isoformat()
    if (value.tzinfo is not None or type(value) is not time) and not _is_writable(value, _TIME_MATCH(text)):
        raise ValueError("time with no offset or one of whole minutes within 14 hours")
    return text


def datetime_text(value: datetime) -> str:
    """Write a date and time."""
    text = value.isoformat()
    if (value.tzinfo is not None or type(value) is not datetime) and not _is_writable(
        value, _DATETIME_MATCH(text)
    ):
        raise ValueError("datetime with no offset or one of whole minutes within 14 hours")
    return text


def _is_writable(value: time | datetime, match: object) -> bool:
    # A time zone that knows no offset writes nothing, and would be lost.
    return match is not None and (value.tzinfo is None or value.utcoffset() is not None)


def duration_text(value: timedelta) -> str:
    """Write a duration as days, hours, minutes and seconds."""
    span = abs(value)
    if span > _LONGEST:
        raise ValueError(f"timedelta of at most {_LONGEST}")
    days, seconds = span.days, span.seconds
    if days > _MAX_DAYS:  # such as P99999999DT24H, which is read
        days, seconds = _MAX_DAYS, seconds + (days - _MAX_DAYS) * 86_400
    hours = min(seconds // 3_600, _MAX_COUNT)
    minutes = min((seconds - hours * 3_600) // 60, _MAX_COUNT)
    seconds -= hours * 3_600 + minutes * 60
    fraction = f".{span.microseconds:06d}" if span.microseconds else ""
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or fraction or not (days or clock):
        clock += f"{seconds}{fraction}S"
    return "-" * (value.days < 0) + "P" + f"{days}D" * bool(days) + ("T" + clock) * bool(clock)
