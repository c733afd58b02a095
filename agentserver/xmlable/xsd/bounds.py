"""The order of the values that bounds are given in: numbers, dates and times, durations.

Takes texts as XSD writes them. What has no order that can be worked out from the texts, such as a time with a zone
and one without, counts as neither less nor equal.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from agentserver.xmlable import lexical

_PARSERS = (lexical.parse_datetime, lexical.parse_date, lexical.parse_time, lexical.parse_duration)


def is_less(left: str, right: str) -> bool:
    """Tell whether `left` is a lesser value than `right`."""
    first, second = _value(left), _value(right)
    if type(first) is not type(second) or first is None:
        return False
    try:
        return bool(first < second)
    except TypeError:  # with and without a zone
        return False


def is_equal(left: str, right: str) -> bool:
    """Tell whether both are the same value."""
    return left == right or (_value(left) is not None and _value(left) == _value(right))


def _value(text: str) -> Any:
    try:
        number = Decimal(text.strip(lexical.BLANKS).replace("INF", "Infinity"))
    except InvalidOperation:
        pass
    else:
        return None if number.is_nan() else number
    for parse in _PARSERS:
        try:
            value: date | time | datetime | Any = parse(text)
        except ValueError:
            continue
        return value
    return None
