"""JSON Schema of simple types, as `json_texts` writes them.

Takes one `Text`, gives the keywords that hold its values in JSON. Bounds hold numbers, patterns and lengths hold
strings, as JSON Schema has it, so one object does for a type that may be either.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from agentserver.xmlable import lexical
from agentserver.xmlable.json_texts import SPECIAL_NUMBERS, json_members, kind_of
from agentserver.xmlable.outline import Text
from agentserver.xmlable.regex.ecma import anchored
from agentserver.xmlable.regex.syntax import parse

Schema: TypeAlias = dict[str, Any]

_QUARTET: Final = "[A-Za-z0-9+/]"
_BASE64: Final = f"^(?:{_QUARTET}{{4}})*(?:{_QUARTET}{{2}}[AEIMQUYcgkosw048]=|{_QUARTET}[AQgw]==)?$"
_EXACT: Final = 2**53
"""Up to here a float is as good as the digits that it was written with: bounds beyond stay with the reader."""

_COLLAPSED: Final = r"^(?:[^ \t\n\r]+(?: [^ \t\n\r]+)*)?$"
_ONE_LINE: Final = r"^[^\t\n\r]*$"
_HEX: Final = "^(?:[0-9A-Fa-f]{2})*$"
_FORMATS: Final = ((lexical.DATE, "date"), (lexical.UUID_TEXT, "uuid"))
"""Formats of JSON Schema that say the same; those for moments want a zone, and that for durations no sign."""


_BY_VALUE: Final = frozenset(
    {
        "decimal",
        "double",
        "float",
        "date",
        "dateTime",
        "time",
        "duration",
        "base64Binary",
        "hexBinary",
        "QName",
    }
    | {"gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay", "anySimpleType"}
)
"""Bases of which one value has many texts: their closed sets cannot be listed."""


def text_schema(text: Text) -> Schema:
    """Give the schema of a simple type."""
    if text.values and text.base not in _BY_VALUE:
        return _closed(text)
    match kind_of(text):
        case "integer":
            return {"type": "integer"} | _bounds(text, whole=True) | _multiples(text)
        case "number":
            return _float(text)
        case "decimal":
            return {"type": ["string", "number"]} | _bounds(text) | _patterns(text)
        case "boolean":
            return {"type": "boolean"}
    return _string(text)


def _multiples(text: Text) -> Schema:
    return {"multipleOf": int(text.multiple_of)} if text.multiple_of else {}


def _closed(text: Text) -> Schema:
    members = json_members(text)
    if len(members) == 1:
        return {"const": members[0]}
    return {"enum": members}


def _float(text: Text) -> Schema:
    low, high = bool(text.at_least or text.above), bool(text.at_most or text.below)
    special = [
        name for name in SPECIAL_NUMBERS if not (low and name != "INF") and not (high and name != "-INF")
    ]
    if not special:
        return {"type": "number"} | _bounds(text)
    return {"type": ["number", "string"]} | _bounds(text) | {"pattern": f"^(?:{'|'.join(special)})$"}


def _bounds(text: Text, *, whole: bool = False) -> Schema:
    found: Schema = {}
    for keyword, bound in (
        ("minimum", text.at_least),
        ("exclusiveMinimum", text.above),
        ("maximum", text.at_most),
        ("exclusiveMaximum", text.below),
    ):
        number = _number(bound, whole)
        if number is not None:
            found[keyword] = number
    return found


def _number(bound: str, whole: bool) -> int | float | None:
    try:
        exact = Decimal(bound)
    except InvalidOperation:
        return None
    if not exact.is_finite() or exact.adjusted() > lexical.MAX_INT_DIGITS:
        return None
    if whole:
        return math.ceil(exact) if exact == math.ceil(exact) else None
    if abs(exact) > _EXACT:
        return None
    number = float(exact)
    if number.is_integer():
        return int(exact) if exact == int(exact) else None
    return number if Decimal(repr(number)) == exact else None


def _patterns(text: Text) -> Schema:
    """Give the patterns that JSON Schema can tell; the others stay with the reader."""
    found = []
    for pattern in (_lexical(text), *text.patterns):
        try:
            found += [anchored(parse(pattern))] if pattern else []
        except ValueError:
            continue
    if len(found) > 1:
        return {"allOf": [{"pattern": pattern} for pattern in found]}
    return {"pattern": found[0]} if found else {}


def _lexical(text: Text) -> str:
    """Give the pattern of the type's texts; of decimals from 0, one without a minus, but for -0."""
    lower = text.at_least or text.above
    if text.lexical != lexical.DECIMAL or not lower or Decimal(lower) < 0:
        return text.lexical
    zero = "" if text.above or Decimal(lower) else r"|-(0+(\.0*)?|\.0+)"
    return lexical.DECIMAL_FROM_0 + zero


def _string(text: Text) -> Schema:
    if text.base == "base64Binary":
        return {"type": "string", "contentEncoding": "base64", "pattern": _BASE64} | _base64_lengths(text)
    if text.base == "hexBinary":
        return {"type": "string", "contentEncoding": "base16", "pattern": _HEX} | _lengths(text, 2)
    schema: Schema = {"type": "string"}
    for lexical_space, name in _FORMATS:
        if text.lexical == lexical_space:
            schema["format"] = name
    patterns = _patterns(text)
    if not patterns and text.base not in ("string", "anySimpleType"):
        patterns = {"pattern": _ONE_LINE if text.base == "normalizedString" else _COLLAPSED}
    is_list = text.item is not None or text.base in ("NMTOKENS", "IDREFS", "ENTITIES")
    return schema | ({} if is_list or text.base in ("QName", "NOTATION") else _lengths(text)) | patterns


def _lengths(text: Text, characters: int = 1) -> Schema:
    found: Schema = {}
    if text.min_length is not None:
        found["minLength"] = text.min_length * characters
    if text.max_length is not None:
        found["maxLength"] = text.max_length * characters
    return found


def _base64_lengths(text: Text) -> Schema:
    """Give the lengths in characters: four for three octets, or a part of them."""
    found: Schema = {}
    if text.min_length is not None:
        found["minLength"] = -(-text.min_length // 3) * 4
    if text.max_length is not None:
        found["maxLength"] = -(-text.max_length // 3) * 4
    return found
