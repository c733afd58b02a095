"""Numbers in constraints, brought into the type that they are about.

`Annotated[int, Ge(0)]` and `Annotated[int, Ge(0.0)]` are one and the same object to `typing`, whichever was written
first. So what counts is the number, not its type; and a number that the type does not hold exactly is refused. So is
one of so many digits that to work with it takes a time without end.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeAlias

from agentserver.xmlable.lexical import MAX_INT_DIGITS
from agentserver.xmlable.refusals import Unmappable, constraint_text

_Real: TypeAlias = int | float | Decimal

_MAX_DIGITS: Final = MAX_INT_DIGITS + 1
"""Most digits before or behind the point of a Decimal; no type that is mapped has as many."""


def exactly(base: str, value: object, constraint: object) -> _Real | None:
    """Give a number as an int, a float or a Decimal; None when it is no such number, or not exactly.

    Args:
        base: The XSD type that tells which: `integer`, `double` or `decimal`.
        value: The number.
        constraint: What says it.

    Raises:
        Unmappable: It is a Decimal of too many digits.
    """
    if not isinstance(value, (int, float, Decimal)):
        return None
    if isinstance(value, Decimal) and value.is_finite() and _digits(value) > _MAX_DIGITS:
        reason = f"has a number of more than {MAX_INT_DIGITS:,} digits; write one of fewer"
        raise Unmappable(f"{constraint_text(constraint)} {reason}")
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


def _digits(value: Decimal) -> int:
    """Count the digits before and behind the point, without writing them."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "it is finite"
    return max(value.adjusted() + 1, -exponent)
