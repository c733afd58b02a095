"""The UBL organism as a user runs it: real documents into `agentserver pipe`, totals out, to the cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lxml import etree

from agentserver.xmlable import parse_element
from handlers.ubl_orders import OrderMatch
from handlers.ubl_totals import InvoiceTotals
from tests.message_bus.ubl_mutations import DOCUMENTS, MUTATIONS, NAMES, SCHEMAS, mutants, needs_ubl, original

from .process import ROOT, agentserver, environment

pytestmark = needs_ubl

CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
CONFIG = ROOT / "config/ubl.yaml"

BY_HAND = {
    # 1273 - 3.96 + 4.96 - 25 + 187.50; + 100 packing - 100 discount; 292.10 + 0.10 tax; 0.30 rounding; - 1000 paid
    "UBL-Invoice-2.1-Example": ("EUR", "1436.50", "1436.50", "292.20", "1729.00", "729.00"),
    "UBL-CreditNote-2.1-Example": ("EUR", "1436.50", "1436.50", "292.20", "1729.00", "729.00"),
    # 100.00 - 10.00 allowance + 17.50 tax
    "UBL-Invoice-2.0-Example-NS4": ("GBP", "100.00", "90.00", "17.50", "107.50", "107.50"),
}


def pipe(data: bytes, *options: str) -> tuple[list[ElementTree.Element], list[str]]:
    """Return the payloads of the replies, and what is told of failures."""
    done = agentserver(
        "pipe",
        CONFIG,
        "--from",
        "me",
        "--quiet",
        *options,
        stdin=data,
        env=environment(UBL_SCHEMAS=str(SCHEMAS)),
    )
    return [
        ElementTree.fromstring(line)[1] for line in done.stdout.splitlines()
    ], done.stderr.decode().splitlines()


def totals_of(data: bytes) -> InvoiceTotals:
    replies, told = pipe(data)
    assert told == []
    (reply,) = [reply for reply in replies if reply.tag == "InvoiceTotals"]
    return parse_element(InvoiceTotals, etree.fromstring(ElementTree.tostring(reply)))


def test_all_documents_in_one_stream_are_accepted() -> None:
    replies, told = pipe(b"\n".join(original(name) for name in NAMES))

    assert told == []
    expected = ["InvoiceTotals"] * 3 + ["OrderMatch"] * 3 + ["OrderStatus"] * 2
    assert expected == sorted(reply.tag for reply in replies)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_totals_are_those_that_were_added_up_by_hand(name: str) -> None:
    found = totals_of(original(name))
    ours = found.computed
    assert BY_HAND[name] == (
        found.currency,
        *map(str, (ours.line_extension, ours.tax_exclusive, ours.tax, ours.tax_inclusive, ours.payable)),
    )
    assert found.agrees


@pytest.mark.parametrize("name", BY_HAND)
def test_the_totals_are_those_of_another_program(name: str) -> None:
    """ElementTree and a few sums: no code of this project."""
    root = ElementTree.fromstring(original(name))
    kind = root.tag.rpartition("}")[2]

    def amounts(path: str) -> list[Decimal]:
        return [Decimal(each.text or "") for each in root.findall(path)]

    net = sum(amounts(f"{CAC}{kind}Line/{CBC}LineExtensionAmount"), Decimal(0))
    for charge in root.findall(f"{CAC}AllowanceCharge"):
        value = Decimal(charge.findtext(f"{CBC}Amount") or "")
        net += value if charge.findtext(f"{CBC}ChargeIndicator") == "true" else -value
    tax = sum(amounts(f"{CAC}TaxTotal/{CAC}TaxSubtotal/{CBC}TaxAmount"), Decimal(0))
    total = f"{CAC}LegalMonetaryTotal/{CBC}"
    paid, rounding = amounts(f"{total}PrepaidAmount"), amounts(f"{total}PayableRoundingAmount")
    payable = net + tax - sum(paid, Decimal(0)) + sum(rounding, Decimal(0))

    found = totals_of(original(name))
    assert (net, tax, payable) == (found.computed.tax_exclusive, found.computed.tax, found.computed.payable)
    assert amounts(f"{total}PayableAmount") == [found.computed.payable]


def test_an_invoice_is_compared_with_the_order_that_came_before_it() -> None:
    order = original("UBL-Order-2.1-Example")
    for old, new in (
        (b"<cbc:ID>34</cbc:ID>", b"<cbc:ID>123</cbc:ID>"),
        (b"Johnssons byggvaror</cbc:Name>", b"Buyercompany ltd</cbc:Name>"),
        (b">1234567890123<", b">1234567890124<"),
        (b">120<", b">1<"),
        (b'unitCode="LTR"', b'unitCode="C62"'),
        (b'<cbc:PriceAmount currencyID="SEK">50<', b'<cbc:PriceAmount currencyID="EUR">1273.00<'),
    ):
        assert old in order
        order = order.replace(old, new)
    replies, told = pipe(order + original("UBL-Invoice-2.1-Example"))

    assert told == []
    (match,) = [reply for reply in replies if reply.tag == "OrderMatch"]
    found = parse_element(OrderMatch, etree.fromstring(ElementTree.tostring(match)))
    assert (["123"], [], False) == (found.orders, found.unknown_orders, found.matches)
    by_line = {each.line: (each.order_line, each.item, each.quantity, each.price) for each in found.lines}
    assert by_line["1"] == ("1", "same", "same", "same")
    assert by_line["4"] == (
        "2",
        "other",
        "less",
        "other",
    )  # an item returned, of an order of pencils in kronor
    assert by_line["2"] == (None, "unknown", "unknown", "unknown")


@pytest.mark.parametrize("name", NAMES)
def test_changed_documents_in_one_stream_are_told_with_their_lines_in_it(name: str) -> None:
    sample = [mutant for mutation in MUTATIONS for mutant in mutants(name, mutation, 12)]
    stream, expected = b"", []
    for number, mutant in enumerate(sample, 1):
        stream += b"\n" * (number % 3)
        if not mutant.allowed:
            line = stream.count(b"\n") + mutant.line
            expected.append((f"message {number}", f"(line {line})"))
        stream += mutant.data

    told = pipe(stream)[1]
    assert sorted(expected) == sorted((line.partition(":")[0], line[line.rindex("(") :]) for line in told)
    assert all(": found " in line and ", expected " in line for line in told)


def test_schemas_that_nobody_pointed_to_are_asked_for() -> None:
    env = {key: value for key, value in environment().items() if key != "UBL_SCHEMAS"}
    done = agentserver("pipe", CONFIG, env=env)

    assert done.returncode == 78
    assert b"the environment variable UBL_SCHEMAS is not set" in done.stderr


def test_a_folder_without_the_schemas_is_told(tmp_path: Path) -> None:
    done = agentserver("validate", CONFIG, env=environment(UBL_SCHEMAS=str(tmp_path)))

    assert done.returncode == 78
    assert str(tmp_path / "maindoc/UBL-Invoice-2.1.xsd") in done.stdout.decode() + done.stderr.decode()


def test_the_documents_are_found() -> None:
    assert all((DOCUMENTS / f"{name}.xml").is_file() for name in NAMES)
