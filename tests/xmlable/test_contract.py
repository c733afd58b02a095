from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, NewType

import pytest
from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable import Contract, contract_of, parse_element, xmlify

Sku = NewType("Sku", str)


@xmlify
@dataclass
class Greeting:
    name: str


@xmlify
@dataclass
class Louder(Greeting):
    times: int = 2


@dataclass
class Quiet(Greeting):
    pass


@xmlify
@dataclass(frozen=True, slots=True)
class Line:
    unit_price: int
    _: KW_ONLY
    sku: Sku
    currency: ClassVar[str] = "EUR"
    total: int = field(init=False, default=0)


@xmlify
@dataclass
class Tree:
    label: str
    branches: list[Tree] = field(default_factory=list)
    left: Tree | None = None


@dataclass
class Person:
    name: str
    company: Company | None = None


@xmlify
@dataclass
class Company:
    staff: list[Person]


def xml(value: Any, name: str = "") -> str:
    element = value.xml_value(name or type(value).__name__)
    return etree.tostring(element, encoding="unicode")


def test_the_class_gives_its_schema() -> None:
    cls: Any = Greeting
    assert etree.XMLSchema(cls.xsd()).validate(etree.fromstring("<Greeting><Name>x</Name></Greeting>"))


def test_the_instance_gives_its_element() -> None:
    assert xml(Greeting("World")) == "<Greeting><Name>World</Name></Greeting>"


def test_the_element_may_have_any_name() -> None:
    element: Any = Greeting("World").xml_value("hello")  # type: ignore[attr-defined]
    assert element.tag == "hello"
    assert parse_element(Greeting, element) == Greeting("World")


@pytest.mark.parametrize("name", ["", "a b", "1", "a:b", "{x}y", "\x00"])
def test_a_name_that_xml_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(BindingError):
        xml(Greeting("World"), name or " ")


def test_a_contract_knows_its_class_and_root() -> None:
    contract: Contract[Greeting] = contract_of(Greeting)
    assert (contract.cls, contract.root_tag) == (Greeting, "Greeting")


def test_the_schema_is_a_fresh_copy_each_time() -> None:
    contract = contract_of(Greeting)
    contract.xsd().clear()
    assert len(contract.xsd())


def test_the_schema_is_compiled_once() -> None:
    assert contract_of(Greeting).schema is contract_of(Greeting).schema


def test_reading_leaves_tag_and_tail_of_the_root_alone() -> None:
    message = etree.fromstring('<m xmlns="urn:m"><Greeting xmlns=""><Name>x</Name></Greeting>tail</m>')
    assert contract_of(Greeting).read(message[0]) == Greeting("x")
    assert message[0].tail == "tail"


def test_filling_keeps_the_element() -> None:
    message = etree.fromstring('<m xmlns="urn:m"><Greeting xmlns=""/>tail</m>')
    contract_of(Greeting).fill(Greeting("x"), message[0])
    assert etree.tostring(message) == b'<m xmlns="urn:m"><Greeting xmlns=""><Name>x</Name></Greeting>tail</m>'


def test_a_subclass_has_a_contract_of_its_own_or_none() -> None:
    assert contract_of(Louder).cls is Louder
    with pytest.raises(ContractError):
        contract_of(Quiet)
    quiet: Any = Quiet
    with pytest.raises(ContractError):
        quiet.xsd()


def test_inherited_fields_come_first() -> None:
    assert xml(Louder("x", 3)) == "<Louder><Name>x</Name><Times>3</Times></Louder>"


def test_class_variables_and_computed_fields_stay_out() -> None:
    line = Line(5, sku=Sku("a"))
    assert xml(line) == "<Line><UnitPrice>5</UnitPrice><Sku>a</Sku></Line>"
    assert parse_element(Line, line.xml_value("Line")) == line  # type: ignore[attr-defined]


def test_decorating_twice_does_no_harm() -> None:
    assert parse_element(xmlify(Greeting), etree.fromstring("<g><Name>x</Name></g>")) == Greeting("x")


def test_a_class_may_hold_itself() -> None:
    tree = Tree("a", [Tree("b", left=Tree("c")), Tree("d")])
    element = tree.xml_value("Tree")  # type: ignore[attr-defined]
    assert contract_of(Tree).schema.validate(element)
    assert parse_element(Tree, element) == tree


def test_classes_may_hold_each_other() -> None:
    company = Company([Person("a", Company([Person("b")])), Person("c")])
    element = company.xml_value("Company")  # type: ignore[attr-defined]
    assert contract_of(Company).schema.validate(element)
    assert parse_element(Company, element) == company


def test_a_class_in_a_function_sees_its_neighbours() -> None:
    @dataclass
    class Part:
        number: int

    @xmlify
    @dataclass
    class Whole:
        parts: list[Part]
        more: Whole | None = None

    whole = Whole([Part(1)], Whole([]))
    assert parse_element(Whole, whole.xml_value("Whole")) == whole  # type: ignore[attr-defined]


def test_classes_of_one_name_are_kept_apart() -> None:
    inner = dataclasses.make_dataclass("Item", [("x", int)])
    outer: Any = xmlify(dataclasses.make_dataclass("Item", [("item", inner)]))
    value = outer(inner(1))
    assert contract_of(outer).schema.validate(value.xml_value("Item"))


def test_a_constructor_of_ones_own_gets_its_arguments_by_name() -> None:
    @xmlify
    @dataclass
    class Pair:
        left: int
        right: str

        def __init__(self, right: str, left: int) -> None:
            self.left, self.right = left, right

    read = parse_element(Pair, etree.fromstring("<p><Left>1</Left><Right>a</Right></p>"))
    assert (read.left, read.right) == (1, "a")


def test_what_the_class_refuses_is_a_binding_error_with_its_cause() -> None:
    @xmlify
    @dataclass
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    with pytest.raises(BindingError, match="odd") as error:
        parse_element(Even, etree.fromstring("<Even><Number>1</Number></Even>"))
    assert isinstance(error.value.__cause__, ValueError)


def test_the_public_names_are_there() -> None:
    import agentserver.xmlable as package

    assert sorted(package.__all__) == package.__all__
    assert all(hasattr(package, name) for name in package.__all__)
