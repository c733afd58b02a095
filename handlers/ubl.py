"""Business documents in UBL 2.1: invoices and credit notes are added up, and compared with the orders they are for.

Each handler gets the element that its XSD has accepted. `config/ubl.yaml` wires them; the schemas are OASIS's own:

    UBL_SCHEMAS=path/to/xsd agentserver pipe config/ubl.yaml --from me < invoice.xml
"""

from agentserver import HandlerMetadata, HandlerResponse, RawXml
from handlers.ubl_amounts import CAC, CBC, is_true, text
from handlers.ubl_orders import (
    OrderBook,
    OrderDecision,
    OrderMatch,
    OrderQuestion,
    OrderStatus,
    buyers_of,
    facts_of,
)
from handlers.ubl_totals import totals_of

_orders = OrderBook()
remember_order, match_order, decide_order = _orders.remember, _orders.match, _orders.decide


async def total_invoice(payload: RawXml, metadata: HandlerMetadata) -> list[HandlerResponse]:
    """Add up an `Invoice`, and ask the orders about it if it says which order it is for."""
    return [HandlerResponse.respond(totals_of(payload)), *_question(payload)]


async def total_credit_note(payload: RawXml, metadata: HandlerMetadata) -> HandlerResponse:
    """Add up a `CreditNote`. What it gives back is not what was ordered, so no order is asked."""
    return HandlerResponse.respond(totals_of(payload))


async def check_despatch(payload: RawXml, metadata: HandlerMetadata) -> list[HandlerResponse]:
    """Ask the orders about a `DespatchAdvice`."""
    return _question(payload)


async def tell_decision(payload: RawXml, metadata: HandlerMetadata) -> HandlerResponse:
    """Tell the orders what an `OrderResponseSimple` says of one."""
    order_id = text(payload, f"{CAC}OrderReference/{CBC}ID")
    accepted = is_true(payload, f"{CBC}AcceptedIndicator")
    reason = text(payload, f"{CBC}RejectionNote")
    return HandlerResponse(OrderDecision(order_id, buyers_of(payload), accepted, reason), to="orders")


async def pass_back(payload: OrderMatch | OrderStatus, metadata: HandlerMetadata) -> HandlerResponse:
    """Hand the answer of the orders on to whoever sent the document."""
    return HandlerResponse.respond(payload)


def _question(document: RawXml) -> list[HandlerResponse]:
    """Ask whether a document is what was ordered; nothing, when it names no order."""
    kind = str(document.tag).rpartition("}")[2]
    order_id = text(document, f"{CAC}OrderReference/{CBC}ID")
    lines = document.findall(f"{CAC}{'DespatchLine' if kind == 'DespatchAdvice' else f'{kind}Line'}")
    facts = [facts_of(line, order_id) for line in lines]
    if kind != "DespatchAdvice":  # that one is for an order, whether it names it or not
        facts = [each for each in facts if each.order_id]
    if not facts:
        return []
    question = OrderQuestion(f"{kind} {text(document, f'{CBC}ID')}", buyers_of(document), facts)
    return [HandlerResponse(question, to="orders")]
