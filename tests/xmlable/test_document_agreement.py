"""Whole documents, made from the outline alone: the XSD and the reader take the same ones, and so does a second
validator where it is right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import Contract, contract_of
from agentserver.xmlable.outline import Field, Record, Text
from tests.properties import examples
from tests.xmlable.constrained_strategies import Typed
from tests.xmlable.dataclass_strategies import contracts, same
from tests.xmlable.document_strategies import documents, nearly_valid_documents
from tests.xmlable.rich_contracts import RICH, Shapes
from tests.xmlable.second_validator import second_validator


def parsed(element: etree._Element) -> etree._Element:
    return etree.fromstring(etree.tostring(element, encoding="utf-8"))


def verdict(contract: Contract[Any], element: etree._Element) -> tuple[bool, Any]:
    """Give the XSD's verdict, and the value, if there is one; both must agree."""
    by_xsd = contract.schema.validate(element)
    try:
        value = contract.read(element)
    except BindingError as error:
        assert not by_xsd, f"{error}: {etree.tostring(element)!r}"  # noqa: PT017
        return False, None
    assert by_xsd, f"{contract.schema.error_log}: {etree.tostring(element)!r}"
    return True, value


@given(st.data(), contracts())
@examples(200)
def test_the_xsd_and_the_reader_agree_on_documents(data: st.DataObject, typed: Typed) -> None:
    contract = contract_of(typed[0])
    for _ in range(3):
        element = parsed(data.draw(nearly_valid_documents(contract.outline)))
        accepted, value = verdict(contract, element)
        if accepted:
            again = etree.Element(element.tag)
            contract.fill(value, again)
            assert same(value, verdict(contract, parsed(again))[1])


def is_judged_rightly(element: etree._Element) -> bool:
    """Tell whether the second validator can be trusted with a document.

    It takes a comment within a text for a child, other blanks than those of XML for blanks, and overlooks a key that
    comes twice where a dict is within another, and text beside an element of any kind.
    """
    nodes = list(element.iter())
    remarks = [node for node in nodes if not isinstance(node.tag, str)]
    odd_blanks = [node for node in nodes if "\u00a0" in f"{node.text}{node.tail}"]
    keys = list(element.iter("{*}Key"))
    beside_any = [raw for raw in element.iter("{*}any") if (raw.tail or _text_before(raw)).strip()]
    return not (remarks or odd_blanks or keys or beside_any)


def _text_before(element: etree._Element) -> str:
    parent = element.getparent()
    return (parent.text or "") if parent is not None else ""


@given(st.data(), contracts())
@examples(60)
def test_a_second_validator_agrees_on_documents(data: st.DataObject, typed: Typed) -> None:
    contract = contract_of(typed[0])
    second = second_validator(contract)
    for _ in range(3):
        element = parsed(data.draw(nearly_valid_documents(contract.outline).filter(is_judged_rightly)))
        assert contract.schema.validate(element) == second.is_valid(element), etree.tostring(element)


@pytest.mark.parametrize("cls", RICH)
@given(data=st.data())
@examples(60)
def test_all_agree_on_documents_of_a_rich_contract(cls: Any, data: st.DataObject) -> None:
    contract = contract_of(cls)
    element = parsed(data.draw(nearly_valid_documents(contract.outline)))
    verdict(contract, element)
    if is_judged_rightly(element):
        assert contract.schema.validate(element) == second_validator(contract).is_valid(element)


def test_the_generated_documents_are_of_both_kinds() -> None:
    counts = {True: 0, False: 0}
    contract = contract_of(Shapes)

    @given(nearly_valid_documents(contract.outline))
    @settings(max_examples=100, database=None)
    def count(element: etree._Element) -> None:
        counts[contract.schema.validate(parsed(element))] += 1

    count()
    assert min(counts.values()) > 10


def test_documents_need_the_outline_alone() -> None:
    content = Text("int", "integer", at_least="1")
    root = Field("{urn:x}Order", Record("class", fields=[Field("{urn:x}Count", content)]))

    @given(documents(root))
    @settings(max_examples=10, database=None)
    def fits(element: etree._Element) -> None:
        assert ["{urn:x}Order", "{urn:x}Count"] == [node.tag for node in element.iter()]

    fits()
