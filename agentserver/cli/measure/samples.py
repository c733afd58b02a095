"""What is measured with: two contracts, and the bytes of messages that carry them.

Knows no line and no pump. A greeting makes an envelope of some 200 bytes, which is what a small message is; an order
of a few hundred lines makes one of 100 KiB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from agentserver.wire import EnvelopeBuilder, canonical
from agentserver.xmlable import contract_of, xmlify

SENDER: Final = "user"
THREAD: Final = "8f19f4f1-0000-4000-8000-000000000001"
LARGE_BYTES: Final = 100 * 1024


@xmlify
@dataclass
class Greeting:
    """Somebody says hello: the one-field payload."""

    name: str


@xmlify
@dataclass
class OrderLine:
    """One line of an order."""

    position: int
    article: str
    description: str
    quantity: int
    price: Decimal
    due: date


@xmlify
@dataclass
class Order:
    """An order: the large payload."""

    number: str
    customer: str
    lines: list[OrderLine] = field(default_factory=list)


def greeting() -> Greeting:
    """Return the small payload."""
    return Greeting("Alice")


def order(size_bytes: int = LARGE_BYTES) -> Order:
    """Return an order whose envelope has `size_bytes`, or up to one line more."""
    empty_bytes, hundred_bytes = (len(message(_order(count), "orders")) for count in (0, 100))
    count = (
        100 * (size_bytes - empty_bytes) // (hundred_bytes - empty_bytes) - 2
    )  # lines differ by a digit or two
    while len(message(_order(count), "orders")) < size_bytes:
        count += 1
    return _order(count)


def message(payload: Any, to_id: str | None, from_id: str = SENDER) -> bytes:
    """Return the envelope of a payload, in canonical form."""
    return write(EnvelopeBuilder(), payload, from_id, to_id)


def write(builder: EnvelopeBuilder, payload: Any, from_id: str, to_id: str | None) -> bytes:
    """Write what a handler returned, as every line has to that goes on to a next hop."""
    contract = contract_of(type(payload))
    tree, root = builder.build(from_id, to_id, THREAD, contract.root_tag)
    contract.fill(payload, root)
    return canonical(tree)


def _order(count: int) -> Order:
    return Order("A-1042", "Example & Sons", [_line(100 + index) for index in range(count)])


def _line(position: int) -> OrderLine:
    return OrderLine(
        position,
        f"B-{position:05d}",
        "Hexagon bolt, M8 x 40, zinc-plated",
        1 + position % 90,
        Decimal(position) / 100,
        date(2025, 1, 1) + timedelta(days=position % 365),
    )
