"""Several `MultipleOf` on one type: what is held is held by the XSD, the reader and the writer alike."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Gt, Le, MultipleOf
from hypothesis import given
from hypothesis import strategies as st

from agentserver.errors import ContractError
from tests.xmlable.verdicts import holder, takes

A: Any = Annotated
TENTH, HUNDREDTH = MultipleOf(Decimal("0.1")), MultipleOf(Decimal("0.01"))
QUARTER = MultipleOf(Decimal("0.25"))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (A[Decimal, TENTH, HUNDREDTH], ["0.1", "0.10", "-3"], ["0.05", "0.01"]),
        (A[Decimal, HUNDREDTH, TENTH], ["0.1"], ["0.05"]),
        (A[Decimal, QUARTER, TENTH, Ge(0), Le(2)], ["0.5", "1", "1.50", "0"], ["0.25", "0.1", "0.75"]),
        (A[int, MultipleOf(3), MultipleOf(7), Ge(0), Le(100)], ["0", "21", "84"], ["7", "3", "9", "14"]),
        (A[int, MultipleOf(7), MultipleOf(3), Ge(0), Le(100)], ["21", "63"], ["7", "3"]),
        (A[int, MultipleOf(2), MultipleOf(5)], ["10", "-20", "0"], ["2", "5", "15"]),
        (A[int, MultipleOf(2), MultipleOf(3), Ge(1), Le(9)], ["6", "06"], ["2", "3", "4"]),
        (A[int, MultipleOf(1), MultipleOf(4)], ["4"], ["2"]),
    ],
    ids=str,
)  # fmt: skip
def test_all_of_several_divisors_count(kind: Any, good: list[str], bad: list[str]) -> None:
    cls = holder(kind)
    assert [text for text in good if not takes(cls, text)] == []
    assert [text for text in bad if takes(cls, text)] == []


@given(
    st.lists(st.integers(1, 24), min_size=1, max_size=3),
    st.integers(-50, 50),
    st.integers(0, 60),
    st.integers(-60, 120),
)
def test_what_python_finds_to_be_multiples_is_what_is_taken(
    divisors: list[int], low: int, width: int, value: int
) -> None:
    is_held = all(value % divisor == 0 for divisor in divisors) and low <= value <= low + width
    kind = A[(int, Ge(low), Le(low + width), *map(MultipleOf, divisors))]
    if any(all(number % divisor == 0 for divisor in divisors) for number in range(low, low + width + 1)):
        assert is_held == takes(holder(kind), str(value))
    else:
        with pytest.raises(ContractError, match="is within the bounds"):
            holder(kind)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (A[int, MultipleOf(2), MultipleOf(5), Ge(1), Le(9)], "no multiple of 10 is within the bounds"),
        (A[int, MultipleOf(10), MultipleOf(3)], "an XSD cannot say a multiple of 30"),
        (A[Decimal, HUNDREDTH, Gt(0), Le(Decimal("0.001"))], "no multiple of 0.01 is within the bounds"),
        (A[Decimal, MultipleOf(Decimal("1e999999999"))], "more than 4,300 digits"),
        (A[Decimal, MultipleOf(Decimal("1e-999999999"))], "more than 4,300 digits"),
    ],
    ids=str,
)
def test_divisors_with_nothing_in_common_are_refused(kind: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind)
    assert reason in error.value.reason
