"""Contracts that nothing can fulfil, or that take a time without end to make, are refused by decorating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from math import inf, nextafter
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable import Pattern, contract_of, xml, xmlify
from tests.xmlable.verdicts import accepts, holder, refusal, takes, written

A: Any = Annotated
Dict: Any = dict
HUGE: Any = Decimal("1e999999999")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@xmlify
@dataclass
class Nothing:
    pass


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (A[float, Gt(inf)], "no float is within these bounds"),
        (A[float, Lt(-inf)], "no float is within these bounds"),
        (A[float, Gt(1), Lt(nextafter(1, 2))], "no float is within these bounds"),
        (A[float, Gt(0), Lt(5e-324)], "no float is within these bounds"),
        (A[date, Gt(date.max)], "no date is within these bounds"),
        (A[date, Lt(date.min)], "no date is within these bounds"),
        (A[date, Gt(date(2024, 1, 1)), Le(date(2024, 1, 1))], "no date is within these bounds"),
        (A[int, Gt(10**4300 - 1)], "no int is within these bounds"),
        (A[Decimal, Gt(0), Lt(Decimal("1e-1000"))], "no Decimal is within these bounds"),
        (
            A[Decimal, Ge(Decimal("1e999999999"))],
            "has a number of more than 4,300 digits; write one of fewer",
        ),
        (A[int, Ge(Decimal("1e999999999"))], "has a number of more than 4,300 digits"),
        (A[float, Ge(Decimal("1e-999999999"))], "has a number of more than 4,300 digits"),
        (A[str, MaxLen(HUGE)], "has a number of more than 4,300 digits"),
        (A[str, MinLen(5), MaxLen(3)], "nothing has at least 5 and at most 3 characters"),
        (A[bytes, MinLen(5), MaxLen(3)], "nothing has at least 5 and at most 3 bytes"),
        (A[list[int], MinLen(5), MaxLen(3)], "nothing has at least 5 and at most 3 items"),
        (A[str, Pattern("a{5}"), MaxLen(4)], "no text has at least 5 and at most 4 characters"),
        (A[str, Pattern("(ab|c)?d"), MinLen(4)], "no text has at least 4 and at most 3 characters"),
        (A[str, Pattern("a{5}"), Pattern("a{2}|b{4}")], "no text has at least 5 and at most 4 characters"),
        (A[dict[bool, int], MinLen(3)], "bool has at most 2 values, so there are no 3 keys; ask for fewer"),
        (A[dict[Colour, int], MinLen(3)], "at most 2 values"),
        (A[dict[Literal["a"], int], MinLen(2)], "at most 1 values"),
        (A[Dict[A[int, Ge(1), Le(3)], int], MinLen(4)], "at most 3 values"),
        (A[Dict[A[int, Gt(0), Lt(3)], int], MinLen(3)], "at most 2 values"),
        (A[Dict[A[int, MultipleOf(5), Ge(1), Le(11)], int], MinLen(4)], "at most 3 values"),
        (A[Dict[A[date, Ge(date.max)], int], MinLen(2)], "at most 1 values"),
        (A[Dict[A[str, MaxLen(0)], int], MinLen(2)], "at most 1 values"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_nothing_can_fulfil_is_refused(kind: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind)
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (A[float, Ge(inf)], "INF"),
        (A[float, Gt(1), Le(nextafter(1, 2))], "1.0000000000000002"),
        (A[date, Ge(date.max)], "9999-12-31"),
        (A[int, Gt(1), Lt(3)], "2"),
        (A[Decimal, Gt(0), Le(Decimal("1e-1000"))], f"0.{'0' * 999}1"),
        (A[str, Pattern("a{2,5}"), MaxLen(2)], "aa"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_one_value_fulfils_is_taken(kind: Any, text: str) -> None:
    assert takes(holder(kind), text)


def test_as_many_keys_as_there_are_may_be_asked_for() -> None:
    cls = holder(A[dict[bool, int], MinLen(2)])
    entry = "<Entry><Key>{}</Key><Value>1</Value></Entry>"
    assert accepts(cls, f"<Holder><Value>{entry.format('true')}{entry.format('false')}</Value></Holder>")


def test_a_long_bound_is_shown_in_short() -> None:
    cls = holder(A[Decimal, Ge(Decimal("1e-1000"))])
    assert refusal(cls(Decimal(0))).endswith(
        "expected Decimal, at least 0.0000000000000000000000000000000000000…"
    )
    assert takes(cls, f"0.{'0' * 999}1")


def decorated(**options: Any) -> Callable[[type], type]:
    decorate: Callable[[type], type] = xmlify(**options)
    return decorate


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"namespace": "urn:x%zz"}, "'urn:x%zz' is no absolute URI"),
        ({"namespace": 5}, "a namespace is a str, not int"),
        ({"name": 5}, "a name is a str, not int"),
    ],
)
def test_what_is_no_name_or_namespace_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):

        @decorated(**options)
        @dataclass
        class Ping:
            pass

    with pytest.raises(ContractError, match=reason):

        @xmlify
        @dataclass
        class Pong:
            value: int = field(metadata=xml(**options))


@pytest.mark.parametrize(
    "text",
    [
        "P99999999DT24H",
        "-P99999999DT999999999H",
        "P99999999DT999999999H999999999M999999999.999999S",
        "PT999999999H999999999M999999999S",
    ],
)
def test_every_duration_that_is_read_is_written(text: str) -> None:
    cls = holder(timedelta)
    read = contract_of(cls).read(etree.fromstring(f"<Holder><Value>{text}</Value></Holder>"))
    again = etree.fromstring(f"<Holder>{written(read)}</Holder>")
    assert contract_of(cls).schema.validate(again)
    assert read == contract_of(cls).read(again)


def test_a_duration_beyond_is_not_written() -> None:
    assert refusal(holder(timedelta)(timedelta.max)).endswith(
        "timedelta of at most 142372684 days, 3:25:39.999999"
    )


@pytest.mark.parametrize("inside", ["<![CDATA[]]>", "<!--a--><![CDATA[]]>", " ", ""])
def test_a_class_without_elements_takes_what_its_xsd_takes(inside: str) -> None:
    element = etree.fromstring(f"<Nothing>{inside}</Nothing>")
    try:
        contract_of(Nothing).read(element)
        read = True
    except BindingError:
        read = False
    assert contract_of(Nothing).schema.validate(element) == read
