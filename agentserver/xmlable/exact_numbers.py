"""Numbers in constraints, brought into the type that they are about.

`Annotated[int, Ge(0)]` and `Annotated[int, Ge(0.0)]` are one and the same object to `typing`, whichever was written
first. So what counts is the number, not its type; and a number that the type does not hold exactly is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

_Real: TypeAlias = int | float | Decimal


def exactly(base: str, value: object) -> _Real | None:
    """Give a number as an int, a float or a Decimal; None when it is no such number, or not exactly.

    Args:
        base: The XSD type that tells which: `integer`, `double` or `decimal`.
        value: The number.
    """
    if not isinstance(value, (int, float, Decimal)):
        return None
    try:
        if base == "integer":
            converted: _Real = int(value)
        elif base == "double":
            converted = float(value)
        else:
            # What is meant by 0.1 is a tenth, which the float is not.
            converted = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
            return converted if converted.is_finite() and converted == Decimal(value) else None
    except (ArithmeticError, ValueError):
        return None
    return converted if converted == value else None
