"""Numbers and dates for examples: plain ones first, then those at the bounds.

Takes what an outline says of a text, gives texts of its base, the plausible before the odd, always the same. Not all
of them are within the bounds, nor of the right pattern: who uses them must check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from agentserver.xmlable import lexical
from agentserver.xmlable.outline import Text

Values: TypeAlias = Iterator[str]

_STEPS: Final = 1000
_MOST_FRACTION_DIGITS: Final = 2
_DAY: Final = date(2026, 1, 31)
_MOMENT: Final = datetime(2026, 1, 31, 9, 30)  # XSD's moments may have no zone
_SPAN: Final = timedelta(hours=1, minutes=30)


def numbers(text: Text, *, whole: bool) -> Values:
    """Give numbers, 1 or 1.50 first.

    Args:
        text: The type; its bounds are numbers.
        whole: Whether they have no fraction.
    """
    usual = _MOST_FRACTION_DIGITS if text.base == "decimal" else 1
    digits = 0 if whole else min(usual, _or(text.fraction_digits, usual))
    first = Decimal("1.50" if digits == _MOST_FRACTION_DIGITS else "1.5" if digits else "1")
    low, high = _bounds(text, _number)
    inside = [] if low is None or high is None or whole else [(low + high) / 2]
    unit = Decimal(1).scaleb(-digits)
    starts = chain(
        _from(first, Decimal(1), low, high),
        inside,
        () if low is None else _from(low if not whole else _ceiling(low), unit, low, high),
        () if high is None else _from(high if not whole else -_ceiling(-high), -unit, low, high),
        (Decimal(0),),
        _from(-first, Decimal(-1), low, high),
    )
    return (format(number, "f") for number in starts)


def _or(number: int | None, default: int) -> int:
    return default if number is None else number


def _ceiling(number: Decimal) -> Decimal:
    return -((-number) // 1)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


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
