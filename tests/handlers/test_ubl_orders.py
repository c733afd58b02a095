"""Orders are remembered, and other documents are compared with them line by line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agentserver import HandlerMetadata, RawXml
from handlers.ubl import check_despatch, tell_decision, total_invoice
from handlers.ubl_orders import OrderBook, OrderMatch, OrderStatus
from tests.handlers.ubl_documents import NS, element, price, quantity

METADATA = HandlerMetadata("thread", "me")
SPACES = f'xmlns:cac="{NS}CommonAggregateComponents-2" xmlns:cbc="{NS}CommonBasicComponents-2"'


def item(seller: str = "S1", name: str = "Paint") -> str:
    ids = (
        f"<cac:SellersItemIdentification><cbc:ID>{seller}</cbc:ID></cac:SellersItemIdentification>"
        if seller
        else ""
    )
    return f"<cac:Item><cbc:Name>{name}</cbc:Name>{ids}</cac:Item>"


def customer(name: str, role: str = "BuyerCustomerParty") -> str:
    party = f"<cac:Party><cac:PartyName><cbc:Name>{name}</cbc:Name></cac:PartyName></cac:Party>"
    return f"<cac:{role}>{party}</cac:{role}>" if name else ""


def order(*lines: str, id: str = "O1", buyer: str = "Ada") -> RawXml:  # noqa: A002  # as the document calls it
    items = "".join(f"<cac:OrderLine><cac:LineItem>{line}</cac:LineItem></cac:OrderLine>" for line in lines)
    return element(
        f'<Order xmlns="{NS}Order-2" {SPACES}><cbc:ID>{id}</cbc:ID>{customer(buyer)}{items}</Order>'.encode()
    )


def ordered(id: str = "1", count: str = "10", cost: str = price("2"), what: str = item()) -> str:  # noqa: A002
    return f"<cbc:ID>{id}</cbc:ID>{quantity(count, name='Quantity')}{cost}{what}"


def invoiced(
    count: str = "10", *, line: str = "1", cost: str = price("2"), what: str = item(), unit: str = "C62"
) -> str:
    reference = (
        f"<cac:OrderLineReference><cbc:LineID>{line}</cbc:LineID></cac:OrderLineReference>" if line else ""
    )
    net = '<cbc:LineExtensionAmount currencyID="EUR">20</cbc:LineExtensionAmount>'
    return f"<cbc:ID>A</cbc:ID>{quantity(count, unit)}{net}{reference}{what}{cost}"


def invoice(*lines: str, order_id: str = "O1", buyer: str = "Ada") -> RawXml:
    parts = "".join(f"<cac:InvoiceLine>{line}</cac:InvoiceLine>" for line in lines)
    reference = f"<cac:OrderReference><cbc:ID>{order_id}</cbc:ID></cac:OrderReference>" if order_id else ""
    payable = '<cbc:PayableAmount currencyID="EUR">20</cbc:PayableAmount>'
    total = f"<cac:LegalMonetaryTotal>{payable}</cac:LegalMonetaryTotal>"
    party = customer(buyer, "AccountingCustomerParty")
    start = f'<Invoice xmlns="{NS}Invoice-2" {SPACES}><cbc:ID>7</cbc:ID>'
    return element(f"{start}{reference}{party}{total}{parts}</Invoice>".encode())


async def match(book: OrderBook, document: RawXml) -> OrderMatch:
    """Let an invoice ask the book, as the organism does."""
    _, question = await total_invoice(document, METADATA)
    assert "orders" == question.to
    answer = (await book.match(question.payload, METADATA)).payload
    assert isinstance(answer, OrderMatch)
    return answer


async def book_of(*orders: RawXml, **bounds: int) -> OrderBook:
    book = OrderBook(**bounds)
    for each in orders:
        await book.remember(each, METADATA)
    return book


async def verdicts(line: str) -> tuple[str, str, str, bool]:
    answer = await match(await book_of(order(ordered())), invoice(line))
    (found,) = answer.lines
    return found.item, found.quantity, found.price, answer.matches


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (invoiced(), ("same", "same", "same", True)),
        (invoiced("10.0"), ("same", "same", "same", True)),
        (invoiced("9"), ("same", "less", "same", False)),
        (invoiced("11"), ("same", "more", "same", False)),
        (invoiced(unit="KGM"), ("same", "other", "same", False)),
        (invoiced(cost=price("2.01")), ("same", "same", "more", False)),
        (invoiced(cost=price("200", quantity("100", name="BaseQuantity"))), ("same", "same", "same", True)),
        (invoiced(cost=price("2", currency="USD")), ("same", "same", "other", False)),
        (invoiced(cost=""), ("same", "same", "unknown", True)),
        (invoiced(what=item("S2")), ("other", "same", "same", False)),
        (invoiced(what=item("", "Paint")), ("same", "same", "same", True)),
        (invoiced(what=item("", "Brush")), ("other", "same", "same", False)),
        (invoiced(what=item("S1", "Another name")), ("same", "same", "same", True)),
        (invoiced(line="2"), ("unknown", "unknown", "unknown", False)),
        (invoiced(line=""), ("same", "same", "same", True)),
        (invoiced(line="", what=item("S2")), ("unknown", "unknown", "unknown", False)),
    ],
)
async def test_a_line_is_compared_in_item_quantity_and_price(
    line: str, expected: tuple[str, str, str, bool]
) -> None:
    assert expected == await verdicts(line)


async def test_a_third_costs_the_same_as_two_sixths() -> None:
    thirds = price("1", quantity("3", name="BaseQuantity"))
    sixths = price("2", quantity("6", name="BaseQuantity"))
    answer = await match(await book_of(order(ordered(cost=thirds))), invoice(invoiced(cost=sixths)))
    assert answer.matches


async def test_an_order_that_nobody_knows() -> None:
    answer = await match(await book_of(), invoice(invoiced()))
    assert ([], ["O1"], False) == (answer.orders, answer.unknown_orders, answer.matches)


async def test_an_order_of_another_buyer_is_another_order() -> None:
    book = await book_of(
        order(ordered(count="1"), buyer="Bob"), order(ordered()), order(ordered(count="2"), buyer="Eve")
    )
    assert (await match(book, invoice(invoiced()))).matches
    assert ["O1"] == (await match(book, invoice(invoiced(), buyer="Zoe"))).unknown_orders


async def test_a_document_that_tells_no_buyer_goes_by_the_order_alone() -> None:
    assert (await match(await book_of(order(ordered())), invoice(invoiced(), buyer=""))).matches


async def test_an_order_that_is_sent_again_replaces_the_first() -> None:
    book = await book_of(order(ordered(count="1")), order(ordered()))
    assert (1, True) == (len(book), (await match(book, invoice(invoiced()))).matches)


async def test_a_line_may_be_of_another_order_than_the_document() -> None:
    reference = "<cac:OrderReference><cbc:ID>O2</cbc:ID></cac:OrderReference></cac:OrderLineReference>"
    second = invoiced().replace("</cac:OrderLineReference>", reference)
    book = await book_of(order(ordered()), order(ordered(), id="O2"))
    answer = await match(book, invoice(invoiced(), second))
    assert (["O1", "O2"], True) == (answer.orders, answer.matches)


async def test_an_invoice_that_names_no_order_asks_nothing() -> None:
    assert 1 == len(await total_invoice(invoice(invoiced(), order_id=""), METADATA))


async def test_the_oldest_orders_are_forgotten() -> None:
    book = await book_of(*(order(ordered(), id=f"O{number}") for number in range(5)), max_orders=3)
    assert 3 == len(book)
    assert ["O1"] == (await match(book, invoice(invoiced()))).unknown_orders
    assert ["O4"] == (await match(book, invoice(invoiced(), order_id="O4"))).orders


async def test_orders_with_many_lines_take_the_place_of_several() -> None:
    long = [ordered(id=str(number)) for number in range(6)]
    book = await book_of(*(order(*long, id=f"O{number}") for number in range(4)), max_lines=12)
    assert 2 == len(book)


async def test_an_order_is_answered_with_its_lines() -> None:
    answer = (await OrderBook().remember(order(ordered(), ordered(id="2", cost="")), METADATA)).payload
    assert isinstance(answer, OrderStatus)
    assert [Decimal(2), None] == [line.price for line in answer.lines]


@pytest.mark.parametrize(
    ("accepted", "status"), [("true", "accepted"), ("1", "accepted"), ("false", "rejected")]
)
async def test_a_decision_on_an_order(accepted: str, status: str) -> None:
    parts = f"<cbc:AcceptedIndicator>{accepted}</cbc:AcceptedIndicator><cbc:RejectionNote>Sold  out</cbc:RejectionNote>"
    parts += "<cac:OrderReference><cbc:ID>O1</cbc:ID></cac:OrderReference>"
    response = element(
        f'<OrderResponseSimple xmlns="{NS}OrderResponseSimple-2" {SPACES}>{parts}</OrderResponseSimple>'.encode()
    )
    told = await tell_decision(response, METADATA)
    answer = (await (await book_of(order(ordered()))).decide(told.payload, METADATA)).payload
    assert (True, status, "Sold out") == (answer.known, answer.status, answer.reason)


async def test_a_despatch_is_compared_without_prices() -> None:
    line = f"<cbc:ID>1</cbc:ID>{quantity('10', name='DeliveredQuantity')}"
    line += "<cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference>" + item()
    parts = "<cac:OrderReference><cbc:ID>O1</cbc:ID></cac:OrderReference>"
    parts += customer("Ada", "DeliveryCustomerParty") + f"<cac:DespatchLine>{line}</cac:DespatchLine>"
    advice = element(
        f'<DespatchAdvice xmlns="{NS}DespatchAdvice-2" {SPACES}>{parts}</DespatchAdvice>'.encode()
    )
    (question,) = await check_despatch(advice, METADATA)
    answer = (await (await book_of(order(ordered()))).match(question.payload, METADATA)).payload
    assert answer.matches
