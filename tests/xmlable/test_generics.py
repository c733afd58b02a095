"""Generic dataclasses: type variables stand for what they are given, in the class and through its bases."""

from __future__ import annotations

import dataclasses
import sys
import types
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NewType, TypeVar

import pytest
from annotated_types import Ge, Len
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import contract_of, parse_element, xmlify
from tests.xmlable.verdicts import accepts, holder, takes, written

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Item:
    name: str


@dataclass
class Page(Generic[T]):
    items: list[T]
    first: T | None = None
    further: Page[T] | None = None


@dataclass
class Pair(Generic[T, U]):
    left: T
    right: U


@dataclass
class Swapped(Pair[U, T]):
    extra: dict[str, T] = field(default_factory=dict)


@xmlify
@dataclass
class ItemPage(Page[Item]):
    total: int = 0


@xmlify
@dataclass
class Numbers(Swapped[int, str]):
    pass


@xmlify
@dataclass
class Catalogue:
    items: Page[Item]
    pages: Page[Page[int]]
    pair: Pair[int, Pair[str, list[Item]]]


Sku = NewType("Sku", str)


def test_a_base_says_what_the_variables_stand_for() -> None:
    page = ItemPage([Item("a")], Item("b"), Page([Item("c")]), 3)
    assert accepts(ItemPage, page.xml_value("ItemPage"))  # type: ignore[attr-defined]
    assert parse_element(ItemPage, page.xml_value("ItemPage")) == page  # type: ignore[attr-defined]


def test_variables_are_followed_through_bases_that_exchange_them() -> None:
    numbers = Numbers(1, "a", {"x": "y"})
    element = numbers.xml_value("Numbers")  # type: ignore[attr-defined]
    assert parse_element(Numbers, element) == numbers
    assert accepts(Numbers, "<Numbers><Left>1</Left><Right>x</Right></Numbers>")
    assert not accepts(Numbers, "<Numbers><Left>x</Left><Right>1</Right></Numbers>")


def test_a_generic_class_stands_for_each_type_that_it_is_given() -> None:
    value = Catalogue(Page([Item("a")]), Page([Page([1], 2)]), Pair(1, Pair("a", [Item("b")])))
    assert written(value)
    assert parse_element(Catalogue, value.xml_value("Catalogue")) == value  # type: ignore[attr-defined]


def test_each_has_a_type_of_its_own_in_the_schema() -> None:
    names = [node.get("name") for node in contract_of(Catalogue).xsd().iterchildren("*")]
    expected = {"PageOfItem", "PageOfPageOfInt", "PageOfInt", "PairOfIntAndPairOfStrAndListOfItem"}
    assert expected <= set(names)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Page[Sku], Page([Sku("a")])),
        (Page[Annotated[int, Ge(0)]], Page([1])),
        (Page[int | str], Page([1, "a"], "b")),
        (Page[tuple[int, str]], Page([(1, "a")])),
        (Pair[list[int], str], Pair([1, 2], "a")),
        (Pair[int, str] | int, Pair(1, "a")),
        (list[Page[int]], [Page([1])]),
        (dict[str, Page[int]], {"a": Page([1])}),
        (Page[Item] | None, None),
    ],
    ids=str,
)
def test_variables_may_stand_for_any_type_anywhere(kind: Any, value: Any) -> None:
    cls = holder(kind)
    assert parse_element(cls, cls(value).xml_value("Holder")) == cls(value)
    assert accepts(cls, cls(value).xml_value("Holder"))


def test_constraints_on_a_variable_hold_what_it_stands_for() -> None:
    @dataclass
    class Few(Generic[T]):
        items: Annotated[list[T], Len(1, 2)]

    cls = holder(Few[Annotated[int, Ge(5)]])
    assert accepts(cls, "<Holder><Value><Items>5</Items></Value></Holder>")
    assert not accepts(cls, "<Holder><Value><Items>4</Items></Value></Holder>")
    assert not accepts(cls, "<Holder><Value/></Holder>")


def test_a_variable_of_ones_own_name_in_a_base_is_another() -> None:
    base = TypeVar("base")
    generic: Any = Generic
    bottom: Any = dataclasses.make_dataclass("Bottom", [("low", base)], bases=(generic[base],))
    top: Any = dataclasses.make_dataclass("Top", [("high", T)], bases=(bottom[int], generic[T]))
    cls = holder(top[str])
    assert accepts(cls, "<Holder><Value><Low>1</Low><High>a</High></Value></Holder>")
    assert not accepts(cls, "<Holder><Value><Low>a</Low><High>a</High></Value></Holder>")


@pytest.mark.parametrize("kind", [Page, Page[T], list[T], Pair[int, T], Page[Page[T]]], ids=str)  # type: ignore[valid-type]
def test_a_variable_that_stands_for_nothing_is_refused(kind: Any) -> None:
    with pytest.raises(ContractError, match=r"stands for no type here; say which, as in Page\[Item\]"):
        holder(kind)


def test_a_generic_class_itself_is_refused() -> None:
    with pytest.raises(ContractError, match="~T stands for no type here"):
        xmlify(Page)


def test_two_uses_of_one_class_cannot_be_told_apart_in_a_union() -> None:
    with pytest.raises(ContractError, match="are both Page in Python"):
        holder(Page[int] | Page[str])


MODERN = """
from dataclasses import dataclass
from agentserver.xmlable import xmlify

type Number = int | float
type Many[X] = list[X]

@dataclass
class Page[T]:
    items: Many[T]
    number: Number = 1

@dataclass
class Order[T, U](Page[U]):
    mine: T | None = None

@xmlify
@dataclass
class Ints(Order[str, int]):
    pass
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of Python 3.12")
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_the_syntax_of_python_3_12_works(future: str) -> None:
    module = sys.modules["modern"] = types.ModuleType("modern")
    try:
        exec(compile(future + MODERN, "modern", "exec", dont_inherit=True), vars(module))
    finally:
        del sys.modules["modern"]
    ints: Any = module.Ints
    value = ints([1], 1.5, "a")
    assert parse_element(ints, value.xml_value("Ints")) == value
    assert accepts(ints, "<Ints><Items>1</Items><Number><Int>1</Int></Number></Ints>")
    assert not accepts(ints, "<Ints><Items>a</Items></Ints>")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="defaults of type variables are of Python 3.13")
def test_a_variable_may_have_a_default() -> None:
    names: dict[str, Any] = {"__name__": "modern"}
    source = "from dataclasses import dataclass\n@dataclass\nclass Box[T = int]:\n    item: T\n"
    exec(compile(source, "modern", "exec", dont_inherit=True), names)
    cls = holder(names["Box"])
    assert accepts(cls, "<Holder><Value><Item>1</Item></Value></Holder>")
    assert not accepts(cls, "<Holder><Value><Item>a</Item></Value></Holder>")


def test_inherited_and_generic_fields_keep_their_order() -> None:
    assert takes(holder(int), "1")
    assert written(ItemPage([], total=1)) == "<Total>1</Total>"
    assert etree.QName(ItemPage([]).xml_value("ItemPage")).localname == "ItemPage"  # type: ignore[attr-defined]
