"""Multiples, which XSD 1.0 has no word for.

Takes a codec of int or Decimal, the divisors and the bounds; gives the narrowing, or raises `Unmappable`. What is to
be a multiple of several numbers is one of their least common multiple. What is a tenth, a hundredth and so on is a
number of digits behind the point; an int that ends in certain digits is a pattern; few multiples between two bounds
are listed. There is no other way to say it in an XSD, so the rest is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import annotated_types as at

from agentserver.errors import shorten
from agentserver.xmlable.bounds import MAX_SHOWN, Interval
from agentserver.xmlable.exact_numbers import exactly
from agentserver.xmlable.narrowing import Narrowing
from agentserver.xmlable.refusals import Unmappable, constraint_text
from agentserver.xmlable.simple import Simple

MAX_LISTED: Final = 1000
"""Most multiples between two bounds that are listed."""

_MAX_ENDING: Final = 4
"""Most last digits that a pattern looks at."""


def multiples_of(codec: Simple, constraints: Sequence[Any], interval: Interval) -> list[Narrowing]:
    """Give the narrowings of all `MultipleOf` among the constraints.

    Raises:
        Unmappable: An XSD cannot say it.
    """
    divisors = [_divisor(codec, each) for each in constraints if isinstance(each, at.MultipleOf)]
    if not divisors:
        return []
    divisor = _common(divisors)
    if _is_int(codec) and divisor == 1:
        return []
    return [_narrowing(codec, divisor, interval)]


def _common(divisors: Sequence[Any]) -> Any:
    """Give what the multiples of all divisors are the multiples of: their least common multiple."""
    if isinstance(divisors[0], int):
        return math.lcm(*divisors)
    numerators, denominators = zip(*(divisor.as_integer_ratio() for divisor in divisors), strict=True)
    return _decimal(math.lcm(*numerators), math.gcd(*denominators))


def _decimal(numerator: int, denominator: int) -> Decimal:
    """Divide exactly, which the context would not; the denominator is a product of twos and fives."""
    places = 0
    while (10**places * numerator) % denominator:
        places += 1
    digits = str(10**places * numerator // denominator)
    return Decimal((0, tuple(map(int, digits)), -places))


def _is_int(codec: Simple) -> bool:
    return codec.content.base == "integer"


def _divisor(codec: Simple, constraint: at.MultipleOf) -> Any:
    if codec.content.base not in ("integer", "decimal"):
        raise Unmappable(
            f"{codec.noun} has no exact multiples; use int or Decimal, or leave out {constraint_text(constraint)}"
        )
    divisor = exactly(codec.content.base, constraint.multiple_of, constraint)
    if divisor is None:
        raise Unmappable(
            f"{constraint_text(constraint)} does not fit {codec.noun}; write the divisor in the same type"
        )
    if divisor <= 0:
        raise Unmappable(f"{constraint_text(constraint)} has no multiples; write a divisor above 0")
    return divisor


def _narrowing(codec: Simple, divisor: Any, interval: Interval) -> Narrowing:
    text = codec.encode(divisor)
    phrase = f"a multiple of {shorten(text, MAX_SHOWN)}"
    holds = partial(_is_int_multiple, divisor) if _is_int(codec) else partial(_is_decimal_multiple, divisor)
    listed = _listed(divisor, interval)
    if listed is not None and not listed:
        raise Unmappable(f"no {phrase[2:]} is within the bounds; widen them")
    if not _is_int(codec) and (places := _decimal_places(divisor)) is not None:
        return Narrowing(phrase, holds, {"fraction_digits": places})
    if _is_int(codec) and (length := _ending_length(divisor)):
        return Narrowing(phrase, holds, {"multiple_of": text}, (_endings(divisor, length),))
    if listed is not None:
        return Narrowing(phrase, holds, {"name": "", "values": tuple(map(codec.encode, listed))})
    raise Unmappable(
        f"an XSD cannot say {phrase} for all {codec.content.noun}; "
        f"add bounds with at most {MAX_LISTED:,} multiples between them, or check it in __post_init__"
    )


def _is_int_multiple(divisor: int, value: int) -> bool:
    return value % divisor == 0


def _is_decimal_multiple(divisor: Decimal, value: Decimal) -> bool:
    """Decide it on whole numbers, since the context's precision would round."""
    numerator, denominator = value.as_integer_ratio()
    divisor_numerator, divisor_denominator = divisor.as_integer_ratio()
    return numerator * divisor_denominator % (divisor_numerator * denominator) == 0


def _listed(divisor: Any, interval: Interval) -> list[Any] | None:
    """Give the multiples in an interval; None when there are too many."""
    if interval.lower is None or interval.upper is None:
        return None
    low, low_below = interval.lower.value.as_integer_ratio()
    high, high_below = interval.upper.value.as_integer_ratio()
    step, step_below = divisor.as_integer_ratio()
    first, last = -(-low * step_below // (low_below * step)), high * step_below // (high_below * step)
    if last - first >= MAX_LISTED + 2:
        return None
    found = [_times(number, divisor) for number in range(first, last + 1)]
    found = [value for value in found if interval.holds(value)]
    return found if len(found) <= MAX_LISTED else None


def _times(number: int, divisor: Any) -> Any:
    if isinstance(divisor, int):
        return number * divisor
    digits, exponent = divisor.as_tuple().digits, divisor.as_tuple().exponent
    product = number * int("".join(map(str, digits)))
    return Decimal((int(product < 0), tuple(map(int, str(abs(product)))), exponent))


def _decimal_places(divisor: Decimal) -> int | None:
    """Give the digits behind the point of 1, 0.1, 0.01 and so on; None for all else."""
    numerator, denominator = divisor.as_integer_ratio()
    places = len(str(denominator)) - 1
    return places if numerator == 1 and denominator == 10**places else None


def _ending_length(divisor: int) -> int:
    """Tell how many last digits decide; 0 when no number of them does, or too many."""
    return next((length for length in range(1, _MAX_ENDING + 1) if 10**length % divisor == 0), 0)


def _endings(divisor: int, length: int) -> str:
    """Write the pattern of ints whose last digits make a multiple."""
    short = [_digits(count, 0, divisor) for count in range(1, length)]
    return rf"[+\-]?([0-9]*{_grouped(_digits(length, 0, divisor))}{''.join(f'|{text}' for text in short)})"


def _digits(count: int, remainder: int, divisor: int) -> str:
    """Write the pattern of texts of `count` digits that leave a remainder; empty when there are none."""
    by_rest: dict[int, str] = {}
    for digit in range(10):
        rest = (remainder - digit * 10 ** (count - 1)) % divisor
        by_rest[rest] = by_rest.get(rest, "") + str(digit)
    if count == 1:
        return _class(by_rest.get(0, ""))
    tails = {rest: _digits(count - 1, rest, divisor) for rest in by_rest}
    heads: dict[str, str] = {}
    for rest, digits in by_rest.items():
        if tails[rest]:
            heads[tails[rest]] = heads.get(tails[rest], "") + digits
    return "|".join(f"{_class(''.join(sorted(digits)))}{_grouped(tail)}" for tail, digits in heads.items())


def _class(digits: str) -> str:
    if len(digits) <= 1:
        return digits
    return "[0-9]" if len(digits) == 10 else f"[{digits}]"


def _grouped(pattern: str) -> str:
    return f"({pattern})" if "|" in pattern else pattern
