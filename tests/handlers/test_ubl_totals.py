"""Invoices and credit notes are added up to the smallest unit of their currency, whatever they hold or lack."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.ubl_totals import Amounts, InvoiceTotals, totals_of
from tests.handlers.ubl_documents import (
    allowance,
    amount,
    document,
    element,
    line,
    price,
    quantity,
    tax,
    total,
)


def totals(*parts: str, kind: str = "Invoice", head: str = "") -> InvoiceTotals:
    return totals_of(element(document(*parts, kind=kind, head=head)))


def test_the_smallest_invoice() -> None:
    found = totals(total("10"), line("10"))

    assert ("Invoice", "7", "EUR", True) == (found.document, found.id, found.currency, found.agrees)
    zero = Decimal(0)
    assert (
        Amounts(Decimal(10), zero, zero, Decimal(10), zero, Decimal(10), zero, zero, Decimal(10))
        == found.computed
    )
    assert Amounts(payable=Decimal(10)) == found.stated


def test_every_amount_takes_part() -> None:
    found = totals(
        allowance("5", charge="true"), allowance("2.5", charge="1"), allowance("1.25", charge="0"),
        tax("21.25", "20", "1.25"),
        total(
            "92.50",
            amount("LineExtensionAmount", "100"), amount("TaxExclusiveAmount", "106.25"),
            amount("TaxInclusiveAmount", "127.50"), amount("AllowanceTotalAmount", "1.25"),
            amount("ChargeTotalAmount", "7.50"), amount("PrepaidAmount", "35.02"),
            amount("PayableRoundingAmount", "0.02"),
        ),
        line("60"), line("40"),
    )  # fmt: skip

    assert found.agrees, found.differences
    assert found.stated == found.computed


@pytest.mark.parametrize(
    ("name", "field", "rule"),
    [
        ("LineExtensionAmount", "line_extension", "BR-CO-10"),
        ("AllowanceTotalAmount", "allowances", "BR-CO-11"),
        ("ChargeTotalAmount", "charges", "BR-CO-12"),
        ("TaxExclusiveAmount", "tax_exclusive", "BR-CO-13"),
        ("TaxInclusiveAmount", "tax_inclusive", "BR-CO-15"),
    ],
)
def test_an_amount_that_is_not_what_its_rule_makes_of_the_others_is_told(
    name: str, field: str, rule: str
) -> None:
    found = totals(total("10", amount(name, "99.99")), line("10"))

    (difference,) = found.differences
    assert (field, rule, Decimal("99.99")) == (difference.amount, difference.rule, difference.stated)
    assert difference.computed - difference.stated == difference.difference
    assert not found.agrees


def test_a_payable_amount_that_is_wrong_by_a_cent_is_told() -> None:
    (difference,) = totals(total("10.01"), line("10")).differences
    assert ("payable", "BR-CO-16", Decimal("-0.01")) == (
        difference.amount,
        difference.rule,
        difference.difference,
    )


def test_a_tax_that_is_not_the_sum_of_its_categories_is_told() -> None:
    (difference,) = totals(tax("3", "1", "1.99"), total("12.99"), line("10")).differences
    assert ("tax", "BR-CO-14", Decimal("2.99")) == (difference.amount, difference.rule, difference.computed)


@pytest.mark.parametrize(
    ("currency", "nets", "sum_"),
    [
        ("EUR", ("0.005", "0"), "0.01"),
        ("EUR", ("-0.005", "0"), "-0.01"),
        ("EUR", ("0.333", "0.333", "0.333"), "1.00"),
        ("JPY", ("99.5", "1"), "101"),
        ("JPY", ("99.4", "1"), "100"),
        ("KWD", ("0.0005", "1"), "1.001"),
        ("CLF", ("0.00005", "1"), "1.0001"),
        ("XYZ", ("0.005", "0"), "0.01"),
    ],
)
def test_sums_are_rounded_to_the_currencys_smallest_unit(
    currency: str, nets: tuple[str, ...], sum_: str
) -> None:
    found = totals(total(sum_, currency=currency), *(line(net, currency=currency) for net in nets))
    assert sum_ == str(found.computed.payable)
    assert found.agrees


def test_negative_lines_and_negative_totals() -> None:
    found = totals(tax("-2"), total("-12"), line("-30"), line("20"))
    assert found.agrees


def test_a_rounding_that_the_document_counts_into_its_tax_inclusive_amount() -> None:
    rounding = amount("PayableRoundingAmount", "0.30")
    inside = totals(total("11", amount("TaxInclusiveAmount", "11"), rounding), line("10.70"))
    behind = totals(total("11", amount("TaxInclusiveAmount", "10.70"), rounding), line("10.70"))
    neither = totals(total("11", amount("TaxInclusiveAmount", "10.71"), rounding), line("10.70"))

    assert (True, True) == (inside.agrees, inside.rounding_in_tax_inclusive)
    assert (True, False) == (behind.agrees, behind.rounding_in_tax_inclusive)
    assert ["tax_inclusive"] == [each.amount for each in neither.differences]


def test_several_taxes_of_the_documents_currency_are_added() -> None:
    found = totals(tax("2", "2"), tax("0.50"), total("12.50"), line("10"))
    assert (Decimal("2.50"), True) == (found.computed.tax, found.agrees)


def test_a_tax_that_is_stated_again_in_the_tax_currency_is_not_added() -> None:
    found = totals(tax("2", "2"), tax("22.80", currency="SEK"), total("12"), line("10"))

    assert found.agrees
    assert [("SEK", Decimal("22.80"))] == [(each.currency, each.amount) for each in found.other_taxes]


def test_a_tax_that_the_amounts_include_is_not_added() -> None:
    included = "<cbc:TaxIncludedIndicator>true</cbc:TaxIncludedIndicator>"
    assert totals(tax("2", extra=included), total("10"), line("10")).computed.payable == Decimal(10)


def test_the_rounding_of_a_tax_belongs_to_it() -> None:
    found = totals(tax("2.00", "1.98", extra=amount("RoundingAmount", "0.02")), total("12"), line("10"))
    assert found.agrees


def test_an_amount_in_another_currency_is_not_counted_and_that_is_noted() -> None:
    found = totals(total("10"), line("10"), line("5", currency="USD"))

    assert Decimal(10) == found.computed.payable
    assert ["LineExtensionAmount in USD is not counted with EUR"] == found.notes
    assert not found.agrees


@pytest.mark.parametrize(
    ("net", "parts", "line_price", "computed"),
    [
        ("20", "", price("2"), "20.00"),
        ("2", "", price("20", quantity("100", name="BaseQuantity")), "2.00"),
        ("3.33", "", price("1", quantity("3", name="BaseQuantity")), "3.33"),
        ("19", allowance("1.50") + allowance("0.50", charge="true"), price("2"), "19.00"),
        ("20", "", price("2", quantity("1", "KGM", "BaseQuantity")), None),
        ("20", "", price("2", quantity("0", name="BaseQuantity")), None),
        ("20", "", price("2", currency="USD"), None),
        ("20", "", "", None),
    ],
)
def test_a_line_is_quantity_times_price(net: str, parts: str, line_price: str, computed: str | None) -> None:
    found = totals(total(net), line(net, quantity("10"), parts, price=line_price)).lines[0]

    assert computed == (None if found.computed is None else str(found.computed))
    assert (None if computed is None else Decimal(0)) == found.difference


def test_a_price_that_does_not_divide_evenly_is_rounded_once_at_the_end() -> None:
    base = quantity("3", name="BaseQuantity")
    found = totals(total("0.01"), line("0.01", quantity("0.0015"), price=price("10", base))).lines[0]
    assert Decimal(0) == found.difference


def test_a_line_that_is_free_of_charge() -> None:
    free = "<cbc:FreeOfChargeIndicator>true</cbc:FreeOfChargeIndicator>"
    found = totals(total("0"), line("0", quantity("1"), free, price=price("10"))).lines[0]
    assert Decimal(0) == found.difference


def test_a_line_without_a_quantity_is_taken_as_stated() -> None:
    found = totals(total("5"), line("5", price=price("10"))).lines[0]
    assert (Decimal(5), None, None) == (found.stated, found.computed, found.difference)


def test_a_credit_note() -> None:
    credited = quantity("2", name="CreditedQuantity")
    found = totals(
        tax("2", "2"),
        total("12"),
        line("10", credited, kind="CreditNote", price=price("5")),
        kind="CreditNote",
    )

    assert ("CreditNote", True) == (found.document, found.agrees)
    assert Decimal(0) == found.lines[0].difference


def test_texts_with_blanks_around_them() -> None:
    found = totals(allowance(" 1.0 ", charge="\n true "), total("\n11\t"), line(" +10. "))
    assert found.agrees


def test_a_number_that_no_money_has_is_refused() -> None:
    with pytest.raises(ValueError, match="a number of 301 characters"):
        totals(total("10"), line("9" * 301))


@given(
    st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=1, max_size=20),
    st.decimals(0, 10**6, places=2),
)
def test_what_is_added_up_right_agrees(nets: list[Decimal], vat: Decimal) -> None:
    found = totals(tax(f"{vat:f}"), total(f"{sum(nets) + vat:f}"), *(line(f"{net:f}") for net in nets))
    assert found.agrees
