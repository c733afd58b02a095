"""UBL documents for tests: invoices written here, part by part, so that each test shows what is special about it."""

from __future__ import annotations

from lxml import etree

from agentserver import RawXml

NS = "urn:oasis:names:specification:ubl:schema:xsd:"


def amount(name: str, value: str, currency: str = "EUR") -> str:
    return f'<cbc:{name} currencyID="{currency}">{value}</cbc:{name}>'


def allowance(value: str, currency: str = "EUR", *, charge: str = "false") -> str:
    indicator = f"<cbc:ChargeIndicator>{charge}</cbc:ChargeIndicator>"
    return f"<cac:AllowanceCharge>{indicator}{amount('Amount', value, currency)}</cac:AllowanceCharge>"


def tax(value: str, *categories: str, currency: str = "EUR", extra: str = "") -> str:
    subtotals = "".join(
        f"<cac:TaxSubtotal>{amount('TaxAmount', each, currency)}<cac:TaxCategory><cac:TaxScheme/></cac:TaxCategory>"
        "</cac:TaxSubtotal>"
        for each in categories
    )
    return f"<cac:TaxTotal>{amount('TaxAmount', value, currency)}{extra}{subtotals}</cac:TaxTotal>"


def price(value: str, base: str = "", currency: str = "EUR") -> str:
    return f"<cac:Price>{amount('PriceAmount', value, currency)}{base}</cac:Price>"


def line(
    net: str,
    quantity: str = "",
    parts: str = "",
    *,
    id: str = "1",  # noqa: A002  # as the document calls it
    item: str = "<cac:Item/>",
    price: str = "",
    currency: str = "EUR",
    kind: str = "Invoice",
) -> str:
    return (
        f"<cac:{kind}Line><cbc:ID>{id}</cbc:ID>{quantity}{amount('LineExtensionAmount', net, currency)}{parts}{item}"
        f"{price}</cac:{kind}Line>"
    )


def quantity(value: str, unit: str = "C62", name: str = "InvoicedQuantity") -> str:
    return f'<cbc:{name} unitCode="{unit}">{value}</cbc:{name}>'


def document(*parts: str, kind: str = "Invoice", head: str = "", party: str = "") -> bytes:
    """Write a document that is valid when its parts are, and stand in their order."""
    start = (
        f'<{kind} xmlns="{NS}{kind}-2" xmlns:cac="{NS}CommonAggregateComponents-2" '
        f'xmlns:cbc="{NS}CommonBasicComponents-2"><cbc:ID>7</cbc:ID><cbc:IssueDate>2026-01-31</cbc:IssueDate>{head}'
    )
    parties = (
        f"<cac:AccountingSupplierParty/><cac:AccountingCustomerParty>{party}</cac:AccountingCustomerParty>"
    )
    return f"{start}{parties}{''.join(parts)}</{kind}>".encode()


def total(payable: str, *others: str, currency: str = "EUR") -> str:
    payable = amount("PayableAmount", payable, currency)
    return f"<cac:LegalMonetaryTotal>{''.join(others)}{payable}</cac:LegalMonetaryTotal>"


def element(data: bytes) -> RawXml:
    return etree.fromstring(data)
