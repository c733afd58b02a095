"""Strategies for simple types with constraints: an annotated type, and the values of it."""

from __future__ import annotations

import string
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NewType, TypeAlias

from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import strategies as st

from agentserver.xmlable import Doc, Pattern, Secret

Typed: TypeAlias = tuple[Any, st.SearchStrategy[Any]]

LARGEST = 10**4300 - 1
"""The largest int that a contract takes. Hypothesis tries the constants of the code, and this is one of them."""

LETTERS = st.text("ab é\U0001f600\n", max_size=5)
PATTERNS = [
    r"[A-Z]{2}\d{1,3}",
    r"a*b?|(ab){2,3}",
    r"[^a-c]*",
    r"(\d{1,3}\.){3}\d{1,3}",
    r".{2,4}",
    r"[\w.%+-]+@[\w-]+",
    r"\$?[0-9]+(\.[0-9]{2})?|",
    r"[\[\]\\^-]+",
]


def constrained() -> st.SearchStrategy[Typed]:
    kinds = [ints, multiples, listed_multiples, decimals, cents, floats, dates, texts, patterns, octets]
    return st.one_of(*(kind() for kind in kinds)).map(_named)


def _named(typed: Typed) -> Typed:
    """Put some of them into a NewType."""
    kind, values = typed
    metadata = kind.__metadata__
    if len(metadata) % 2:
        return NewType("Amount", kind), values
    return Annotated[kind, Doc("How much."), Secret], values


@st.composite
def ints(draw: st.DrawFn) -> Typed:
    low, high = sorted(draw(st.tuples(*2 * [st.integers(-(10**30), 10**30) | st.integers(-20, 20)])))
    bounds: list[Any] = draw(
        st.sampled_from([[Ge(low)], [Le(high)], [Ge(low), Le(high)], [Gt(low - 1), Lt(high + 1)]])
    )
    values = {1: st.integers(low, LARGEST), 2: st.integers(low, high)}[len(bounds)]
    values = st.integers(-LARGEST, high) if bounds == [Le(high)] else values
    return Annotated[int, *bounds], values


@st.composite
def multiples(draw: st.DrawFn) -> Typed:
    divisor = draw(st.sampled_from([1, 2, 4, 5, 8, 10, 16, 25, 40, 100, 125, 1000, 10_000]))
    return Annotated[int, MultipleOf(divisor)], st.integers(-LARGEST // divisor + 1, LARGEST // divisor).map(
        lambda number: number * divisor
    )


@st.composite
def listed_multiples(draw: st.DrawFn) -> Typed:
    divisor = draw(st.sampled_from([3, 7, 13, 300]))
    low = draw(st.integers(-500, 500))
    high = low + divisor * draw(st.integers(1, 40))
    values = st.sampled_from([number for number in range(low, high + 1) if number % divisor == 0])
    return Annotated[int, Interval(ge=low, le=high), MultipleOf(divisor)], values


@st.composite
def decimals(draw: st.DrawFn) -> Typed:
    numbers = st.decimals(-1000, 1000, places=3, allow_nan=False)
    low, high = sorted(draw(st.tuples(numbers, numbers)))
    values = st.decimals(low, high, allow_nan=False, allow_infinity=False)
    return Annotated[Decimal, Ge(low), Le(high)], values


@st.composite
def cents(draw: st.DrawFn) -> Typed:
    places = draw(st.integers(0, 3))
    values = st.integers().map(lambda number: Decimal(number).scaleb(-places))
    return Annotated[Decimal, MultipleOf(Decimal(1).scaleb(-places))], values.filter(
        lambda value: abs(value) < 10**20
    )


@st.composite
def floats(draw: st.DrawFn) -> Typed:
    finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # no -0.0
    low, high = sorted(draw(st.tuples(finite, finite)))
    return Annotated[float, Ge(low), Le(high)], st.floats(low, high)


@st.composite
def dates(draw: st.DrawFn) -> Typed:
    low, high = sorted(draw(st.tuples(st.dates(), st.dates())))
    return Annotated[date, Ge(low), Le(high)], st.dates(low, high)


@st.composite
def texts(draw: st.DrawFn) -> Typed:
    least, most = draw(st.integers(0, 3)), draw(st.integers(3, 9))
    values = st.text(string.printable[:95] + "é\U0001f600\n\t\r", min_size=least, max_size=most)
    return Annotated[str, Len(least, most)], values


@st.composite
def patterns(draw: st.DrawFn) -> Typed:
    pattern = draw(st.sampled_from(PATTERNS))
    ascii_only = "".join(character for character in string.printable if character not in "\r\x0b\x0c")
    return Annotated[str, Pattern(pattern)], st.from_regex(pattern, fullmatch=True, alphabet=ascii_only)


@st.composite
def octets(draw: st.DrawFn) -> Typed:
    least, most = draw(st.integers(0, 3)), draw(st.integers(3, 9))
    return Annotated[bytes, MinLen(least), MaxLen(most)], st.binary(min_size=least, max_size=most)
