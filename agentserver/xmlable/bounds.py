"""Bounds of numbers and dates: Gt, Ge, Lt and Le, of which the tightest on each side counts.

Takes a codec and the constraints, gives the interval, or raises `Unmappable` for bounds of another type and for
those between which nothing lies. Only types that Python and XSD order alike have bounds. A bounded float is never
NaN, which is neither below nor above anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import annotated_types as at

from agentserver.xmlable.exact_numbers import exactly
from agentserver.xmlable.narrowing import Narrowing
from agentserver.xmlable.refusals import Unmappable, constraint_text
from agentserver.xmlable.simple import Simple

_NUMBER: Final = r"-?INF|[0-9eE.+\-]*"
"""What is left of the texts of a float without NaN."""

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
    if lower is not None and upper is not None:
        _require_room(codec, lower, upper)
    return Interval(lower, upper)


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
            phrases.append(f"{words[not bound.inclusive]} {text}")
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
        number = exactly(base, value)
    else:
        raise Unmappable(f"{noun} has no bounds; leave out {constraint_text(constraint)}")
    if number is None:
        raise Unmappable(f"{constraint_text(constraint)} is no bound for {noun}; write one of its own type")
    try:
        codec.encode(number)
    except ValueError as exc:
        raise Unmappable(f"{constraint_text(constraint)} is no bound for {noun}; write {exc}") from None
    return number


def _require_room(codec: Simple, lower: Bound, upper: Bound) -> None:
    empty = lower.value > upper.value or (
        lower.value == upper.value and not (lower.inclusive and upper.inclusive)
    )
    if not lower.inclusive and not upper.inclusive:
        gap: Any = upper.value - lower.value if codec.content.base in ("integer", "date") else None
        empty = empty or gap == 1 or (gap is not None and getattr(gap, "days", 0) == 1)
    if empty:
        raise Unmappable(f"no {codec.noun} is within these bounds; widen them")
