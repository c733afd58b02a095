"""What a contract knows of the type of a value, and libxml2 does not tell: for better words in a violation.

Takes the facts of a simple type; gives words for a text that a pattern of it refuses, where the pattern is not what its
author wrote, but stands for a type or for a multiple. Knows no outline and no schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_LEXICAL: Final = MappingProxyType(
    {
        "UUID": "a UUID",
        "int": "a whole number",
        "Decimal": "a decimal number",
        "float": "a number",
        "date": "a date, as 2026-01-31",
        "time": "a time, as 13:20:00",
        "datetime": "a date and a time, as 2026-01-31T13:20:00",
        "timedelta": "a duration in days, hours, minutes and seconds, as P1DT12H",
        "bytes": "bytes in base64",
    }
)
"""What the texts of a type are, by the name of the type."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """The type of a text.

    Args:
        base: Local name of the built-in type that it restricts, as `decimal`.
        name: Its own name in the schema, as `UUID`; empty when it has none.
        lexical: The pattern that comes with the name; empty when it has none.
        multiple_of: What a number is to be a multiple of, where its other patterns say so; empty when they do not.
    """

    base: str
    name: str = ""
    lexical: str = ""
    multiple_of: str = ""

    def pattern_words(self, pattern: str) -> str:
        """Say what a text should have been that `pattern` refuses; empty when the pattern is its own best word."""
        if self.lexical and pattern == self.lexical:
            return _LEXICAL.get(self.name, "")
        return f"a multiple of {self.multiple_of}" if self.multiple_of else ""
