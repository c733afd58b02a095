"""Numbers and dates for examples: plain ones first, then those at the bounds.

Takes what an outline says of a text, gives texts of its base, the plausible before the odd, always the same. Not all
of them are within the bounds, nor of the right pattern: who uses them must check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from agentserver.xmlable import lexical
from agentserver.xmlable.outline import Text

Values: TypeAlias = Iterator[str]

_STEPS: Final = 1000
_END: Final = 10**lexical.MAX_INT_DIGITS
_FRACTION_DIGITS: Final = 2
_DAY: Final = date(2026, 1, 31)
_MOMENT: Final = datetime(2026, 1, 31, 9, 30)  # XSD's moments may have no zone
_SPAN: Final = timedelta(hours=1, minutes=30)


def numbers(text: Text, *, whole: bool) -> Values:
    """Give numbers, 1 or 1.50 first.

    Args:
        text: The type; its bounds are numbers, however long.
        whole: Whether they have no fraction.
    """
    low, high = _bounds(text, _number)
    if text.base in ("double", "float"):
        return map(lexical.float_text, _floats(low, high))
    usual = 0 if whole else _FRACTION_DIGITS
    digits = usual if text.fraction_digits is None else min(usual, text.fraction_digits)
    first, step, unit = Fraction(3, 2) if digits else Fraction(1), Fraction(1), Fraction(1, 10**digits)
    if text.multiple_of:
        first = step = unit = Fraction(text.multiple_of)
    found = _exact(first, step, unit, low, high)
    bounded = (number for number in found if -_END < number < _END)
    return (_written(number, digits) for number in bounded if not whole or number.denominator == 1)


def _exact(
    first: Fraction, step: Fraction, unit: Fraction, low: Fraction | None, high: Fraction | None
) -> Iterator[Fraction]:
    yield from _from(first, step, low, high)
    if low is not None and high is not None and unit < 1:
        yield (low + high) / 2
    if low is not None:
        yield from _from(math.ceil(low / unit) * unit, unit, low, high)
    if high is not None:
        yield from _from(math.floor(high / unit) * unit, -unit, low, high)
    yield Fraction(0)
    yield from _from(-first, -step, low, high)


def _floats(low: Fraction | None, high: Fraction | None) -> Iterator[float]:
    yield from map(float, _from(Fraction(3, 2), Fraction(1), low, high))
    ends = [float(end) for end in (low, high) if end is not None]
    if len(ends) == 2:
        yield ends[0] / 2 + ends[1] / 2
    for end in ends:
        yield from (end, math.nextafter(end, math.inf), math.nextafter(end, -math.inf))
    yield from (0.0, -1.5)


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:  # INF, NaN, dates
        return None


def _written(number: Fraction, digits: int) -> str:
    """Write a number with at least `digits` behind the point; its denominator is a product of twos and fives."""
    scaled = number * 10**digits
    while scaled.denominator != 1:
        scaled, digits = scaled * 10, digits + 1
    sign, figures = "-" * (scaled < 0), str(abs(scaled.numerator)).rjust(digits + 1, "0")
    return sign + figures if digits == 0 else f"{sign}{figures[:-digits]}.{figures[-digits:]}"


def _bounds(text: Text, read: Callable[[str], Any]) -> tuple[Any, Any]:
    """Give the lower and the upper bound, None for none; what is exclusive is for the check to tell."""
    lows = [bound for bound in map(read, filter(None, (text.at_least, text.above))) if bound is not None]
    highs = [bound for bound in map(read, filter(None, (text.at_most, text.below))) if bound is not None]
    return max(lows, default=None), min(highs, default=None)


def _from(first: Any, step: Any, low: Any, high: Any) -> Iterator[Any]:
    """Count from `first` on, as long as it stays within the bounds."""
    value = first
    for _ in range(_STEPS):
        try:
            if (low is not None and value < low) or (high is not None and value > high):
                return
            yield value
            value += step
        except (OverflowError, TypeError):  # the end of the calendar; with and without a zone
            return


def moments(text: Text) -> Values | None:
    """Give dates and times, or durations, some with the zone UTC; None for any other base."""
    match text.base:
        case "date":
            return _moments(text, lexical.parse_date, date.isoformat, _DAY, timedelta(days=1))
        case "dateTime":
            return _moments(text, lexical.parse_datetime, datetime.isoformat, _MOMENT, timedelta(minutes=1))
        case "duration":
            return _moments(text, lexical.parse_duration, lexical.duration_text, _SPAN, timedelta(minutes=1))
        case "time":
            start = _clock_as_moment("09:30:00")
            return _moments(text, _clock_as_moment, _clock, start, timedelta(minutes=1))
    return None


def _clock_as_moment(text: str) -> datetime:
    return datetime.combine(_DAY, lexical.parse_time(text))


def _clock(moment: datetime) -> str:
    clock: time = moment.timetz()
    return clock.isoformat()


def _moments(
    text: Text, parse: Callable[[str], Any], write: Callable[[Any], str], first: Any, step: timedelta
) -> Values:
    def read(bound: str) -> Any:
        try:
            return parse(bound)
        except ValueError:
            return None

    low, high = _bounds(text, read)
    values = chain(
        islice(_from(first, step, None, None), _STEPS),
        () if low is None else _from(low, step, low, None),
        () if high is None else _from(high, -step, None, high),
    )
    for value in values:
        try:
            written = write(value)
        except ValueError:
            continue
        yield written
        if text.base != "duration" and not written.endswith("Z"):
            yield f"{written}Z"
