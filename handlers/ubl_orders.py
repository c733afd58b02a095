"""The orders that came by, and whether what is invoiced or despatched is what was ordered.

`OrderBook` remembers a bounded number of orders. It is asked by `OrderQuestion`, a contract of its own, so that it
needs not know which documents there are. An order is found by its id, and by its buyer where several buyers use the
same id; a line by the id of the order's line, or by its item.
"""

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from agentserver import HandlerMetadata, HandlerResponse, RawXml, xmlify
from handlers.ubl_amounts import CAC, CBC, Money, number, quantity_of, text, unit_price

MAX_ORDERS: Final = 1_000
MAX_LINES: Final = 100_000
"""Most lines of all orders together: the oldest orders are forgotten first."""

Verdict = Literal["same", "less", "more", "other", "unknown"]


@xmlify
@dataclass
class LineFacts:
    """What a line of any document says of its goods: `price` is for one unit, `items` are its names and numbers."""

    id: str
    order_id: str
    order_line: str
    items: list[str]
    quantity: Decimal | None
    unit: str
    price: Decimal | None
    currency: str


@xmlify
@dataclass
class OrderQuestion:
    """Asks whether the lines of a document are what was ordered."""

    document: str
    buyers: list[str]
    lines: list[LineFacts]


@xmlify
@dataclass
class OrderDecision:
    """Tells that the seller accepted an order, or did not."""

    order_id: str
    buyers: list[str]
    accepted: bool
    reason: str


@xmlify
@dataclass
class LineMatch:
    """How one line compares with the line of the order; `unknown` where one of them does not say."""

    line: str
    order_id: str
    order_line: str | None
    item: Verdict
    quantity: Verdict
    price: Verdict


@xmlify
@dataclass
class OrderMatch:
    """Whether a document is what was ordered: `matches` when each line is the same in item, quantity and price.

    A document that states no prices at all, as a despatch advice, need not match in price.
    """

    document: str
    orders: list[str]
    unknown_orders: list[str]
    matches: bool
    lines: list[LineMatch]


@xmlify
@dataclass
class OrderStatus:
    """An order that is remembered, or was told of: with its lines as they are known."""

    order_id: str
    known: bool
    status: Literal["ordered", "accepted", "rejected"]
    reason: str
    lines: list[LineFacts]


@dataclass
class _Order:
    id: str
    buyers: list[str]
    lines: list[LineFacts]


class OrderBook:
    """Remembers orders, newest last; the oldest are forgotten."""

    def __init__(self, max_orders: int = MAX_ORDERS, max_lines: int = MAX_LINES) -> None:
        self._orders: OrderedDict[tuple[str, tuple[str, ...]], _Order] = OrderedDict()
        self._max_orders, self._max_lines = max_orders, max_lines
        self._lines = 0

    def __len__(self) -> int:
        return len(self._orders)

    async def remember(self, payload: RawXml, metadata: HandlerMetadata) -> HandlerResponse:
        """Keep an `Order`, and answer with its lines."""
        order_id = text(payload, f"{CBC}ID")
        lines = [facts_of(line, order_id) for line in payload.iterfind(f"{CAC}OrderLine/{CAC}LineItem")]
        order = _Order(order_id, buyers_of(payload), lines)
        self._forget((order.id, tuple(order.buyers)))
        self._orders[order.id, tuple(order.buyers)] = order
        self._lines += len(lines)
        while len(self._orders) > self._max_orders or (
            self._lines > self._max_lines and len(self._orders) > 1
        ):
            self._forget(next(iter(self._orders)))
        return HandlerResponse.respond(OrderStatus(order.id, True, "ordered", "", lines))

    async def match(self, payload: OrderQuestion, metadata: HandlerMetadata) -> HandlerResponse:
        """Compare the lines of a document with those of the orders that they name."""
        ids = list(dict.fromkeys(line.order_id for line in payload.lines))
        orders = {id_: self._find(id_, payload.buyers) for id_ in ids}
        priced = any(line.price is not None for line in payload.lines)
        matches = [_compare(line, orders[line.order_id]) for line in payload.lines]
        return HandlerResponse.respond(
            OrderMatch(
                payload.document,
                [id_ for id_ in ids if orders[id_] is not None],
                [id_ for id_ in ids if orders[id_] is None],
                bool(matches) and all(_is_same(match, priced) for match in matches),
                matches,
            )
        )

    async def decide(self, payload: OrderDecision, metadata: HandlerMetadata) -> HandlerResponse:
        """Tell an order's status."""
        order = self._find(payload.order_id, payload.buyers)
        status: Literal["accepted", "rejected"] = "accepted" if payload.accepted else "rejected"
        lines = order.lines if order is not None else []
        return HandlerResponse.respond(
            OrderStatus(payload.order_id, order is not None, status, payload.reason, lines)
        )

    def _find(self, order_id: str, buyers: list[str]) -> _Order | None:
        """Return the newest order of that id whose buyer may be one of `buyers`."""
        for order in reversed(self._orders.values()):
            if order.id == order_id and (not buyers or not order.buyers or set(buyers) & set(order.buyers)):
                return order
        return None

    def _forget(self, key: tuple[str, tuple[str, ...]]) -> None:
        order = self._orders.pop(key, None)
        if order is not None:
            self._lines -= len(order.lines)


def facts_of(line: RawXml, order_id: str) -> LineFacts:
    """Read what a line says of its goods.

    Args:
        line: An invoice, credit note, despatch or order line.
        order_id: The order that the document as a whole is for; a line may name another one.
    """
    reference = f"{CAC}OrderLineReference"
    price = line.find(f"{CAC}Price/{CBC}PriceAmount")
    currency = (price.get("currencyID") or "").strip() if price is not None else ""
    quantity = quantity_of(line)
    return LineFacts(
        id=text(line, f"{CBC}ID"),
        order_id=text(line, f"{reference}/{CAC}OrderReference/{CBC}ID") or order_id,
        order_line=text(line, f"{reference}/{CBC}LineID"),
        items=_items(line),
        quantity=number(quantity),
        unit=(quantity.get("unitCode") or "").strip() if quantity is not None else "",
        price=unit_price(line, Money(currency)),
        currency=currency,
    )


def buyers_of(document: RawXml) -> list[str]:
    """Return all that tells who buys: the ids and names of the customer's party, without repetition."""
    found: dict[str, None] = {}
    for role in (
        "BuyerCustomerParty",
        "AccountingCustomerParty",
        "OriginatorCustomerParty",
        "DeliveryCustomerParty",
    ):
        party = document.find(f"{CAC}{role}/{CAC}Party")
        if party is None:
            continue
        for path in (
            f"{CBC}EndpointID", f"{CAC}PartyIdentification/{CBC}ID", f"{CAC}PartyName/{CBC}Name",
            f"{CAC}PartyLegalEntity/{CBC}CompanyID", f"{CAC}PartyTaxScheme/{CBC}CompanyID",
        ):  # fmt: skip
            found.update((" ".join((each.text or "").split()), None) for each in party.iterfind(path))
    found.pop("", None)
    return list(found)


def _items(line: RawXml) -> list[str]:
    item = line.find(f"{CAC}Item")
    if item is None:
        return []
    kinds = ("StandardItemIdentification", "SellersItemIdentification", "BuyersItemIdentification")
    ids = [f"{kind[:-18]} {found}" for kind in kinds if (found := text(item, f"{CAC}{kind}/{CBC}ID"))]
    name = text(item, f"{CBC}Name")
    return [*ids, *([f"Name {name}"] if name else [])]


def _compare(line: LineFacts, order: _Order | None) -> LineMatch:
    ordered = _line_of(line, order)
    if ordered is None:
        return LineMatch(line.id, line.order_id, None, "unknown", "unknown", "unknown")
    units_differ = line.unit and ordered.unit and line.unit != ordered.unit
    priced = line.price is not None and ordered.price is not None
    return LineMatch(
        line.id,
        line.order_id,
        ordered.id,
        _same_item(line.items, ordered.items),
        "other" if units_differ else _same_number(line.quantity, ordered.quantity),
        "other" if priced and line.currency != ordered.currency else _same_number(line.price, ordered.price),
    )


def _line_of(line: LineFacts, order: _Order | None) -> LineFacts | None:
    """Find the line of the order by the id that is referred to, or, without one, the only one of the same item."""
    if order is None:
        return None
    if line.order_line:
        return next((each for each in order.lines if each.id == line.order_line), None)
    alike = [each for each in order.lines if _same_item(line.items, each.items) == "same"]
    return alike[0] if len(alike) == 1 else None


def _same_item(ours: list[str], theirs: list[str]) -> Verdict:
    """Compare by the best identification that both have: the standard one, the seller's, the buyer's, the name."""
    own, other = _by_kind(ours), _by_kind(theirs)
    for kind in ("Standard", "Sellers", "Buyers", "Name"):
        if kind in own and kind in other:
            return "same" if own[kind] == other[kind] else "other"
    return "unknown"


def _by_kind(items: list[str]) -> dict[str, str]:
    """Take apart what `_items` put together: `Sellers JB007`."""
    return {kind: value for kind, _, value in (item.partition(" ") for item in items)}


def _same_number(ours: Decimal | None, theirs: Decimal | None) -> Verdict:
    if ours is None or theirs is None:
        return "unknown"
    return "same" if ours == theirs else "less" if ours < theirs else "more"


def _is_same(match: LineMatch, priced: bool) -> bool:
    return match.item == match.quantity == "same" and (match.price == "same" or not priced)
