"""Keys of dicts: Python, libxml2 and a second validator find the same ones equal, however they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.xmlable import contract_of, parse_element
from tests.properties import examples
from tests.xmlable.verdicts import accepts, holder, refusal


class Word(Enum):
    A = "a"
    SPACED = " a"
    EMPTY = ""


class Number(Enum):
    ONE = 1
    TWO = 2


UUID_TEXT = "12345678-1234-1234-1234-123456789abc"
MIDNIGHTS = [
    f"{fraction}{zone}" for fraction in ("", ".0", ".5", ".50") for zone in ("", "Z", "+00:00", "-00:00")
]

NOTATIONS: dict[Any, list[str]] = {
    int: ["0", "-0", "+0", "00", "1", "01", "+1", " 1 ", "-1", "-01", "9" * 40, "0" + "9" * 40],
    Decimal: ["0", "-0", "-0.0", "0.0", ".0", "0.", "1", "1.0", "1.00", "01", "-1", "-1.0", "0.10", ".1"],
    bool: ["0", "1", "true", "false", " 1 ", "true "],
    str: ["a", " a", "a ", "A", "", " ", "a b", "a  b"],
    bytes: ["AAAA", "A AAA", " AAAA", "AA==", "A A = =", ""],
    date: ["2024-01-01", " 2024-01-01", "2024-01-02"],
    datetime: [f"2024-01-01T00:00:00{rest}" for rest in MIDNIGHTS] + ["2024-01-01T01:00:00+01:00"],
    time: [f"00:00:00{rest}" for rest in MIDNIGHTS] + ["01:00:00+01:00", "23:00:00-01:00"],
    timedelta: ["PT0S", "P0D", "-P0D", "P1D", "PT24H", "PT1440M", "PT86400S", "PT86400.0S", "-P1D", "PT1.5S", "PT1.50S",
                "PT999999999H0.000001S", "PT999999999H0.000002S"],
    UUID: [UUID_TEXT, UUID_TEXT.upper(), f" {UUID_TEXT}"],
    Word: ["a", " a", "", "a "],
    Number: ["1", " 1", "2", "2\n"],
    Literal["a", " a", 3]: ["a", " a", "3", " 3"],
    Literal[3, 4]: ["3", " 3", "4"],
}  # fmt: skip


def document(*keys: str) -> etree._Element:
    entries = "".join(f"<Entry><Key>{key}</Key><Value>1</Value></Entry>" for key in keys)
    return etree.fromstring(f"<Holder><Value>{entries}</Value></Holder>")


@pytest.mark.parametrize("kind", NOTATIONS, ids=str)
def test_every_pair_of_notations_is_judged_alike(kind: Any) -> None:
    cls = holder(dict[kind, int])
    second = xmlschema.XMLSchema10(etree.tostring(contract_of(cls).xsd(), encoding="unicode"))
    for one in NOTATIONS[kind]:
        for other in NOTATIONS[kind]:
            assert accepts(cls, document(one, other)) == second.is_valid(document(one, other)), (one, other)


@pytest.mark.parametrize("kind", NOTATIONS, ids=str)
def test_some_notation_of_each_kind_is_taken(kind: Any) -> None:
    assert any(accepts(holder(dict[kind, int]), document(text)) for text in NOTATIONS[kind])


ZONES: Any = st.none() | st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)


@given(st.dictionaries(MOMENTS, st.just(1)))
@examples(40)
def test_datetimes_are_written_in_utc_and_stay_equal(value: dict[datetime, int]) -> None:
    cls = holder(dict[datetime, int])
    element = cls(value).xml_value("Holder")
    assert accepts(cls, element)
    assert parse_element(cls, element).value == value


@pytest.mark.parametrize("zero", [Decimal("-0"), Decimal("-0.00")])
def test_a_negative_zero_is_written_as_zero(zero: Decimal) -> None:
    cls = holder(dict[Decimal, int])
    element = cls({zero: 1}).xml_value("Holder")
    assert accepts(cls, element)
    assert parse_element(cls, element).value == {Decimal(0): 1}


@pytest.mark.parametrize(
    ("kind", "key", "words"),
    [
        (time, time(1, tzinfo=timezone(timedelta(hours=1))), "a time in UTC, or without an offset"),
        (
            datetime,
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            "within the years 1 to 9999 of UTC",
        ),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_written_is_refused(kind: Any, key: Any, words: str) -> None:
    assert words in refusal(holder(dict[kind, int])({key: 1}))


def test_a_time_in_utc_is_a_key() -> None:
    cls = holder(dict[time, int])
    assert accepts(cls, cls({time(1, tzinfo=UTC): 1, time(1): 2}).xml_value("Holder"))
