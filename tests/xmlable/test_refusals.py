"""What has no exact shape in XML is refused where it is decorated, with a remedy."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import pytest

from agentserver.errors import ContractError
from agentserver.xmlable import contract_of, xmlify

T = TypeVar("T")


class Plain:
    pass


class Point(NamedTuple):
    x: int


class Options(TypedDict):
    x: int


class Bits(Flag):
    A = 1


class Nobody(Enum):
    pass


class Doubled(Enum):
    ONE = 1
    TEXT = "1"


class Composite(Enum):
    PLANET = (1, 2)


class Control(Enum):
    BELL = "\x07"


class MyInt(int):
    pass


@dataclass
class Unhashable:
    x: int


@dataclass
class Box(Generic[T]):
    item: T


@dataclass
class Line:
    price: Any


@dataclass
class Invoice:
    lines: list[Line]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Any, "Any names no type"),
        (object, "object names no type"),
        (None, "leave the field out"),
        (Callable[[], int], "is not mapped"),
        (Sequence[int], "is not mapped"),
        (complex, "make it a dataclass"),
        (bytearray, "make it a dataclass"),
        (Plain, "Plain is not mapped; make it a dataclass"),
        (Point, "Point is not mapped"),
        (Options, "Options is not mapped"),
        (MyInt, "MyInt is not mapped"),
        (Box, "~T stands for no type here; say which, as in Page[Item]"),
        (T, "~T stands for no type here"),
        (list, "list[str]"),
        (typing.List, "list[str]"),  # noqa: UP006
        (tuple, "tuple[str, ...]"),
        (tuple[()], "tuple[str, ...]"),
        (set, "set[str]"),
        (frozenset, "frozenset[str]"),
        (dict, "dict[str, int]"),
        (list[Any], "Any names no type"),
        (dict[str, Any], "Any names no type"),
        (list[int] | None, "None and empty look the same; use list[int]"),
        (set[int] | None, "None and empty look the same"),
        (tuple[int, ...] | None, "None and empty look the same"),
        (list[int | None], "an item cannot be absent"),
        (dict[int | None, int], "a key cannot be absent"),
        (dict[Unhashable, int], "cannot be a key"),
        (dict[tuple[int, int], int], "cannot be a key, as an XSD compares texts; use list[tuple[...]]"),
        (dict[float, int], "float cannot be a key"),
        (dict[Literal[1, True], int], "members that Python takes for the same key"),
        (dict[tuple[list[int], int], int], "cannot be a key"),
        (set[list[int]], "cannot hold list of int; use list"),
        (set[Unhashable], "cannot hold Unhashable; use list[Unhashable]"),
        (Literal[b"x"], "use str, int or bool"),
        (Literal["x", None], "use Literal[...] | None"),
        (Literal[1, "1"], "two values have the text '1'"),
        (Literal[True, "true"], "two values have the text 'true'"),
        (Literal["\x00"], "characters that XML does not allow"),
        (Bits, "use set[an Enum]"),
        (Nobody, "has no members"),
        (Doubled, "two values have the text '1'"),
        (Composite, "use str or int"),
        (Control, "characters that XML does not allow"),
    ],
    ids=str,
)
def test_a_type_that_cannot_be_mapped_is_refused(kind: Any, reason: str) -> None:
    cls = dataclasses.make_dataclass("Order", [("id", int), ("thing", kind)])
    with pytest.raises(ContractError) as refusal:
        xmlify(cls)
    place = ("item", "Box") if kind is Box else ("thing", "Order")
    assert (refusal.value.field, refusal.value.class_name) == place
    assert reason in refusal.value.reason


def refusal_of(cls: Any) -> tuple[str, str, str]:
    with pytest.raises(ContractError) as refusal:
        xmlify(cls)
    return refusal.value.class_name, refusal.value.field, refusal.value.reason


def test_a_nested_class_is_named_as_the_place() -> None:
    assert refusal_of(Invoice)[:2] == ("Line", "price")


def test_a_class_that_is_no_dataclass_is_refused() -> None:
    assert refusal_of(Plain) == ("Plain", "", "is no dataclass; put @dataclass under @xmlify")


def test_an_undecorated_subclass_of_a_dataclass_is_refused() -> None:
    class Heir(Unhashable):
        y: int

    assert refusal_of(Heir) == ("Heir", "", "is no dataclass; put @dataclass under @xmlify")


def test_what_is_no_class_is_refused() -> None:
    assert refusal_of(len)[:2] == ("len", "")


def test_two_fields_with_one_element_name_are_refused() -> None:
    cls = dataclasses.make_dataclass("Order", [("unit_price", int), ("unit__price", int)])
    assert refusal_of(cls) == ("Order", "unit__price", "it and unit_price are both <UnitPrice>; rename one")


def test_a_class_name_that_xml_does_not_allow_is_refused() -> None:
    assert refusal_of(dataclasses.make_dataclass("An Order", []))[:2] == ("An Order", "")


@pytest.mark.parametrize("name", ["x\u2054", "\u0219tire", "\U00020000"], ids=ascii)
def test_a_field_name_that_xml_does_not_allow_is_refused(name: str) -> None:
    class_name, field_name, reason = refusal_of(dataclasses.make_dataclass("Order", [(name, int)]))
    assert (class_name, field_name) == ("Order", name)
    assert "rename the field" in reason


def test_an_init_var_is_refused() -> None:
    @dataclass
    class Order:
        seed: InitVar[int]
        total: int = 0

    assert refusal_of(Order)[:2] == ("Order", "seed")


def test_an_optional_with_another_default_than_none_is_refused() -> None:
    @dataclass
    class Order:
        count: int | None = 5

    assert refusal_of(Order)[1:] == (
        "count",
        "absent would mean both None and the default; let the default be None",
    )


def test_an_optional_with_a_default_factory_is_refused() -> None:
    @dataclass
    class Order:
        count: dict[str, int] | None = field(default_factory=dict)

    assert refusal_of(Order)[1] == "count"


@pytest.mark.parametrize("name", ["xsd", "xml_value"])
def test_a_field_in_the_place_of_a_method_is_refused(name: str) -> None:
    assert refusal_of(dataclasses.make_dataclass("Order", [(name, int)]))[:2] == ("Order", name)


def test_a_name_that_is_not_defined_yet_is_refused() -> None:
    @dataclass
    class Order:
        id: int
        line: Missing  # type: ignore[name-defined]  # noqa: F821

    class_name, field_name, reason = refusal_of(Order)
    assert (class_name, field_name) == ("Order", "line")
    assert "'Missing'" in reason


@pytest.mark.parametrize("annotation", ["int[", "dataclasses.missing", "1 + ''"])
def test_an_annotation_that_cannot_be_evaluated_is_refused(annotation: str) -> None:
    cls = dataclasses.make_dataclass("Order", [("id", annotation)])
    assert refusal_of(cls)[0] == "Order"


def test_a_constructor_that_lacks_a_field_is_refused() -> None:
    @dataclass
    class Order:
        id: int

        def __init__(self) -> None:
            self.id = 1

    assert refusal_of(Order)[:2] == ("Order", "id")


def test_a_constructor_that_wants_more_is_refused() -> None:
    @dataclass
    class Order:
        id: int

        def __init__(self, id: int, secret: str) -> None:  # noqa: A002
            self.id = id

    assert refusal_of(Order)[:2] == ("Order", "secret")


def test_a_class_without_a_contract_has_none() -> None:
    with pytest.raises(ContractError) as refusal:
        contract_of(Unhashable)
    assert refusal.value.class_name == "Unhashable"
