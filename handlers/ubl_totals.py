"""An invoice or a credit note added up, and compared with what it says of itself.

The sums are those of EN 16931-1, whose rules are named BR-CO-10 to BR-CO-16; each sum is rounded to the currency's
smallest unit, and the next one is made of rounded ones. What a document does not state is not compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from agentserver import RawXml, xmlify
from handlers.ubl_amounts import CAC, CBC, EXACT, Money, is_true, number, quantity_of, sum_of, text


@xmlify
@dataclass
class Amounts:
    """The amounts of a document, each in its currency; what is absent is not stated."""

    line_extension: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    tax_exclusive: Decimal | None = None
    tax: Decimal | None = None
    tax_inclusive: Decimal | None = None
    prepaid: Decimal | None = None
    rounding: Decimal | None = None
    payable: Decimal | None = None


@xmlify
@dataclass
class Difference:
    """An amount that is not what its rule makes of the others: `computed - stated`."""

    amount: str
    rule: str
    computed: Decimal
    stated: Decimal
    difference: Decimal


@xmlify
@dataclass
class LineTotal:
    """One line: its net amount as stated, and as quantity, price, allowances and charges make it, where they can."""

    id: str
    stated: Decimal | None
    computed: Decimal | None
    difference: Decimal | None


@xmlify
@dataclass
class OtherTax:
    """The tax as it is stated in another currency than the document's."""

    currency: str
    amount: Decimal


@xmlify
@dataclass
class InvoiceTotals:
    """What an invoice or a credit note comes to.

    `agrees` says that no stated amount differs from the computed one, and that nothing was left out; the lines are
    looked at one by one, and do not count in it.
    """

    document: str
    id: str
    currency: str
    agrees: bool
    rounding_in_tax_inclusive: bool
    computed: Amounts
    stated: Amounts
    differences: list[Difference]
    lines: list[LineTotal]
    other_taxes: list[OtherTax]
    notes: list[str]


RULES: Final = MappingProxyType(
    {
        "line_extension": "BR-CO-10",
        "allowances": "BR-CO-11",
        "charges": "BR-CO-12",
        "tax_exclusive": "BR-CO-13",
        "tax": "BR-CO-14",
        "tax_inclusive": "BR-CO-15",
        "payable": "BR-CO-16",
    }
)


def totals_of(document: RawXml) -> InvoiceTotals:
    """Add up an `Invoice` or a `CreditNote`.

    The currency is that of the payable amount, which the XSD requires; what is in another one is not counted.

    Raises:
        ValueError: A number is longer than money ever is.
    """
    kind = str(document.tag).rpartition("}")[2]
    stated_total = document.find(f"{CAC}LegalMonetaryTotal")
    assert stated_total is not None  # the XSD requires it, and the payable amount in it
    payable = stated_total.find(f"{CBC}PayableAmount")
    assert payable is not None
    money = Money((payable.get("currencyID") or "").strip())
    lines = document.findall(f"{CAC}{kind}Line")
    stated = _stated(document, stated_total, money)
    computed = _computed(document, lines, stated, money)
    rounding_inside = _follow_the_rounding(computed, stated)
    differences = list(_differences(computed, stated))
    return InvoiceTotals(
        document=kind,
        id=text(document, f"{CBC}ID"),
        currency=money.currency,
        agrees=not differences and not money.notes,
        rounding_in_tax_inclusive=rounding_inside,
        computed=computed,
        stated=stated,
        differences=differences,
        lines=[_line(line, money) for line in lines],
        other_taxes=_other_taxes(document, money),
        notes=money.notes,
    )


def _stated(document: RawXml, total: RawXml, money: Money) -> Amounts:
    taxes = _own_taxes(document, money)
    return Amounts(
        line_extension=money.amount(total, "LineExtensionAmount"),
        allowances=money.amount(total, "AllowanceTotalAmount"),
        charges=money.amount(total, "ChargeTotalAmount"),
        tax_exclusive=money.amount(total, "TaxExclusiveAmount"),
        tax=sum_of(money.amount(tax, "TaxAmount") or Decimal(0) for tax in taxes) if taxes else None,
        tax_inclusive=money.amount(total, "TaxInclusiveAmount"),
        prepaid=money.amount(total, "PrepaidAmount"),
        rounding=money.amount(total, "PayableRoundingAmount"),
        payable=money.amount(total, "PayableAmount"),
    )


def _computed(document: RawXml, lines: list[RawXml], stated: Amounts, money: Money) -> Amounts:
    """Apply the rules.

    BR-CO-10: the line extension is the sum of those of the lines. BR-CO-11 and 12: allowances and charges are the sums
    of those of the document, without those of lines and prices. BR-CO-13: tax exclusive = line extension - allowances
    + charges. BR-CO-14: the tax is the sum of its categories. BR-CO-15: tax inclusive = tax exclusive + tax.
    BR-CO-16: payable = tax inclusive - prepaid + rounding.
    """
    line_extension = money.total(lines, "LineExtensionAmount")
    allowances = _allowances(document, money, charge=False)
    charges = _allowances(document, money, charge=True)
    tax_exclusive = sum_of((line_extension, allowances.copy_negate(), charges))
    taxes = [tax for tax in _own_taxes(document, money) if not is_true(tax, f"{CBC}TaxIncludedIndicator")]
    tax = money.rounded(sum_of(_tax(each, money) for each in taxes))
    tax_inclusive = sum_of((tax_exclusive, tax))
    prepaid, rounding = (
        money.rounded(stated.prepaid or Decimal(0)),
        money.rounded(stated.rounding or Decimal(0)),
    )
    payable = sum_of((tax_inclusive, prepaid.copy_negate(), rounding))
    return Amounts(
        line_extension, allowances, charges, tax_exclusive, tax, tax_inclusive, prepaid, rounding, payable
    )


def _allowances(parent: RawXml, money: Money, *, charge: bool) -> Decimal:
    each = parent.findall(f"{CAC}AllowanceCharge")
    return money.total((one for one in each if is_true(one, f"{CBC}ChargeIndicator") is charge), "Amount")


def _tax(tax: RawXml, money: Money) -> Decimal:
    """Return one tax: the sum of its categories and its own rounding, or, without categories, its amount."""
    categories = [each for each in tax.findall(f"{CAC}TaxSubtotal") if _currency(each) == money.currency]
    if not categories:
        return money.amount(tax, "TaxAmount") or Decimal(0)
    return sum_of((money.total(categories, "TaxAmount"), money.amount(tax, "RoundingAmount") or Decimal(0)))


def _currency(parent: RawXml) -> str:
    amount = parent.find(f"{CBC}TaxAmount")
    return (amount.get("currencyID") or "").strip() if amount is not None else ""


def _own_taxes(document: RawXml, money: Money) -> list[RawXml]:
    """Return the taxes in the document's currency (BT-110); in the tax currency it may be stated again (BT-111)."""
    return [tax for tax in document.findall(f"{CAC}TaxTotal") if _currency(tax) == money.currency]


def _other_taxes(document: RawXml, money: Money) -> list[OtherTax]:
    taxes = [tax for tax in document.findall(f"{CAC}TaxTotal") if _currency(tax) != money.currency]
    return [OtherTax(_currency(tax), number(tax.find(f"{CBC}TaxAmount")) or Decimal(0)) for tax in taxes]


def _follow_the_rounding(computed: Amounts, stated: Amounts) -> bool:
    """Put the rounding into the tax inclusive amount where the document does, and tell whether it does.

    EN 16931 adds it behind (BR-CO-16). UBL itself defines the amount as payable + prepaid, so that it is inside.
    """
    assert computed.tax_inclusive is not None and computed.rounding is not None  # noqa: PT018  # one fact
    inside = sum_of((computed.tax_inclusive, computed.rounding))
    if not computed.rounding or stated.tax_inclusive != inside:
        return False
    computed.tax_inclusive = inside
    return True


def _differences(computed: Amounts, stated: Amounts) -> Iterator[Difference]:
    for field in fields(Amounts):
        ours, theirs = getattr(computed, field.name), getattr(stated, field.name)
        if field.name in RULES and theirs is not None and ours != theirs:
            yield Difference(field.name, RULES[field.name], ours, theirs, EXACT.subtract(ours, theirs))


def _line(line: RawXml, money: Money) -> LineTotal:
    """Add up a line: quantity x price of one unit + charges - allowances, or nothing but those when it is free."""
    stated = money.amount(line, "LineExtensionAmount")
    net = Decimal(0) if is_true(line, f"{CBC}FreeOfChargeIndicator") else _net(line, money)
    if net is None or stated is None:
        return LineTotal(text(line, f"{CBC}ID"), stated, None, None)
    charges, allowances = _allowances(line, money, charge=True), _allowances(line, money, charge=False)
    computed = money.rounded(sum_of((net, charges, allowances.copy_negate())))
    return LineTotal(text(line, f"{CBC}ID"), stated, computed, EXACT.subtract(computed, stated))


def _net(line: RawXml, money: Money) -> Decimal | None:
    quantity, base = quantity_of(line), line.find(f"{CAC}Price/{CBC}BaseQuantity")
    count, price = number(quantity), money.amount(line.find(f"{CAC}Price"), "PriceAmount")
    if quantity is None or count is None or price is None:
        return None
    units = {each.get("unitCode") for each in (quantity, base) if each is not None} - {None}
    divisor = Decimal(1) if base is None else number(base)
    return EXACT.divide(EXACT.multiply(count, price), divisor) if divisor and len(units) < 2 else None
