"""Artefacts of contracts that refer to themselves, or to others twice each, forty deep: made at once, or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from annotated_types import Ge, MaxLen, MinLen, MultipleOf
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import Pattern, artefacts, contract_of, xmlify
from agentserver.xmlable.example import MOST_ELEMENTS
from agentserver.xmlable.xsd_reader import read_outline
from tests.xmlable.schemas_in_short import schema
from tests.xmlable.verdicts import holder

A: Any = Annotated
NUMBER = (
    '<x:complexType name="T0"><x:sequence><x:element name="z" type="x:int"/></x:sequence></x:complexType>'
)
WORDS: list[Callable[[Any], str]] = [
    lambda contract: artefacts.json_schema_text(contract, "d"),
    lambda contract: artefacts.markdown_text(contract, "l", "d"),
    lambda contract: artefacts.prompt_text(contract, "l", "d", ["other"]),
]


def foreign(body: str, **attributes: str) -> Any:
    """Make what stands for the contract of the element R of a schema."""
    document = schema(body, **attributes)
    target = attributes.get("targetNamespace", "")
    outline = read_outline([document], f"{{{target}}}R" if target else "R")
    return SimpleNamespace(outline=outline, schema=etree.XMLSchema(document))


def doubling(kind: str, levels: int = 40) -> Any:
    """Make types of which each holds the one before in two places."""
    types = "".join(
        f'<x:complexType name="T{n}"><x:{kind}><x:element name="a" type="T{n - 1}"/>'
        f'<x:element name="b" type="T{n - 1}"/></x:{kind}></x:complexType>'
        for n in range(1, levels)
    )
    return foreign(f'<x:element name="R" type="T{levels - 1}"/>{NUMBER}{types}')


def doubling_class(levels: int = 40) -> Any:
    kind: Any = int
    for number in range(levels):
        kind = dataclasses.make_dataclass(f"T{number}", [("a", kind), ("b", kind)])
    return contract_of(xmlify(kind))


@pytest.mark.parametrize("make", [doubling_class, lambda: doubling("sequence")], ids=["class", "XSD"])
def test_an_example_without_end_is_refused_and_the_other_artefacts_go_without(make: Any) -> None:
    contract = make()
    with pytest.raises(
        ContractError, match="an example needs more than 10,000 elements; ask for fewer items"
    ):
        artefacts.example_text(contract)
    assert [True] * 3 == [0 < len(write(contract)) < 60_000 for write in WORDS]


CIRCLES = {
    "choice": '<x:choice><x:element name="a" type="T"/><x:element name="b" type="x:int"/></x:choice>',
    "list": '<x:sequence><x:element ref="Item" minOccurs="0" maxOccurs="5"/></x:sequence>',
    "tuple": '<x:sequence><x:element ref="Item1" minOccurs="0"/></x:sequence>',
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_what_holds_itself_is_worded_once(kind: str) -> None:
    names = "".join(
        f'<x:element name="{name}"><x:complexType>{CIRCLES[kind]}</x:complexType></x:element>'
        for name in ("Item", "Item1")
    )
    contract = foreign(
        f'<x:element name="R" type="T"/><x:complexType name="T">{CIRCLES[kind]}</x:complexType>{names}'
    )
    assert contract.schema.validate(artefacts.example_element(contract))
    assert [True] * 3 == [0 < len(write(contract)) < 5_000 for write in WORDS]


def test_unions_within_unions_forty_deep_are_worded_once_each() -> None:
    contract = doubling("choice")
    assert contract.schema.validate(artefacts.example_element(contract))
    assert [True] * 3 == [0 < len(write(contract)) < 60_000 for write in WORDS]


def test_a_chain_of_more_levels_than_a_message_may_have_has_no_example() -> None:
    types = "".join(
        f'<x:complexType name="T{n}"><x:sequence><x:element name="a" type="T{n - 1}"/></x:sequence></x:complexType>'
        for n in range(1, 1000)
    )
    with pytest.raises(ContractError, match="an example needs more than 200 levels of elements"):
        artefacts.example_text(foreign(f'<x:element name="R" type="T999"/>{NUMBER}{types}'))


@pytest.mark.parametrize(
    ("kind", "count"), [(A[list[int], MinLen(5000)], 5000), (A[list[int], MinLen(100_000)], None)], ids=str
)
def test_as_many_items_as_must_be_are_in_an_example_or_it_is_refused(kind: Any, count: int | None) -> None:
    contract = contract_of(holder(kind))
    if count is None:
        with pytest.raises(ContractError, match=r"Holder\.value: an example needs more than 10,000 elements"):
            artefacts.example_element(contract)
    else:
        assert count == len(artefacts.example_element(contract))


ABSTRACT = '<x:complexType name="T" abstract="true"/>'
MANY = '<x:element name="A" minOccurs="100000" maxOccurs="unbounded" type="x:int"/>'


def element(attributes: str) -> str:
    return f'<x:element name="R"><x:complexType><x:sequence>{attributes}</x:sequence></x:complexType></x:element>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (element(MANY), "more than 10,000"),
        (element(f'<x:element name="A" type="x:int"/><x:element name="B"/>{MANY}'), "more than 10,000"),
        (f'<x:element name="R" type="T"/>{ABSTRACT}', "wants at R: .*abstract"),
        ('<x:element name="R" abstract="true"/>', "wants at R: .*abstract"),
        (element('<x:element name="A" type="T"/>') + ABSTRACT, "wants at R/A: .*abstract"),
        (element('<x:any namespace="##other" minOccurs="2" maxOccurs="2"/>'), "wants at R: .*Missing child"),
    ],
)  # fmt: skip
def test_where_no_valid_example_is_found_the_place_is_named(body: str, reason: str) -> None:
    contract = foreign(body)
    with pytest.raises(ContractError, match=reason):
        artefacts.example_text(contract)
    assert "There is no example" in artefacts.markdown_text(contract, "l", "d")
    assert "shortest valid message" not in artefacts.prompt_text(contract, "l", "d", [])


@pytest.mark.parametrize("namespace", ["##any", "##other", "##local", "urn:a urn:b", "urn:b ##local"])
def test_an_element_of_any_name_is_of_a_namespace_that_is_allowed(namespace: str) -> None:
    for target in ("urn:example", "urn:t"):
        contract = foreign(
            element(f'<x:any namespace="{namespace}" processContents="lax"/>'), targetNamespace=target
        )
        assert 1 == len(artefacts.example_element(contract))


def test_one_value_alone_is_found() -> None:
    for kind, value in (("gYearMonth", "1999-12"), ("gDay", "---07"), ("gYear", "0800")):
        facets = f'<x:minInclusive value="{value}"/><x:maxInclusive value="{value}"/>'
        body = f'<x:simpleType><x:restriction base="x:{kind}">{facets}</x:restriction></x:simpleType>'
        assert value == artefacts.example_element(foreign(f'<x:element name="R">{body}</x:element>')).text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (A[int, MultipleOf(10_000), Ge(1)], "10000"),
        (A[int, MultipleOf(10_000), Ge(123_456)], "130000"),
        (A[int, MultipleOf(625)], "625"),
    ],
    ids=str,
)
def test_a_multiple_is_found(kind: Any, expected: str) -> None:
    assert expected == artefacts.example_element(contract_of(holder(kind)))[0].text


def test_what_is_not_found_is_said_without_empty_words() -> None:
    contract = contract_of(holder(A[str, Pattern("(ab)+"), Pattern("b.*")]))
    with pytest.raises(ContractError, match=r"and the pattern \(ab\)\+, b[^;]*; give a default, or fewer"):
        artefacts.example_element(contract)
    with pytest.raises(ContractError, match=r"and the pattern \(ab\)\+; give a default"):
        artefacts.example_element(contract_of(holder(A[str, Pattern("(ab)+"), MinLen(3), MaxLen(3)])))


def test_the_bound_is_exact() -> None:
    contract = contract_of(holder(A[list[int], MinLen(MOST_ELEMENTS)]))
    assert MOST_ELEMENTS == len(artefacts.example_element(contract))
