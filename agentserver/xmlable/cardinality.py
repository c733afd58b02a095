"""How many values a simple type has, where that is told without trying.

Takes the outline of a text, gives a number that the values cannot exceed, or None when no such number is known. It
decides nothing: who asks for more values than there are says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from agentserver.xmlable.outline import Text

_ORDINALS: Final[Mapping[str, Callable[[str], int]]] = MappingProxyType(
    {"integer": int, "date": lambda text: date.fromisoformat(text).toordinal()}
)
_CALENDAR: Final = (date.min.isoformat(), date.max.isoformat())


def most_values(text: Text) -> int | None:
    """Give the most values that a type can have; None for any number."""
    if text.values:
        return len(text.values)
    if text.base == "boolean":
        return 2
    if text.base in ("string", "base64Binary") and text.max_length == 0:
        return 1
    ordinal = _ORDINALS.get(text.base)
    first, last = _CALENDAR if text.base == "date" else ("", "")
    lowest, highest = text.at_least or text.above or first, text.at_most or text.below or last
    if ordinal is None or not lowest or not highest:
        return None
    count = ordinal(highest) - ordinal(lowest) + 1 - bool(text.above) - bool(text.below)
    return count // int(text.multiple_of) + 1 if text.multiple_of else count
