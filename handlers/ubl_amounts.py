"""Reading UBL documents: names, numbers, and amounts of money in one currency.

Takes elements that their XSD has accepted, so what it requires is there; gives `Decimal`s, never floats. An amount in
another currency than the one that is asked for is not counted, and a note says so: adding it up would be wrong.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import Final

from agentserver import RawXml

CAC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
CBC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"

MAX_DIGITS: Final = 300
"""Longest number: `xs:decimal` has no bound, and money has one."""
EXACT: Final = Context(prec=2_000, rounding=ROUND_HALF_UP)
"""Exact for every sum and product of numbers of that length."""

_NONE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR: Final = "CLF UYW"
MINOR_UNITS: Final = MappingProxyType(
    {code: digits for codes, digits in ((_NONE, 0), (_THREE, 3), (_FOUR, 4)) for code in codes.split()}
)
"""Digits behind the point of the currencies that have not two, by ISO 4217."""


def text(element: RawXml, path: str) -> str:
    """Return the text of the first element at `path`, with its blanks in order; empty when there is none."""
    return " ".join((element.findtext(path) or "").split())


def number(element: RawXml | None) -> Decimal | None:
    """Return the number in an element; None when there is no element.

    Raises:
        ValueError: It has more than `MAX_DIGITS` digits.
    """
    if element is None:
        return None
    digits = (element.text or "").strip()
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} characters, at most {MAX_DIGITS} are counted with")
    return Decimal(digits)


def is_true(element: RawXml, path: str) -> bool:
    """Tell whether an `xs:boolean` is there and true."""
    return text(element, path) in ("true", "1")


class Money:
    """Amounts of one currency.

    Args:
        currency: Its code, by ISO 4217.

    Attributes:
        notes: What was not counted, and why.
    """

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.notes: list[str] = []
        self._unit = Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))

    def rounded(self, amount: Decimal) -> Decimal:
        """Round to the currency's smallest unit, halves away from zero."""
        return amount.quantize(self._unit, context=EXACT)

    def amount(self, parent: RawXml | None, name: str) -> Decimal | None:
        """Return the amount in the child `name`; None when there is none in this currency."""
        element = parent.find(CBC + name) if parent is not None else None
        if element is None:
            return None
        currency = (element.get("currencyID") or "").strip()
        if currency != self.currency:
            note = f"{name} in {currency} is not counted with {self.currency}"
            if note not in self.notes:
                self.notes.append(note)
            return None
        return number(element)

    def total(self, parents: Iterable[RawXml], name: str) -> Decimal:
        """Add up the amounts in the children `name`, and round the sum."""
        amounts = (self.amount(parent, name) for parent in parents)
        return self.rounded(sum_of(amount for amount in amounts if amount is not None))


def sum_of(numbers: Iterable[Decimal]) -> Decimal:
    """Add up, exactly."""
    total = Decimal(0)
    for each in numbers:
        total = EXACT.add(total, each)
    return total


def quantity_of(line: RawXml) -> RawXml | None:
    """Return the quantity of a line of any document; None when it has none."""
    names = ("InvoicedQuantity", "CreditedQuantity", "DeliveredQuantity", "Quantity")
    return next((found for name in names if (found := line.find(CBC + name)) is not None), None)


def unit_price(line: RawXml, money: Money) -> Decimal | None:
    """Return the price of one unit: of `BaseQuantity` units, `PriceAmount` is the price; None when that is not said."""
    price = line.find(CAC + "Price")
    amount = money.amount(price, "PriceAmount")
    if price is None or amount is None:
        return None
    base = number(price.find(CBC + "BaseQuantity"))
    if base is None:
        return amount
    return EXACT.divide(amount, base) if base else None
