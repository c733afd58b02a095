"""Field metadata: explicit names, attributes, namespaces."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import RawXml, contract_of, parse_element, xml, xmlify
from tests.xmlable.verdicts import accepts, holder, read_refusal, refusal, written


class Colour(Enum):
    RED = "red"


@dataclass
class Line:
    number: int = field(metadata=xml(attribute=True))
    text: str


@xmlify
@dataclass
class Invoice:
    id: int = field(metadata=xml(name="ID", attribute=True))
    total: int = field(metadata=xml(name="PayableAmount"))
    lines: list[Line] = field(default_factory=list, metadata=xml(name="InvoiceLine"))
    lang: str | None = field(default=None, metadata=xml(attribute=True))
    colour: Colour = field(default=Colour.RED, metadata=xml(attribute=True))
    kind: Literal["a", "b"] = field(default="a", metadata=xml(attribute=True))
    count_of: Annotated[int, Ge(0)] = field(default=0, metadata=xml(attribute=True))


INVOICE = '<Invoice ID="1" colour="red" kind="a" count_of="0"><PayableAmount>5</PayableAmount></Invoice>'


def test_names_and_attributes_are_as_asked_for() -> None:
    element = Invoice(1, 5).xml_value("Invoice")  # type: ignore[attr-defined]
    assert etree.tostring(element, encoding="unicode") == INVOICE
    assert accepts(Invoice, element)
    assert parse_element(Invoice, element) == Invoice(1, 5)


def test_absent_attributes_give_the_defaults() -> None:
    read = parse_element(Invoice, etree.fromstring('<I ID="1"><PayableAmount>5</PayableAmount></I>'))
    assert read == Invoice(1, 5)


def test_the_order_of_attributes_does_not_matter() -> None:
    text = '<Invoice lang="de" kind="b" ID=" 01 "><PayableAmount>5</PayableAmount></Invoice>'
    assert accepts(Invoice, text)
    assert parse_element(Invoice, etree.fromstring(text)) == Invoice(1, 5, lang="de", kind="b")


def test_blanks_in_an_attribute_survive() -> None:
    value = Invoice(1, 5, lang=" a\n\t\r<\"&'> ")
    text = etree.tostring(value.xml_value("Invoice"))  # type: ignore[attr-defined]
    assert parse_element(Invoice, etree.fromstring(text)) == value


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (INVOICE.replace(' ID="1"', ""), "Invoice/@ID: found nothing, expected int"),
        (INVOICE.replace('"1"', '"x"'), "Invoice/@ID: found 'x', expected int"),
        (INVOICE.replace('"0"', '"-1"'), "Invoice/@count_of: found '-1', expected int, at least 0"),
        (INVOICE.replace('"red"', '"blue"'), "Invoice/@colour: found 'blue', expected Colour (one of 'red')"),
        (
            INVOICE.replace("kind", "kinds"),
            "Invoice: found attribute 'kinds', expected the attributes ID, lang",
        ),
        (INVOICE.replace("kind", "xml:lang"), "Invoice: found attribute '{http"),
        (INVOICE.replace("kind", 'xmlns:n="urn:n" n:kind'), "Invoice: found attribute '{urn:n}kind'"),
        (INVOICE.replace("</I", "<InvoiceLine/></I"), "Invoice/InvoiceLine[1]/@number: found nothing"),
        (INVOICE.replace("PayableAmount", "Total"), "Invoice: found unknown element 'Total'"),
    ],
)
def test_a_bad_attribute_is_refused_with_its_path(document: str, words: str) -> None:
    assert read_refusal(Invoice, document).startswith(words)


def test_a_bad_value_of_an_attribute_is_not_written() -> None:
    bad: Any = "x"
    element = etree.Element("Invoice")
    with pytest.raises(ValueError, match="Invoice/@count_of: found int -1, expected int, at least 0"):
        contract_of(Invoice).fill(Invoice(1, 5, count_of=-1), element)
    assert (len(element), element.keys()) == (0, [])
    assert refusal(Invoice(bad, 5)) == "Holder/@ID: found str 'x', expected int"
    assert refusal(Invoice(1, 5, lang="\x00")).startswith("Holder/@lang: found str")


def test_a_class_of_attributes_alone_holds_no_text() -> None:
    cls = holder(int, metadata=xml(attribute=True))
    assert written(cls(1)) == ""
    assert accepts(cls, '<Holder value="1"/>')
    assert accepts(cls, '<Holder value="1"><!-- --></Holder>')
    assert not accepts(cls, '<Holder value="1"> </Holder>')
    assert not accepts(cls, '<Holder value="1"><!-- --> </Holder>')


def test_a_class_of_nothing_holds_nothing() -> None:
    cls: Any = xmlify(dataclasses.make_dataclass("Holder", []))
    assert accepts(cls, "<Holder/>")
    assert not accepts(cls, "<Holder>\n</Holder>")
    assert not accepts(cls, '<Holder a="1"/>')


@xmlify(namespace="urn:note")
@dataclass
class Note:
    text: str


@dataclass
class Part:
    size: int
    note: Note | None = None


@xmlify(namespace="urn:order")
@dataclass
class Order:
    part: Part
    other: str = field(default="", metadata=xml(namespace="urn:other"))
    plain: int = field(default=0, metadata=xml(namespace=""))
    grid: list[list[int]] = field(default_factory=list, metadata=xml(namespace="urn:other"))
    id: int = field(default=1, metadata=xml(attribute=True))


ORDER, OTHER, NOTE = "{urn:order}", "{urn:other}", "{urn:note}"


def test_elements_are_in_the_namespace_of_their_class_or_their_field() -> None:
    element = Order(Part(1, Note("x")), grid=[[1]]).xml_value("Order")  # type: ignore[attr-defined]
    assert [node.tag for node in element.iter()] == [
        *(f"{ORDER}Order", f"{ORDER}Part", f"{ORDER}Size", f"{ORDER}Note", f"{NOTE}Text"),
        *(f"{OTHER}Other", "Plain", f"{OTHER}Grid", f"{OTHER}Item"),
    ]
    assert list(element.attrib) == ["id"]


def test_a_document_of_many_namespaces_survives() -> None:
    order = Order(Part(1, Note("x")), "y", 5, [[1, 2], []])
    text = etree.tostring(order.xml_value("Order"))  # type: ignore[attr-defined]
    assert accepts(Order, etree.fromstring(text))
    assert parse_element(Order, etree.fromstring(text)) == order


def test_a_contract_in_a_namespace_says_so() -> None:
    contract = contract_of(Order)
    assert (contract.root_tag, contract.namespace) == ("{urn:order}Order", "urn:order")
    assert contract.outline.tag == contract.root_tag


def test_the_main_document_is_compiled_as_it_is() -> None:
    cls: Any = Order
    element = Order(Part(1)).xml_value("Order")  # type: ignore[attr-defined]
    assert etree.XMLSchema(cls.xsd()).validate(element)
    assert len(contract_of(Order).schema_documents()) > 1


def test_the_schema_of_a_class_with_a_name_beyond_ascii_finds_its_parts() -> None:
    options = dataclasses.field(default=0, metadata=xml(namespace="urn:x"))
    cls: Any = xmlify(dataclasses.make_dataclass("Größe", [("x", int, options)]))
    assert etree.XMLSchema(cls.xsd()).validate(cls(1).xml_value("Größe"))


@pytest.mark.parametrize(
    "change", [("urn:order", "urn:x"), ("<Plain>", "<Plain xmlns='urn:order'>"), ("urn:other", "urn:order")]
)
def test_an_element_of_another_namespace_is_refused(change: tuple[str, str]) -> None:
    order: Any = Order(Part(1))
    text: str = etree.tostring(order.xml_value("Order"), encoding="unicode")
    changed = text.replace(*change)
    assert changed != text
    assert not contract_of(Order).schema.validate(etree.fromstring(changed))


def test_the_reader_does_not_look_at_the_root_and_refuses_the_rest() -> None:
    text = '<o:Order xmlns:o="urn:order"><o:Part><Size xmlns="">1</Size></o:Part></o:Order>'
    assert (
        read_refusal(Order, text)
        == "Order/Part: found unknown element 'Size', expected the elements Size, Note"
    )


def test_one_namespace_is_written_without_prefixes() -> None:
    text = etree.tostring(Note("x").xml_value("Note"), encoding="unicode")  # type: ignore[attr-defined]
    assert text == '<Note xmlns="urn:note"><Text>x</Text></Note>'


def test_a_class_of_its_own_namespace_is_the_same_alone_and_below_another() -> None:
    alone = Note("x").xml_value("Note")  # type: ignore[attr-defined]
    below = Order(Part(1, Note("x"))).xml_value("Order").find(f"{ORDER}Part/{ORDER}Note")  # type: ignore[attr-defined]
    assert [child.tag for child in alone] == [child.tag for child in below]


def decorate(cls: Any, namespace: str) -> None:
    xmlify(namespace=namespace)(cls)


@pytest.mark.parametrize(
    ("namespace", "reason"),
    [
        ("https://xml-pipeline.org/ns/envelope/v1", "has a meaning of its own"),
        ("http://www.w3.org/2001/XMLSchema", "has a meaning of its own"),
        ("orders", "is no absolute URI; write a namespace such as 'urn:example:orders'"),
        ("../orders", "is no absolute URI"),
        ("urn:with blanks", "is no absolute URI"),
        (5, "a namespace is a str, not int"),
    ],
)
def test_a_namespace_that_cannot_be_is_refused(namespace: Any, reason: str) -> None:
    with pytest.raises(ContractError, match=reason.replace(".", r"\.")):
        decorate(dataclasses.make_dataclass("Order", [("x", int)]), namespace)
    with pytest.raises(ContractError, match=reason.replace(".", r"\.")) as error:
        holder(int, metadata=xml(namespace=namespace))
    assert error.value.field == "value"


def test_one_name_in_one_namespace_with_two_types_is_refused() -> None:
    elsewhere: Any = {"metadata": xml(namespace="urn:b")}
    for kind in (int, str):
        inner = dataclasses.make_dataclass("Inner", [("x", kind, dataclasses.field(**elsewhere)), ("y", int)])
        outer = dataclasses.make_dataclass(
            "Order", [("x", int, dataclasses.field(**elsewhere)), ("inner", inner)]
        )
        if kind is int:
            decorate(outer, "urn:a")
        else:
            with pytest.raises(ContractError, match="declared with two types"):
                decorate(outer, "urn:a")


@pytest.mark.parametrize(
    ("kind", "form", "reason"),
    [
        (list[int], xml(attribute=True), "an attribute holds one text; make a collection an element"),
        (dict[str, int], xml(attribute=True), "make dict of str to int an element"),
        (Line, xml(attribute=True), "make Line an element"),
        (int | str, xml(attribute=True), "make one of Int, Str an element"),
        (RawXml, xml(attribute=True), "make one element of any kind an element"),
        (int, xml(attribute=True, namespace="urn:x"), "attributes have no namespace here"),
        (int, xml(attribute=True, name="xmlns"), "'xmlns' is no name that XML schemas allow"),
        (int, xml(attribute=True, name="a b"), "'a b' is no name"),
        (int, xml(name="a:b"), "'a:b' is no name that XML schemas allow; choose another"),
        (int, xml(name="1"), "'1' is no name"),
    ],
    ids=str,
)
def test_a_form_that_cannot_be_is_refused(kind: Any, form: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        holder(kind, metadata=form)
    assert reason in error.value.reason


def test_two_attributes_of_one_name_are_refused_but_not_an_attribute_and_an_element() -> None:
    names = [("a", "X"), ("b", "X")]
    twice = [(n, int, dataclasses.field(metadata=xml(name=tag, attribute=True))) for n, tag in names]
    with pytest.raises(ContractError, match="it and a are both attribute X; rename one"):
        xmlify(dataclasses.make_dataclass("Order", twice))
    apart: Any = [twice[0], ("x", int)]
    cls: Any = xmlify(dataclasses.make_dataclass("Order", apart))
    assert written(cls(1, 2)) == "<X>2</X>"


def test_other_metadata_may_stand_beside() -> None:
    cls = holder(int, metadata={**xml(name="Other"), "mine": 1})
    assert written(cls(1)) == "<Other>1</Other>"
