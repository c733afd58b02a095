"""Keys of dicts: simple types that Python and XSD find equal in the same cases.

An XSD holds the keys of a dict to be unique by their values, not by their texts. Where the validators do not see
the same value in two texts in which Python does, the type is narrowed to one way to write it, or refused with
`Unmappable`. What each validator makes of each notation was tried out; the tests hold it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from agentserver.xmlable import lexical
from agentserver.xmlable.codec import Codec
from agentserver.xmlable.refusals import Unmappable
from agentserver.xmlable.simple import Simple


class _Notation(NamedTuple):
    """The one way in which a type is written as a key."""

    pattern: str
    phrase: str
    encode: Callable[[Any], Any] = lambda value: value


def _positive_zero(value: Any) -> Any:
    return value if value else abs(value)


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime) and value.utcoffset():
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("a datetime within the years 1 to 9999 of UTC") from None
    if isinstance(value, time) and value.utcoffset() not in (None, timedelta(0)):
        raise ValueError("a time in UTC, or without an offset, since it is a key")
    return value


_NOTATIONS: Final = MappingProxyType(
    {
        "integer": _Notation(r"[+]?[0-9]+|-0*[1-9][0-9]*", "no -0", _positive_zero),
        "decimal": _Notation(
            r"[+]?[0-9.]+|-(0*[1-9][0-9]*(\.[0-9]*)?|0*\.0*[1-9][0-9]*)", "no -0", _positive_zero
        ),
        "dateTime": _Notation(
            f"{lexical.DATE}T[0-9:.]*(Z|[+\\-]00:00)?", "in UTC or without offset", _in_utc
        ),
        "time": _Notation(r"[0-9:.]*(Z|[+\-]00:00)?", "in UTC or without offset", _in_utc),
        "token": _Notation("[0-9a-f-]*", "in lower case"),
    }
)


def key_codec(codec: Codec) -> Simple:
    """Give the codec of a type in the place of a key.

    Raises:
        Unmappable: It cannot be a key.
    """
    if not isinstance(codec, Simple):
        raise Unmappable(f"{codec.noun} cannot be a key, as an XSD compares texts; use list[tuple[...]]")
    base, values = codec.content.base, codec.content.values
    if base == "double":
        raise Unmappable(
            "float cannot be a key, as NaN and -0.0 are equal in one place and not in another; use Decimal"
        )
    if values and base in ("string", "token"):
        members = [codec.parse(text) for text in values]
        if len(_distinct(codec, members)) < len(members):
            raise Unmappable(f"{codec.noun} has members that Python takes for the same key; leave one out")
        return codec if base == "string" else _exact(codec)
    notation = _NOTATIONS.get(base)
    if notation is None:
        return codec
    return _in_notation(_exact(codec) if base == "token" else codec, notation)


def _distinct(codec: Codec, members: list[Any]) -> set[Any]:
    try:
        return set(members)
    except TypeError:  # an Enum with an equality of its own
        raise Unmappable(f"{codec.noun} cannot be a key, as it has no hash; give it one") from None


def _exact(codec: Simple) -> Simple:
    """Let no blanks stand around the text: not every validator leaves them out when it compares keys."""
    content = dataclasses.replace(codec.content, base="string", name="")
    parse_any = codec.parse

    def parse(text: str) -> Any:
        if text != text.strip(lexical.BLANKS):
            raise ValueError(text)
        return parse_any(text)

    return Simple(content, parse, codec.admits, codec.encode)


def _in_notation(codec: Simple, notation: _Notation) -> Simple:
    matches = re.compile(notation.pattern).fullmatch
    content = dataclasses.replace(
        codec.content,
        noun=f"{codec.noun}, {notation.phrase}",
        patterns=(*codec.content.patterns, notation.pattern),
    )
    parse_any, encode_any = codec.parse, codec.encode

    def parse(text: str) -> Any:
        if matches(text.strip(lexical.BLANKS)) is None:
            raise ValueError(text)
        return parse_any(text)

    def encode(value: Any) -> str:
        text = encode_any(notation.encode(value))
        if matches(text) is None:
            raise ValueError(content.noun)
        return text

    return Simple(content, parse, codec.admits, encode)
