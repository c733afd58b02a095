"""What a plain YAML scalar means: the core schema of YAML 1.2.2, section 10.3.2.

PyYAML reads YAML 1.1, where `no` is false, `22:22` is 1342 and `2024-01-01` a date. Here `true` and `false`
alone are booleans, and what is no null, boolean or number is text. Takes text, gives a value, never raises.
"""

from __future__ import annotations

import re
from types import MappingProxyType

Scalar = str | int | float | bool | None

MAX_NUMBER_CHARS = 64
"""Longest text read as a number; a longer one stays text. Python itself refuses beyond 4,300 digits."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = MappingProxyType(
    {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
)
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def plain_value(text: str) -> Scalar:
    """Read one plain scalar as null, boolean, integer, float or text."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > MAX_NUMBER_CHARS:
        return text
    return _number(text)


def _number(text: str) -> str | int | float:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", ""))
    return text
