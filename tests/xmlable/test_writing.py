"""The writer checks what it is given: what it writes, the XSD accepts; all else is refused with a path."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal
from uuid import UUID

import pytest
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import contract_of, parse_element, xmlify


class Colour(Enum):
    RED = "red"


class Shade(Enum):
    RED = "red"


class Small(IntEnum):
    ONE = 1


class Vague(tzinfo):
    def utcoffset(self, when: datetime | None) -> None:
        return None

    def dst(self, when: datetime | None) -> None:
        return None

    def tzname(self, when: datetime | None) -> None:
        return None


def holder(kind: Any) -> Any:
    return xmlify(dataclasses.make_dataclass("Holder", [("value", kind)]))


def offset(**units: float) -> timezone:
    return timezone(timedelta(**units))


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (str, 5, "int 5"),
        (str, None, "None"),
        (str, b"x", "bytes"),
        (str, "a\x00b", "str 'a\\x00b'"),
        (str, "\x1b", "str '\\x1b'"),
        (str, "\ud800", "str '\\ud800'"),
        (str, "\ufffe", "str '\\ufffe'"),
        (str, "\uffff", "str '\\uffff'"),
        (str, "x" * 100_000 + "\x00", "str 'xxx"),
        (int, True, "bool True"),
        (int, 1.0, "float 1.0"),
        (int, "1", "str '1'"),
        (int, 10**4300, "int"),
        (int, -(10**5000), "int"),
        (float, True, "bool True"),
        (float, Decimal(1), "Decimal"),
        (float, 2**53 + 1, "int 9007199254740993"),
        (float, 10**400, "int"),
        (bool, 1, "int 1"),
        (Decimal, 1, "int 1"),
        (Decimal, Decimal("NaN"), "Decimal"),
        (Decimal, Decimal("sNaN"), "Decimal"),
        (Decimal, Decimal("-Infinity"), "Decimal"),
        (Decimal, Decimal("1E+1000"), "Decimal"),
        (Decimal, Decimal("1E-1001"), "Decimal"),
        (Decimal, Decimal("1E+999999"), "Decimal"),
        (bytes, bytearray(b"x"), "bytearray"),
        (bytes, "x", "str 'x'"),
        (date, datetime(2024, 1, 1), "datetime"),
        (datetime, date(2024, 1, 1), "date"),
        (datetime, datetime(2024, 1, 1, tzinfo=offset(hours=14, minutes=1)), "datetime"),
        (datetime, datetime(2024, 1, 1, tzinfo=offset(seconds=30)), "datetime"),
        (datetime, datetime(2024, 1, 1, tzinfo=Vague()), "datetime"),
        (time, time(1, tzinfo=offset(hours=-14, minutes=-1)), "time"),
        (time, time(1, tzinfo=Vague()), "time"),
        (timedelta, timedelta(days=142_372_685), "timedelta"),
        (timedelta, timedelta.min, "timedelta"),
        (UUID, "12345678-1234-1234-1234-123456789abc", "str"),
        (Colour, "red", "str 'red'"),
        (Colour, Shade.RED, "Shade"),
        (Literal[1, "a"], True, "bool True"),
        (Literal[1, "a"], 2, "int 2"),
        (Literal[1, "a"], [], "list"),
        (list[int], (1,), "tuple"),
        (list[int], None, "None"),
        (tuple[int, ...], [1], "list"),
        (set[int], frozenset([1]), "frozenset"),
        (tuple[int, str], (1,), "tuple"),
        (tuple[int, str], [1, "a"], "list"),
        (dict[str, int], [("a", 1)], "list"),
        (dict[str, int] | None, 1, "int 1"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_value_that_does_not_fit_is_refused(kind: Any, value: Any, found: str) -> None:
    with pytest.raises(BindingError) as error:
        holder(kind)(value).xml_value("Holder")
    assert error.value.path == "Holder/Value"
    assert error.value.found.startswith(found)
    assert len(str(error.value)) <= 500


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (float, 3, "3.0"),
        (float, float("inf"), "INF"),
        (float, float("-inf"), "-INF"),
        (float, float("nan"), "NaN"),
        (float, 1e300, "1e+300"),
        (int, Small.ONE, "1"),
        (Decimal, Decimal("1E+3"), "1000"),
        (Decimal, Decimal("1.10"), "1.10"),
        (Decimal, Decimal("1E-7"), "0.0000001"),
        (bool, True, "true"),
        (bytes, b"\x00\xff", "AP8="),
        (date, date(1, 1, 1), "0001-01-01"),
        (datetime, datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00+00:00"),
        (timedelta, timedelta(0), "PT0S"),
        (timedelta, timedelta(days=1, microseconds=1), "P1DT0.000001S"),
        (timedelta, timedelta(seconds=-3661), "-PT1H1M1S"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_values_are_written_as_xsd_has_them(kind: Any, value: Any, text: str) -> None:
    element = holder(kind)(value).xml_value("Holder")
    assert element.findtext("Value") == text
    assert contract_of(holder(kind)).schema.validate(element)


def written(kind: Any, value: Any) -> str:
    text = etree.tostring(holder(kind)(value).xml_value("h"), encoding="unicode")
    return text.removeprefix("<h>").removesuffix("</h>")


def test_a_list_is_repeated_elements() -> None:
    assert written(list[str], ["a", ""]) == "<Value>a</Value><Value></Value>"


def test_a_list_of_lists_has_a_wrapper_for_each() -> None:
    text = "<Value><Item>1</Item><Item>2</Item></Value><Value/>"
    assert written(list[list[int]], [[1, 2], []]) == text


def test_a_fixed_tuple_is_a_wrapper() -> None:
    assert written(tuple[int, str], (1, "a")) == "<Value><Item1>1</Item1><Item2>a</Item2></Value>"


def test_a_dict_is_a_wrapper_with_entries() -> None:
    entry = "<Entry><Key>a</Key><Value>1</Value></Entry>"
    assert written(dict[str, int], {"a": 1}) == f"<Value>{entry}</Value>"


def test_none_in_a_dict_is_an_absent_value() -> None:
    assert written(dict[str, int | None], {"a": None}) == "<Value><Entry><Key>a</Key></Entry></Value>"


def test_a_set_is_written_in_one_order() -> None:
    first, second = {"a", "b", "c"}, {"c", "b", "a"}
    assert written(set[str], first) == written(set[str], second)
    assert written(set[str], first) == "<Value>a</Value><Value>b</Value><Value>c</Value>"


def test_carriage_returns_survive_serialising() -> None:
    text = etree.tostring(holder(str)("a\r\n\tb ").xml_value("h"))
    assert parse_element(holder(str), etree.fromstring(text)).value == "a\r\n\tb "


@dataclass(frozen=True)
class Point:
    x: int
    y: int


def test_a_set_of_frozen_dataclasses_survives() -> None:
    value = {Point(2, 1), Point(1, 2)}
    element = holder(set[Point])(value).xml_value("h")
    assert parse_element(holder(set[Point]), element).value == value


@dataclass
class Line:
    price: int


@dataclass
class Discount(Line):
    percent: int


@xmlify
@dataclass
class Invoice:
    lines: list[Line]
    scores: dict[str, list[int]] = field(default_factory=dict)
    next: Invoice | None = None


def refused(value: Any) -> str:
    with pytest.raises(BindingError) as error:
        value.xml_value("Invoice")
    return error.value.path


def test_the_path_counts_from_one() -> None:
    bad: Any = "x"
    assert refused(Invoice([Line(1), Line(2), Line(bad)])) == "Invoice/Lines[3]/Price"
    assert refused(Invoice([Line(bad), Line(2)])) == "Invoice/Lines[1]/Price"
    assert refused(Invoice([], {"a": [], "b": [1, bad]})) == "Invoice/Scores/Entry[2]/Value/Item[2]"


def test_a_subclass_would_lose_its_fields_and_is_refused() -> None:
    assert refused(Invoice([Discount(1, 2)])) == "Invoice/Lines[1]"


def test_a_value_within_itself_is_refused() -> None:
    invoice = Invoice([])
    invoice.next = invoice
    assert refused(invoice).startswith("Invoice/Next/Next")


def test_a_deep_value_is_written_as_deep_as_the_parser_reads() -> None:
    def nested(depth: int) -> Invoice:
        invoice = Invoice([])
        for _ in range(depth):
            invoice = Invoice([], next=invoice)
        return invoice

    element: Any = nested(199).xml_value("Invoice")  # type: ignore[attr-defined]
    assert parse_element(Invoice, etree.fromstring(etree.tostring(element))) == nested(199)
    assert refused(nested(300)).startswith("Invoice/Next")


def test_an_element_that_could_not_be_filled_is_left_empty() -> None:
    bad: Any = "x"
    element = etree.Element("Invoice")
    with pytest.raises(BindingError):
        contract_of(Invoice).fill(Invoice([Line(1), Line(bad)]), element)
    assert len(element) == 0


def test_filling_from_another_class_is_refused() -> None:
    other: Any = Line(1)
    with pytest.raises(BindingError) as error:
        contract_of(Invoice).fill(other, etree.Element("Invoice"))
    assert (error.value.path, error.value.found, error.value.expected) == ("Invoice", "Line", "Invoice")


@xmlify
@dataclass
class Address:
    street: str
    city: str
    zip_code: str
    country: str


def test_the_path_is_right_among_children_made_together() -> None:
    bad: Any = 5
    with pytest.raises(BindingError) as error:
        Address("a", "b", bad, "d").xml_value("Address")  # type: ignore[attr-defined]
    assert str(error.value) == "Address/ZipCode: found int 5, expected str"


def test_an_instance_without_one_of_its_attributes_is_refused() -> None:
    address = Address("a", "b", "c", "d")
    del address.city
    with pytest.raises(BindingError, match="without 'city'"):
        address.xml_value("Address")  # type: ignore[attr-defined]


def test_an_element_that_a_contract_made_is_filled_like_an_empty_one() -> None:
    @xmlify
    @dataclass
    class Point:
        x: int
        y: int

    contract, point = contract_of(Point), Point(1, 2)
    empty, blank = etree.Element("Point"), contract.blank()
    contract.fill(point, empty)
    contract.fill(point, blank)

    assert b"<Point><X>1</X><Y>2</Y></Point>" == etree.tostring(empty) == etree.tostring(blank)
    assert etree.tostring(point.xml_value("Other")) == b"<Other><X>1</X><Y>2</Y></Other>"  # type: ignore[attr-defined]


def test_an_element_that_a_contract_made_is_left_empty_when_a_value_does_not_fit() -> None:
    @xmlify
    @dataclass
    class Point:
        x: int
        y: int

    contract = contract_of(Point)
    blank = contract.blank()
    with pytest.raises(BindingError, match="Point/Y: found str"):
        contract.fill(Point(1, "two"), blank)  # type: ignore[arg-type]

    assert b"<Point/>" == etree.tostring(blank)
    assert 2 == len(contract.blank())
