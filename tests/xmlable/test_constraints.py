"""Constraints in `Annotated`: XSD, reader and writer hold them alike, and what cannot be held is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType

import annotated_types as at
import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable import Doc, Pattern, RawXml, Secret, xml, xmlify
from tests.xmlable.verdicts import accepts, holder, refusal, takes, written


class Colour(Enum):
    RED = "red"


@dataclass
class Part:
    x: int = 0


Age = NewType("Age", Annotated[int, Ge(0)])
A: Any = Annotated


def ascii_id(value: object) -> str:
    try:
        return ascii(value)[:50]
    except ValueError:
        return "an int of too many digits for its text"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (A[int, Ge(5)], ["5", "+05", " 6 ", "9" * 4300], ["4", "-5", "-0", "x"]),
        (A[int, Gt(0)], ["1", "001"], ["0", "-0", "+0"]),
        (A[int, Le(0)], ["0", "-0", "-1"], ["1"]),
        (A[int, Lt(10**30)], ["9" * 30, "-1"], ["1" + "0" * 30]),
        (A[int, Interval(gt=1, le=3)], ["2", "3"], ["1", "4"]),
        (A[A[int, Ge(0)], Ge(-5), Gt(0), Le(9), Lt(9)], ["1", "8"], ["0", "9"]),
        (Age, ["0"], ["-1"]),
        (A[float, Ge(0)], ["0", "-0", "1e999", "INF", "-1e-999"], ["NaN", "-INF", "-1e-300"]),
        (A[float, Lt(1.5)], ["1.4999", "-INF"], ["1.5", "NaN", "INF"]),
        (A[float, Ge(0.1)], ["0.1", ".1", "1e-1"], ["0.09999999999999999"]),
        (A[Decimal, Gt(0), Le(Decimal("1.50"))], ["0.001", "1.5", "1.500"], ["0", "-0.0", "1.5" + "0" * 90 + "1"]),
        (A[date, Ge(date(2024, 2, 29))], ["2024-02-29", "9999-12-31"], ["2024-02-28", "2024-02-30"]),
        (A[str, MinLen(2), MaxLen(3)], ["ab", "\U0001f600b", "   "], ["a", "\U0001f600", "abcd", ""]),
        (A[str, Len(0, 2)], ["", "ab"], ["abc"]),
        (A[bytes, Len(2, 3)], ["AAA=", "A A A A"], ["", "AA==", "AAAAAA=="]),
        (A[int, MultipleOf(10)], ["0", "-0", "10", "+010", "-120"], ["1", "105", "-9"]),
        (A[int, MultipleOf(2)], ["0", "7" * 4000 + "8"], ["1", "-3", "7" * 4000]),
        (A[int, MultipleOf(4)], ["4", "04", "-12", "100", "8"], ["2", "102", "22"]),
        (A[int, MultipleOf(625)], ["0", "625", "1250", "10000", "00625"], ["25", "125", "1000"]),
        (A[int, MultipleOf(7), Interval(ge=-7, lt=21)], ["-7", "0", "-0", "07", "14"], ["21", "1", "-14"]),
        (A[int, MultipleOf(1)], ["3"], ["x"]),
        (A[Decimal, MultipleOf(Decimal("0.01"))], ["1.1", "1.10", "-0.01", "5", "1.100"], ["0.001", "1.015"]),
        (A[Decimal, MultipleOf(1)], ["1", "1.0", "1."], ["1.5"]),
        (A[Decimal, MultipleOf(Decimal("0.25")), Interval(ge=0, le=1)], ["0.5", ".250", "1", "-0"], ["0.3", "1.25"]),
        (A[str, Pattern(r"[A-Z]{2}\d+")], ["AB1", "AB12"], ["ab1", "AB", "AB1 ", "AB\u0661"]),
        (A[str, Pattern("a*"), Pattern(".{2}"), MaxLen(5)], ["aa"], ["a", "ab", "aaa"]),
    ],
    ids=ascii_id,
)  # fmt: skip
def test_what_is_held_is_held_by_the_xsd_and_by_the_reader(
    kind: Any, good: list[str], bad: list[str]
) -> None:
    cls = holder(kind)
    assert [text for text in good if not takes(cls, text)] == []
    assert [text for text in bad if takes(cls, text)] == []


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (A[int, Ge(5)], 4, "int, at least 5"),
        (A[int, Ge(0), Lt(5)], 5, "int, at least 0 and below 5"),
        (A[float, Gt(0)], float("nan"), "float, above 0.0"),
        (A[str, Len(1, 3)], "", "str, at least 1 and at most 3 characters"),
        (A[bytes, MinLen(1)], b"", "bytes, at least 1 bytes"),
        (A[int, MultipleOf(4)], 6, "int, a multiple of 4"),
        (A[Decimal, MultipleOf(Decimal("0.01"))], Decimal("0.001"), "Decimal, a multiple of 0.01"),
        (A[str, Pattern("[a-z]+")], "A", "str, like [a-z]+"),
        (A[list[int], MinLen(1)], [], "expected at least 1"),
        (A[list[int], Len(0, 2)], [1, 2, 3], "found 3 of them, expected at most 2"),
        (A[dict[str, int], MinLen(2)], {"a": 1}, "found 1 of them, expected at least 2"),
    ],
    ids=ascii_id,
)
def test_a_value_that_breaks_a_constraint_is_not_written(kind: Any, value: Any, expected: str) -> None:
    text = refusal(holder(kind)(value))
    assert text.startswith("Holder/Value")
    assert text.endswith(expected)


def test_a_whole_number_may_be_a_bounded_float() -> None:
    assert written(holder(A[float, Ge(1)])(3)) == "<Value>3.0</Value>"


@pytest.mark.parametrize("kind", [list[int], tuple[int, ...], dict[int, int], list[list[int]]], ids=str)
def test_lengths_of_collections_are_counts_of_elements(kind: Any) -> None:
    item, wrap = "<Value>{0}</Value>", "<Holder>{}</Holder>"
    if kind == dict[int, int]:
        item, wrap = "<Entry><Key>{0}</Key><Value>1</Value></Entry>", "<Holder><Value>{}</Value></Holder>"
    elif kind == list[list[int]]:
        item = "<Value/>"
    cls = holder(A[kind, Len(2, 3)])
    verdict = [accepts(cls, wrap.format("".join(item.format(n) for n in range(count)))) for count in range(5)]
    assert verdict == [False, False, True, True, False]


def test_a_set_that_must_not_be_empty_needs_one_element() -> None:
    cls = holder(A[set[int], MinLen(1)])
    assert not accepts(cls, "<Holder/>")
    assert accepts(cls, "<Holder><Value>1</Value><Value>01</Value></Holder>")


def test_constraints_on_items_and_on_the_whole_stand_apart() -> None:
    cls = holder(A[list[Annotated[str, MinLen(1)]], MaxLen(1)])
    assert accepts(cls, "<Holder><Value>abc</Value></Holder>")
    assert not accepts(cls, "<Holder><Value/></Holder>")


def test_constraints_hold_what_is_there_of_an_optional_value() -> None:
    kinds: list[Any] = [A[int, Ge(1)] | None, A[int | None, Ge(1)]]
    for kind in kinds:
        cls = holder(kind)
        assert accepts(cls, "<Holder/>")
        assert takes(cls, "1")
        assert not takes(cls, "0")


def test_a_bound_counts_by_its_number_whatever_its_type() -> None:
    for kind, bound in (
        (int, 1.0),
        (int, Decimal("1.0")),
        (float, Decimal("0.5")),
        (Decimal, 0.5),
        (Decimal, True),
    ):
        assert takes(holder(A[kind, Ge(bound)]), "1")
        assert not takes(holder(A[kind, Ge(bound)]), "0")


def test_what_other_libraries_say_is_not_heeded() -> None:
    assert takes(holder(A[int, "positive", {"a": 1}, object()]), "-1")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (A[int, Ge("5")], "Ge(ge='5') is no bound for int; write one of its own type"),
        (A[int, Ge(1.5)], "is no bound for int"),
        (A[int, Ge(10**4300)], "Ge is no bound for int; write int of at most 4300 digits"),
        (A[float, Ge(float("nan"))], "is no bound for float"),
        (A[float, Ge(Decimal("0.1"))], "is no bound for float"),
        (A[float, Ge(2**53 + 1)], "is no bound for float"),
        (A[Decimal, Ge(0.1)], "is no bound for Decimal"),
        (A[Decimal, Ge(Decimal("NaN"))], "is no bound for Decimal"),
        (A[date, Ge(datetime(2024, 1, 1))], "is no bound for date"),
        (A[datetime, Ge(datetime(2024, 1, 1))], "do not order datetime alike"),
        (A[time, Ge(time(1))], "do not order time alike"),
        (A[timedelta, Ge(timedelta(1))], "do not order timedelta alike"),
        (A[str, Ge("a")], "str has no bounds; leave out Ge(ge='a')"),
        (A[int, Ge(5), Le(4)], "no int is within these bounds; widen them"),
        (A[int, Gt(5), Lt(6)], "no int is within these bounds"),
        (A[int, Ge(5), Lt(5)], "no int is within these bounds"),
        (A[date, Gt(date(2024, 1, 1)), Lt(date(2024, 1, 2))], "no date is within these bounds"),
        (
            A[int, MultipleOf(3)],
            "an XSD cannot say a multiple of 3 for all int; add bounds with at most 1,000",
        ),
        (A[int, MultipleOf(3), Ge(0), Le(3000)], "an XSD cannot say a multiple of 3"),
        (A[int, MultipleOf(7), Ge(1), Le(6)], "no multiple of 7 is within the bounds"),
        (A[int, MultipleOf(0)], "write a divisor above 0"),
        (A[int, MultipleOf(-2)], "write a divisor above 0"),
        (A[int, MultipleOf(0.5)], "write the divisor in the same type"),
        (A[float, MultipleOf(0.5)], "float has no exact multiples; use int or Decimal"),
        (A[Decimal, MultipleOf(0.01)], "write the divisor in the same type"),
        (A[Decimal, MultipleOf(Decimal("0.05"))], "an XSD cannot say a multiple of 0.05"),
        (A[str, MultipleOf(2)], "str has no exact multiples"),
        (A[str, MinLen(-1)], "is no length; write an int from 0 to 1,000,000,000"),
        (A[str, MaxLen(10**10)], "is no length"),
        (A[str, MinLen(3), MaxLen(2)], "nothing has at least 3 and at most 2"),
        (A[int, MinLen(1)], "int has no length; leave out MinLen(min_length=1)"),
        (A[tuple[int, int], MinLen(1)], "says nothing of tuple of int, int"),
        (A[list[int], MaxLen(0)], "is always empty; leave the field out"),
        (A[list[int], Ge(1)], "says nothing of a list; put it on the type of its items"),
        (A[set[int], MinLen(2)], "ask for at least 1, or use list[int]"),
        (A[int, Pattern("1")], "Pattern is for str"),
        (A[str, Pattern], "Pattern in Annotated needs its argument; write Pattern(...)"),
        (A[str, Doc], "Doc in Annotated needs its argument"),
        (A[int, Ge], "Ge in Annotated needs its argument"),
        (A[Colour, MinLen(1)], "is a closed set"),
        (A[Literal["a"], MinLen(1)], "is a closed set"),
        (A[bool, Ge(0)], "bool has no bounds"),
        (A[Part, Ge(0)], "says nothing of Part"),
        (A[RawXml, MinLen(0)], "says nothing of one element of any kind"),
        (A[int | str, Ge(0)], "says nothing of one of Int, Str"),
        (at.LowerCase[str], "an XSD cannot hold Predicate(str.islower); check it in __post_init__"),
        (A[datetime, at.Timezone(None)], "an XSD cannot hold Timezone"),
        (A[int, at.Unit("m")], "Unit is not mapped; leave it out, or say it in Doc"),
        (A[int, xml(name="a")], "xml(...) belongs to the field"),
    ],
    ids=ascii_id,
)
def test_a_constraint_that_cannot_be_held_is_refused_with_a_remedy(kind: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind)
    assert (error.value.class_name, error.value.field) == ("Holder", "value")
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("kind", "default", "reason"),
    [
        (A[int, Ge(1)], 0, "its default is refused: found int 0, expected int, at least 1"),
        (int, "x", "found str 'x', expected int"),
        (str, None, "found None, expected str"),
        (A[str, Secret, MinLen(5)], "abc", "found it, expected str, at least 5 characters"),
        (int | str, 1.5, "found float 1.5, expected one of Int, Str"),
        (A[tuple[int, ...], MinLen(1)], (), "its default has 0 items, expected at least 1"),
        (A[tuple[int, ...], MaxLen(1)], (1, 2), "its default has 2 items, expected at most 1"),
    ],
    ids=ascii_id,
)
def test_a_default_that_does_not_fit_is_refused(kind: Any, default: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind, default=default)
    assert reason in error.value.reason


def test_a_factory_of_nothing_for_what_must_not_be_empty_is_refused() -> None:
    with pytest.raises(ContractError, match="its default has 0 items"):
        holder(A[list[int], MinLen(1)], default_factory=list)


def test_constraints_work_in_every_place() -> None:
    @xmlify
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Order:
        id: Annotated[int, Ge(1)] = field(metadata=xml(attribute=True))
        codes: dict[Annotated[str, Pattern("[a-z]")], Annotated[int, Le(5)]] = field(default_factory=dict)
        pair: tuple[Annotated[int, Ge(0)], Annotated[str, MaxLen(1)]] = (0, "")
        either: Annotated[int, Ge(0)] | Annotated[str, MaxLen(1)] = 0

    assert accepts(Order, '<Order id="1"><Either><Int>0</Int></Either></Order>')
    bad = [
        '<Order id="0"/>',
        '<Order id="1"><Codes><Entry><Key>ab</Key><Value>1</Value></Entry></Codes></Order>',
        '<Order id="1"><Codes><Entry><Key>a</Key><Value>6</Value></Entry></Codes></Order>',
        '<Order id="1"><Pair><Item1>0</Item1><Item2>ab</Item2></Pair></Order>',
        '<Order id="1"><Either><Int>-1</Int></Either></Order>',
    ]
    assert [text for text in bad if accepts(Order, text)] == []


def test_a_broken_constraint_names_the_path() -> None:
    cls = holder(list[Annotated[int, Ge(0)]])
    with pytest.raises(BindingError) as error:
        cls.__contract__.read(etree.fromstring("<Holder><Value>1</Value><Value>-2</Value></Holder>"))
    assert str(error.value) == "Holder/Value[2]: found '-2', expected int, at least 0"
