"""Contracts by the schemas of others whose payload is the element itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from agentserver.errors import ContractError, SchemaError
from agentserver.xmlable import xmlify
from agentserver.xmlable.foreign import ForeignContract, ForeignSchema, SchemaLibrary, foreign_contract
from tests.xmlable.foreign.schema_files import element, schema, ubl, write

BILL = b'<Bill xmlns="urn:shop"><Number>1</Number><Total>2.50</Total></Bill>'


@pytest.fixture
def contract(bill_schema: ForeignSchema) -> ForeignContract:
    return foreign_contract(etree._Element, bill_schema)


def inside(payload: bytes, declared: str = "") -> etree._Element:
    """Give the payload where it stands in a message."""
    return etree.fromstring(
        f'<message xmlns="urn:e" {declared}><meta/>'.encode() + payload + b"text</message>"
    )[1]


def test_the_root_tag_is_qualified(contract: ForeignContract) -> None:
    assert "{urn:shop}Bill" == contract.root_tag


def test_what_is_read_is_the_element(contract: ForeignContract) -> None:
    assert BILL == etree.tostring(contract.read(inside(BILL)))


def test_nothing_around_the_element_can_be_reached(contract: ForeignContract) -> None:
    read = contract.read(inside(BILL))
    assert read.getparent() is None
    assert [read] == read.xpath("/*")
    assert read.getroottree().getroot() is read
    assert [None, None, None] == [read.tail, read.getprevious(), read.getnext()]


def test_what_a_handler_does_to_its_element_does_not_show(contract: ForeignContract) -> None:
    payload = inside(BILL)
    read = contract.read(payload)
    read[0].text = "changed"
    read.clear()
    assert "1" == payload[0].text


def test_a_prefix_that_only_a_value_uses_stays_declared(contract: ForeignContract) -> None:
    bill = b"<s:Bill><s:Number>1</s:Number><s:Total>2</s:Total><s:Kind>q:big</s:Kind></s:Bill>"
    read = contract.read(inside(bill, 'xmlns:s="urn:shop" xmlns:q="urn:q"'))
    assert "urn:q" == read[2].nsmap["q"]
    assert contract.schema.validate(read)


def test_what_is_written_is_a_copy(contract: ForeignContract) -> None:
    payload = inside(BILL)
    written = contract.write(payload)
    assert BILL == etree.tostring(written)
    assert payload.getparent() is not None


def test_the_documents_are_given_anew_each_time(contract: ForeignContract) -> None:
    first, second = contract.schema_documents(), contract.schema_documents()
    assert ["schemas/bill.xsd"] == list(first)
    assert first["schemas/bill.xsd"] is not second["schemas/bill.xsd"]
    assert etree.tostring(contract.xsd()) == etree.tostring(first["schemas/bill.xsd"])


def test_two_contracts_of_one_file_share_what_is_compiled() -> None:
    library, path = SchemaLibrary(), ubl("xsd/maindoc/UBL-Order-2.1.xsd")
    first, second = (foreign_contract(etree._Element, library.load(path)) for _ in range(2))
    assert first.schema is second.schema


def test_the_outline_names_the_root_and_is_made_once(contract: ForeignContract) -> None:
    assert ("{urn:shop}Bill", "Bill") == (contract.outline.tag, contract.outline.local_name)
    assert contract.outline is contract.outline


@pytest.mark.parametrize("cls", [str, int, etree.QName, list])
def test_a_class_that_can_hold_no_document_is_refused(bill_schema: ForeignSchema, cls: type) -> None:
    with pytest.raises(ContractError, match=r"use agentserver.RawXml, .* or a class from xsdata"):
        foreign_contract(cls, bill_schema)


def test_a_class_with_a_contract_of_its_own_is_refused(bill_schema: ForeignSchema) -> None:
    @xmlify
    @dataclass
    class Bill:
        number: str

    with pytest.raises(ContractError, match="has a contract of its own by @xmlify; remove `schema:`"):
        foreign_contract(Bill, bill_schema)


def test_a_root_must_be_named_where_there_are_several(tmp_path: Path) -> None:
    several = SchemaLibrary().load(write(tmp_path, {"s/a.xsd": schema(element("A") + element("B"))}))
    with pytest.raises(SchemaError, match="say with `root:`"):
        foreign_contract(etree._Element, several)
    assert "{urn:a}B" == foreign_contract(etree._Element, several, "B").root_tag
