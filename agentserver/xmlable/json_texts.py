"""Values of simple types in JSON, and as the texts that XML has for them.

| base of the text | in JSON |
|---|---|
| `integer` and those derived from it | a number without a fraction |
| `double`, `float` | a number, rounded to a float; the strings `"NaN"`, `"INF"` and `"-INF"` |
| `decimal` | a string, which keeps every digit; a number is taken, too |
| `boolean` | `true`, `false` |
| all others | a string: the text as XML has it, without the blanks around it that do not count |

The members of a closed set of texts are strings, too; when all of them are the texts of ints and bools, and none is
that of a str, as in `Literal[1, True]`, they are numbers and bools. Raises `ValueError` with what is expected.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from agentserver.xmlable import lexical
from agentserver.xmlable.outline import Text

Kind: TypeAlias = Literal["integer", "number", "decimal", "boolean", "members", "string"]
"""How a simple type stands in JSON; `members` is a closed set of numbers and bools."""

_INTEGERS: Final = frozenset(
    {"integer", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger", "negativeInteger"}
    | {"long", "int", "short", "byte", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"}
)
_KINDS: Final = (("double", "number"), ("float", "number"), ("decimal", "decimal"), ("boolean", "boolean"))
_PRESERVED: Final = frozenset({"string", "anySimpleType"})
_PLAIN_MEMBER: Final = re.compile(r"true|false|0|-?[1-9][0-9]{0,17}")
_BLANKS: Final = re.compile(f"[{lexical.BLANKS}]+")
SPECIAL_NUMBERS: Final = ("NaN", "INF", "-INF")
"""What a float may be that JSON has no number for."""


def kind_of(text: Text) -> Kind:
    """Tell how the values of `text` stand in JSON."""
    if text.base in _INTEGERS:
        return "integer"
    for base, kind in _KINDS:
        if text.base == base:
            return kind  # type: ignore[return-value]  # the table above holds kinds alone
    if text.base == "token" and text.values and all(map(_PLAIN_MEMBER.fullmatch, text.values)):
        return "members"
    return "string"


def json_members(text: Text) -> list[Any]:
    """Give the closed set of `text` in JSON, in order; empty when it is not closed."""
    return [json_value(text, value) for value in text.values]


def normal(text: Text, raw: str) -> str:
    """Give `raw` with its blanks as the type counts them (XML Schema part 2, 4.3.6)."""
    if text.base in _PRESERVED:
        return raw
    if text.base == "normalizedString":
        return re.sub(f"[{lexical.BLANKS}]", " ", raw)
    return _BLANKS.sub(" ", raw).strip(" ")


def json_value(text: Text, raw: str) -> Any:
    """Give what JSON has for a text of XML.

    Raises:
        ValueError: It is no text of this type.
    """
    found = normal(text, raw)
    match kind_of(text):
        case "integer":
            return lexical.parse_int(found)
        case "number":
            return _number(lexical.parse_float(found))
        case "boolean":
            return lexical.parse_bool(found)
        case "members":
            return lexical.parse_bool(found) if found in ("true", "false") else lexical.parse_int(found)
        case "decimal":
            lexical.parse_decimal(found)
            return found
    return found.replace(" ", "") if text.base == "base64Binary" else found


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else lexical.float_text(value)


def xml_text(text: Text, value: Any) -> str:
    """Give the text that XML has for a value of JSON.

    Raises:
        ValueError: It is no value for this type; the text of the error says what is expected. Bounds, lengths and
            patterns are for the reader to check.
    """
    match kind_of(text):
        case "integer":
            return _int_text(value)
        case "number":
            return _float_text(value)
        case "decimal":
            return _decimal_text(text, value)
        case "boolean":
            if isinstance(value, bool):
                return lexical.bool_text(value)
            raise ValueError("true or false")
        case "members":
            return _member_text(text, value)
    return _string(text, value)


def _int_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a number without a fraction")
    return lexical.int_text(value)


def _float_text(value: Any) -> str:
    if isinstance(value, str) and value in SPECIAL_NUMBERS:
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):  # beyond a float, or a signalling NaN
            number = math.inf
        if math.isfinite(number):
            return lexical.float_text(number)
    raise ValueError('a number within the range of a float, or "NaN", "INF" or "-INF"')


def _decimal_text(text: Text, value: Any) -> str:
    if isinstance(value, str):
        return _string(text, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return lexical.int_text(value)
    if isinstance(value, float) and math.isfinite(value):
        return lexical.decimal_text(
            Decimal(repr(value))
        )  # the digits that were written, not those of the binary
    if isinstance(value, Decimal):
        return lexical.decimal_text(value)
    raise ValueError("a decimal number, best as a string")


def _member_text(text: Text, value: Any) -> str:
    if isinstance(value, bool):
        found = lexical.bool_text(value)
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        found = _int_text(value) if abs(value) < 10**18 else ""
    else:
        found = ""
    if found not in text.values:
        raise ValueError(text.noun)
    return found


def _string(text: Text, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a string: {text.noun}")
    found = str.__str__(value)
    if normal(text, found) != found:
        raise ValueError(f"{text.noun} without blanks around it")
    if text.base == "base64Binary" and not _is_base64(found):
        raise ValueError("base64 with its padding and without blanks")
    return found


def _is_base64(found: str) -> bool:
    try:
        return lexical.bytes_text(lexical.parse_bytes(found)) == found
    except ValueError:
        return False
