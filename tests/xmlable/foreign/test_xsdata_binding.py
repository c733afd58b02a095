"""Payloads as instances of classes that xsdata generated."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable.foreign import ForeignContract, ForeignSchema, SchemaLibrary, foreign_contract
from tests.xmlable.foreign.schema_files import element, schema, ubl, write

XSI = "http://www.w3.org/2001/XMLSchema-instance"


@pytest.fixture
def contract(bill_schema: ForeignSchema, bills: ModuleType) -> ForeignContract:
    return foreign_contract(bills.Bill, bill_schema)


def bill(further: str = "", attributes: str = "", total: str = "2.50") -> etree._Element:
    return etree.fromstring(
        f'<b:Bill xmlns:b="urn:shop" {attributes}><b:Number>1</b:Number><b:Total>{total}</b:Total>{further}</b:Bill>'
    )


def test_the_class_says_which_root_it_is(contract: ForeignContract) -> None:
    assert "{urn:shop}Bill" == contract.root_tag


def test_an_element_is_read_to_an_instance(contract: ForeignContract, bills: ModuleType) -> None:
    read = contract.read(bill(attributes='currency="EUR"'))
    assert bills.Bill(number="1", total=Decimal("2.50"), currency="EUR") == read


def test_what_is_read_stays_as_it_is(contract: ForeignContract) -> None:
    payload = bill()
    before = etree.tostring(payload)
    contract.read(payload)
    assert before == etree.tostring(payload)


@pytest.mark.parametrize(
    "total", ["0.10", "0.1000000000000000000000000000001", "123456789012345678901234567890.05"]
)
def test_decimals_are_exact_there_and_back(contract: ForeignContract, total: str) -> None:
    read = contract.read(bill(total=total))
    assert Decimal(total) == read.total
    assert total == contract.write(read).findtext("{urn:shop}Total")


def test_a_qualified_name_keeps_its_namespace(contract: ForeignContract) -> None:
    read = contract.read(bill('<b:Kind xmlns:q="urn:q">q:big</b:Kind>'))
    assert "{urn:q}big" == read.kind.text
    written = contract.write(read)
    kind = written.find("{urn:shop}Kind")
    assert kind is not None
    prefix, _, local = (kind.text or "").partition(":")
    assert ("urn:q", "big") == (kind.nsmap[prefix], local)


def test_what_is_written_fits_the_schema_and_is_read_again(contract: ForeignContract) -> None:
    read = contract.read(bill("<b:Issued>2024-02-29</b:Issued>", 'currency="EUR"'))
    written = contract.write(read)
    assert contract.schema.validate(written)
    assert read == contract.read(written)


def test_a_hint_where_the_schema_is_does_not_matter(contract: ForeignContract) -> None:
    hint = f'xmlns:xsi="{XSI}" xsi:schemaLocation="urn:shop http://example.org/bill.xsd"'
    assert "1" == contract.read(bill(attributes=hint)).number


def test_comments_do_not_matter(contract: ForeignContract) -> None:
    assert "1" == contract.read(bill("<!-- paid -->")).number


def test_an_element_of_any_kind_becomes_no_class_from_elsewhere(contract: ForeignContract) -> None:
    @dataclass
    class Elsewhere:
        name: str = ""

        class Meta:
            namespace = "urn:elsewhere"

    read = contract.read(bill('<Elsewhere xmlns="urn:elsewhere"><name>x</name></Elsewhere>'))
    assert not isinstance(read.other_element, Elsewhere)
    assert "{urn:elsewhere}Elsewhere" == read.other_element.qname


@pytest.mark.parametrize("number", ["\x00", "a\x0bb", "\ud800"])
def test_a_value_that_xml_does_not_allow_is_refused(
    contract: ForeignContract, bills: ModuleType, number: str
) -> None:
    with pytest.raises(BindingError, match=r"^Bill: found "):
        contract.write(bills.Bill(number=number, total=Decimal(1)))


def test_an_element_that_the_class_does_not_know_is_refused(contract: ForeignContract) -> None:
    with pytest.raises(BindingError, match=r"^Bill: found ParserError: .*Unknown"):
        contract.read(bill("<b:Unknown/>"))


def test_a_class_of_another_schema_is_refused(bills: ModuleType, tmp_path: Path) -> None:
    other = SchemaLibrary().load(write(tmp_path, {"s/a.xsd": schema(element("A"))}))
    with pytest.raises(ContractError, match=r"is written as <{urn:shop}Bill>, which is none of the schema's"):
        foreign_contract(bills.Bill, other)


def test_a_root_that_is_not_the_classs_is_refused(bills: ModuleType, tmp_path: Path) -> None:
    body = element("Bill") + element("Other")
    both = SchemaLibrary().load(write(tmp_path, {"s/a.xsd": schema(body, "urn:shop")}))
    assert "{urn:shop}Bill" == foreign_contract(bills.Bill, both).root_tag
    assert "{urn:shop}Bill" == foreign_contract(bills.Bill, both, "Bill").root_tag
    with pytest.raises(ContractError, match=r"but `root:` says <{urn:shop}Other>"):
        foreign_contract(bills.Bill, both, "Other")


def test_without_xsdata_the_remedy_is_told(
    bill_schema: ForeignSchema, bills: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "xsdata"]:
        monkeypatch.setitem(sys.modules, name, None)  # as import finds it when it is not installed
    with pytest.raises(ContractError, match=r"pip install 'agentserver\[xsdata\]'"):
        foreign_contract(bills.Bill, bill_schema)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["UBL-Invoice-2.1-Example.xml", "UBL-Invoice-2.0-Example-NS4.xml"])
def test_ubl_invoices_there_and_back(ubl_invoices: ModuleType, name: str) -> None:
    found = SchemaLibrary().load(ubl("xsd/maindoc/UBL-Invoice-2.1.xsd"))
    contract = foreign_contract(ubl_invoices.Invoice, found)
    document = etree.parse(ubl(f"documents/{name}")).getroot()
    read = contract.read(document)
    amount = document.findtext(".//{*}LegalMonetaryTotal/{*}PayableAmount")
    assert Decimal(amount or "") == read.legal_monetary_total.payable_amount.value
    written = contract.write(read)
    assert contract.schema.validate(written)
    assert read == contract.read(written)
