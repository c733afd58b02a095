"""Bounds of numbers and dates: Gt, Ge, Lt and Le, of which the tightest on each side counts.

Takes a codec and the constraints, gives the interval, or raises `Unmappable` for bounds of another type and for
those between which nothing lies. Only types that Python and XSD order alike have bounds. A bounded float is never
NaN, which is neither below nor above anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf, nextafter
from types import MappingProxyType
from typing import Any, Final

import annotated_types as at

from agentserver.errors import shorten
from agentserver.xmlable import lexical
from agentserver.xmlable.exact_numbers import exactly
from agentserver.xmlable.narrowing import Narrowing
from agentserver.xmlable.refusals import Unmappable, constraint_text
from agentserver.xmlable.simple import Simple

_NUMBER: Final = r"-?INF|[0-9eE.+\-]*"
"""What is left of the texts of a float without NaN."""

MAX_SHOWN: Final = 40
"""Most characters of a number in words; the schema has all of them."""

_FINEST: Final = Fraction(1, 10**lexical.MAX_DECIMAL_DIGITS)
_ENDS: Final = MappingProxyType(
    {
        "integer": 10**lexical.MAX_INT_DIGITS - 1,
        "decimal": 10**lexical.MAX_DECIMAL_DIGITS - _FINEST,
        "double": inf,
    }
)
"""The greatest value of each type; the least is as far below zero."""

_UNORDERED: Final = (
    "XSD and Python do not order {noun} alike, with and without offsets; check it in __post_init__"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval: a value, and whether it belongs to it."""

    value: Any
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """What lies between two bounds, either of which may be absent."""

    lower: Bound | None = None
    upper: Bound | None = None

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in it; NaN lies in none."""
        lower, upper = self.lower, self.upper
        if lower is not None and not (value >= lower.value if lower.inclusive else value > lower.value):
            return False
        return upper is None or bool(value <= upper.value if upper.inclusive else value < upper.value)


def interval_of(codec: Simple, constraints: Sequence[Any]) -> Interval:
    """Give the interval that the bounds among the constraints make.

    Raises:
        Unmappable: A bound is of another type than the codec's values, or nothing lies between them.
    """
    lower: Bound | None = None
    upper: Bound | None = None
    for constraint in constraints:
        if isinstance(constraint, (at.Gt, at.Ge)):
            value = constraint.gt if isinstance(constraint, at.Gt) else constraint.ge
            bound = Bound(_checked(codec, constraint, value), isinstance(constraint, at.Ge))
            lower = _tighter(lower, bound, bound.value > lower.value if lower else True)
        elif isinstance(constraint, (at.Lt, at.Le)):
            limit = constraint.lt if isinstance(constraint, at.Lt) else constraint.le
            bound = Bound(_checked(codec, constraint, limit), isinstance(constraint, at.Le))
            upper = _tighter(upper, bound, bound.value < upper.value if upper else True)
    interval = Interval(lower, upper)
    if (lower or upper) and not _has_room(codec.content.base, interval):
        raise Unmappable(f"no {codec.noun} is within these bounds; widen them")
    return interval


def _tighter(old: Bound | None, new: Bound, is_tighter: bool) -> Bound:
    if old is None or is_tighter:
        return new
    return new if old.value == new.value and not new.inclusive else old


def narrowings_of(codec: Simple, interval: Interval) -> list[Narrowing]:
    """Give an interval as narrowings of a codec."""
    facets: dict[str, str] = {}
    phrases: list[str] = []
    for bound, inside, outside, words in (
        (interval.lower, "at_least", "above", ("at least", "above")),
        (interval.upper, "at_most", "below", ("at most", "below")),
    ):
        if bound is not None:
            text = codec.encode(bound.value)
            facets[inside if bound.inclusive else outside] = text
            phrases.append(f"{words[not bound.inclusive]} {shorten(text, MAX_SHOWN)}")
    if not phrases:
        return []
    patterns = (_NUMBER,) if codec.content.base == "double" else ()
    return [Narrowing(" and ".join(phrases), interval.holds, facets, patterns)]


def _checked(codec: Simple, constraint: Any, value: Any) -> Any:
    """Give the value of a bound, in the codec's type."""
    base, noun = codec.content.base, codec.noun
    if base in ("dateTime", "time", "duration"):
        raise Unmappable(_UNORDERED.format(noun=noun))
    number: Any
    if base == "date":
        number = value if isinstance(value, date) and not isinstance(value, datetime) else None
    elif base in ("integer", "double", "decimal"):
        number = exactly(base, value, constraint)
    else:
        raise Unmappable(f"{noun} has no bounds; leave out {constraint_text(constraint)}")
    if number is None:
        raise Unmappable(f"{constraint_text(constraint)} is no bound for {noun}; write one of its own type")
    try:
        codec.encode(number)
    except ValueError as exc:
        raise Unmappable(f"{constraint_text(constraint)} is no bound for {noun}; write {exc}") from None
    return number


def _has_room(base: str, interval: Interval) -> bool:
    """Tell whether any value of a type lies in an interval."""
    try:
        least, most = _end(base, interval.lower, 1), _end(base, interval.upper, -1)
    except OverflowError:  # beyond the end of the calendar
        return False
    return bool(least <= most)


def _end(base: str, bound: Bound | None, side: int) -> Any:
    """Give the value of a type that is the outermost one within a bound.

    Args:
        base: The type.
        bound: The bound; None for the end of the type.
        side: 1 for a lower bound, -1 for an upper one.

    Raises:
        OverflowError: There is none.
    """
    if bound is None:
        calendar = date.min if side == 1 else date.max
        return calendar if base == "date" else -side * _ENDS[base]
    value = Fraction(bound.value) if isinstance(bound.value, Decimal) else bound.value
    if bound.inclusive:
        return value
    if base == "double":
        if value == side * inf:
            raise OverflowError
        return nextafter(value, side * inf)
    step: Any = {"integer": 1, "date": timedelta(days=1), "decimal": _FINEST}[base]
    return value + side * step
