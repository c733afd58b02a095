"""Unions: one element within the field's element, whose name tells the member."""
# ruff: noqa: UP007, UP045, RUF036  # every way to write a union is tried

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType, Optional, Union
from uuid import UUID

import pytest
from annotated_types import Ge, Lt
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import RawXml, parse_element, xmlify
from tests.xmlable.verdicts import accepts, holder, read_refusal, refusal, written


class Colour(Enum):
    RED = "red"


class Small(IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Circle:
    radius: float


@dataclass(frozen=True)
class Square:
    side: int


@dataclass(frozen=True)
class Heir(Square):
    more: int = 0


Sku = NewType("Sku", str)
item_id = NewType("item_id", int)
Positive = Annotated[int, Ge(1)]


@xmlify
@dataclass
class Tree:
    left: Tree | int
    right: Tree | int | None = None


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Circle | Square, Square(2), "<Value><Square><Side>2</Side></Square></Value>"),
        (int | str, 5, "<Value><Int>5</Int></Value>"),
        (int | str, "5", "<Value><Str>5</Str></Value>"),
        (bool | int, True, "<Value><Bool>true</Bool></Value>"),
        (bool | int, 1, "<Value><Int>1</Int></Value>"),
        (int | str, Small.ONE, "<Value><Int>1</Int></Value>"),
        (date | datetime, datetime(2024, 1, 1), "<Value><Datetime>2024-01-01T00:00:00</Datetime></Value>"),
        (Decimal | UUID, UUID(int=0), f"<Value><Uuid>{UUID(int=0)}</Uuid></Value>"),
        (bytes | None | Decimal, b"", "<Value><Bytes></Bytes></Value>"),
        (Colour | int, Colour.RED, "<Value><Colour>red</Colour></Value>"),
        (Union[Sku, Square], "a", "<Value><Sku>a</Sku></Value>"),
        (Union[item_id, str], 3, "<Value><ItemId>3</ItemId></Value>"),
        (Positive | str, 1, "<Value><Int>1</Int></Value>"),
        (Union[int, str | None], None, ""),
        (Optional[Circle | Square], None, ""),
        (list[Circle | int], [1, Circle(0.5)],
         "<Value><Int>1</Int></Value><Value><Circle><Radius>0.5</Radius></Circle></Value>"),
        (dict[str, int | str], {"a": 1}, "<Value><Entry><Key>a</Key><Value><Int>1</Int></Value></Entry></Value>"),
        (tuple[int | str, int], ("a", 1), "<Value><Item1><Str>a</Str></Item1><Item2>1</Item2></Value>"),
        (set[int | str], {1}, "<Value><Int>1</Int></Value>"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_member_is_named_by_its_element(kind: Any, value: Any, text: str) -> None:
    instance = holder(kind)(value)
    assert written(instance) == text
    element = instance.xml_value("Holder")
    assert parse_element(type(instance), element) == instance


def test_a_union_may_hold_the_class_itself() -> None:
    tree = Tree(Tree(1, 2), Tree(3))
    element = tree.xml_value("Tree")  # type: ignore[attr-defined]
    assert accepts(Tree, element)
    assert parse_element(Tree, element) == tree


def test_a_default_may_be_of_any_member() -> None:
    assert parse_element(holder(int | str, default="a"), etree.fromstring("<Holder/>")).value == "a"


def test_a_value_within_itself_is_refused() -> None:
    tree = Tree(1)
    tree.left = tree
    with pytest.raises(ValueError, match="nested too deeply"):
        tree.xml_value("Tree")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Holder/Value: found nothing, expected one of Int, Square"),
        ("<Str>a</Str>", "Holder/Value: found unknown element 'Str', expected one of Int, Square"),
        ("<Int>1</Int><Int>1</Int>", "Holder/Value: found 2 elements, expected one of Int, Square"),
        ("<Int>1</Int><Square><Side>1</Side></Square>", "Holder/Value: found 2 elements"),
        ("<Int>x</Int>", "Holder/Value/Int: found 'x', expected int"),
        ("<Square/>", "Holder/Value/Square/Side: found nothing, expected int"),
        ("1", "Holder/Value: found text '1', expected elements alone"),
        ("<Int>1</Int>1", "Holder/Value: found text '1', expected elements alone"),
        ("<int>1</int>", "Holder/Value: found unknown element 'int'"),
    ],
)
def test_what_is_no_member_is_refused(content: str, words: str) -> None:
    text = f"<Holder><Value>{content}</Value></Holder>"
    assert read_refusal(holder(int | Square), text).startswith(words)


def test_remarks_around_the_member_do_not_count() -> None:
    assert accepts(holder(int | str), "<Holder><Value> <!--a--><Int>1</Int><?b?>\n</Value></Holder>")


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int | str, 1.5, "Holder/Value: found float 1.5, expected one of Int, Str"),
        (int | str, None, "Holder/Value: found None"),
        (int | str, True, "Holder/Value/Int: found bool True, expected int"),
        (Square | int, Heir(1), "Holder/Value/Square: found Heir, expected Square"),
        (list[Square | int], [1, "x"], "Holder/Value[2]: found str 'x', expected one of Square, Int"),
    ],
    ids=str,
)
def test_a_value_of_no_member_is_refused(kind: Any, value: Any, words: str) -> None:
    assert refusal(holder(kind)(value)).startswith(words)


def test_the_member_of_the_class_itself_goes_before_that_of_a_base() -> None:
    assert written(holder(Square | Heir)(Heir(1))).startswith("<Value><Heir>")


def test_blanks_and_order_of_members_make_no_other_document() -> None:
    assert written(holder(int | str)(1)) == written(holder(str | int)(1))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Circle | list[int], "list[int] has no name of its own; make it a field of a dataclass in the union"),
        (int | dict[str, int], "dict[str, int] has no name of its own"),
        (int | tuple[int, int], "has no name of its own"),
        (Union[int, Literal["a"]], "has no name of its own"),
        (Union[int, RawXml], "has no name of its own"),
        (Union[int, Any], "Any names no type; write the one type that it is"),
        (
            Circle | dataclasses.make_dataclass("Circle", [("x", int)]),
            "two members of the union are <Circle>",
        ),
        (Union[Sku, str], "Sku and Str are both str in Python; make one a dataclass"),
        (Union[Annotated[int, Ge(0)], Annotated[int, Lt(0)]], "two members of the union are <Int>"),
        (Circle | complex, "complex is not mapped"),
        (list[int | None | str], "an item cannot be absent"),
        (dict[int | str, int], "one of Int, Str cannot be a key"),
    ],
    ids=str,
)
def test_members_that_cannot_be_told_apart_are_refused(kind: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind)
    assert reason in error.value.reason


def test_unions_of_classes_are_found_by_their_names() -> None:
    @xmlify
    @dataclass
    class Drawing:
        shapes: list[Circle | Square] = field(default_factory=list)

    drawing = Drawing([Square(1), Circle(2.0)])
    assert parse_element(Drawing, drawing.xml_value("Drawing")) == drawing  # type: ignore[attr-defined]
