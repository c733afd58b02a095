"""What XSD says of its built-in simple types: what each restricts, its bounds, its white space.

Knows the types by their local names; one that is none of XSD counts as restricting nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_PARENTS: Final = MappingProxyType(
    {
        "normalizedString": "string",
        "token": "normalizedString",
        "language": "token",
        "NMTOKEN": "token",
        "Name": "token",
        "NCName": "Name",
        "ID": "NCName",
        "IDREF": "NCName",
        "ENTITY": "NCName",
        "integer": "decimal",
        "nonPositiveInteger": "integer",
        "negativeInteger": "nonPositiveInteger",
        "long": "integer",
        "int": "long",
        "short": "int",
        "byte": "short",
        "nonNegativeInteger": "integer",
        "positiveInteger": "nonNegativeInteger",
        "unsignedLong": "nonNegativeInteger",
        "unsignedInt": "unsignedLong",
        "unsignedShort": "unsignedInt",
        "unsignedByte": "unsignedShort",
    }
)
_BOUNDS: Final = MappingProxyType(
    {
        "nonPositiveInteger": ("", "0"),
        "negativeInteger": ("", "-1"),
        "long": (str(-(2**63)), str(2**63 - 1)),
        "int": (str(-(2**31)), str(2**31 - 1)),
        "short": (str(-(2**15)), str(2**15 - 1)),
        "byte": ("-128", "127"),
        "nonNegativeInteger": ("0", ""),
        "positiveInteger": ("1", ""),
        "unsignedLong": ("0", str(2**64 - 1)),
        "unsignedInt": ("0", str(2**32 - 1)),
        "unsignedShort": ("0", str(2**16 - 1)),
        "unsignedByte": ("0", "255"),
    }
)
_ANY_TEXT: Final = ("string", "normalizedString", "token", "anySimpleType")


def restricts(base: str, other: str) -> bool:
    """Tell whether a type is another, or restricts it."""
    current: str | None = base
    while current is not None and current != other:
        current = _PARENTS.get(current)
    return current == other


def is_integer(base: str) -> bool:
    """Tell whether the values of a type are whole numbers."""
    return restricts(base, "integer")


def is_any_text(base: str) -> bool:
    """Tell whether a type takes every text."""
    return base in _ANY_TEXT


def bounds(base: str) -> tuple[str, str]:
    """Give the least and the greatest value of a type of whole numbers; empty for none."""
    return _BOUNDS.get(base, ("", ""))


def fits(base: str, other: str) -> bool:
    """Tell whether each text of a type is one of another, bounds aside."""
    if restricts(base, other) or is_any_text(other):
        return True
    if other in ("double", "float"):
        return restricts(base, "decimal") or base in ("double", "float")
    return restricts(base, "integer") and restricts(other, "integer")


def white_space(base: str) -> str:
    """Give what becomes of the blanks of a text before it is looked at: `preserve`, `replace` or `collapse`."""
    if base in ("string", "anySimpleType"):
        return "preserve"
    return "replace" if base == "normalizedString" else "collapse"
