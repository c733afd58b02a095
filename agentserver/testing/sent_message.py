"""What an organism sent, as tests look at it; and the queue that writes it down.

Takes the messages that are committed to a queue in memory; gives them as values, in the order in which they were
sent, with their payloads read by the contracts that the organism knows. What is shown of them is masked. Changes
nothing of what the queue does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agentserver.errors import AgentServerError
from agentserver.message_bus.routing import RoutingTable
from agentserver.queues import MemoryQueue, QueuedMessage, Settlement
from agentserver.wire import TO, Element, canonical
from agentserver.wire.parser import parse_again
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.secrets import masked

PUMP: Final = "system"
"""The sender of refusals, which the pump itself sends."""


class RecordingQueue(MemoryQueue):
    """A queue in memory that remembers what handlers sent, and the refusals that the pump did."""

    def __init__(self, max_waiting: int, max_dead_letters: int, *, depth_first: bool) -> None:
        super().__init__(max_waiting, max_dead_letters, depth_first=depth_first)
        self.sent: list[QueuedMessage] = []

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch, and remember what was sent."""
        await super().settle(outcome)
        self.sent += outcome.puts


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message that a handler sent; or the pump, when `from_id` is `system`.

    Args:
        from_id: Who sent it.
        to_id: Whom it is addressed to; None when it goes by its tag.
        thread_id: Its thread.
        payload: An instance of its contract's class; the element where no contract takes it.
        element: The payload as XML.
        leaves: Whether it leaves the organism.
        contract: The contract that `payload` was read by.
    """

    from_id: str
    to_id: str | None
    thread_id: str
    payload: Any
    element: Element
    leaves: bool
    contract: AnyContract | None

    @property
    def tag(self) -> str:
        """Local name of the payload's root."""
        return str(self.element.tag).rpartition("}")[2]

    def __str__(self) -> str:
        """Show it as XML, with `***` for its secrets; of what no contract takes, the root alone."""
        what = f"<{self.tag}>"
        if self.contract is not None:
            what = canonical(masked(self.contract.outline, self.element)).decode()
        return f"{self.from_id} -> {self.to_id or 'whoever takes it'}: {what}"

    __repr__ = __str__


def sent_message(message: QueuedMessage, table: RoutingTable) -> SentMessage:
    """Read what was sent.

    Args:
        message: As the pump put it into the queue.
        table: Knows the contracts.
    """
    envelope = parse_again(message.data)
    element, to_id = envelope[1], envelope[0].findtext(TO)
    contract, payload = _read(message, table, element)
    thread_id = message.thread_id or ""
    return SentMessage(message.sender or "", to_id, thread_id, payload, element, message.outbound, contract)


def _read(message: QueuedMessage, table: RoutingTable, element: Element) -> tuple[AnyContract | None, Any]:
    contracts = table.contracts_for(str(element.tag))
    if message.payload_class is not None:
        contracts = [table.contract_of(message.payload_class)]
    for contract in contracts:
        try:
            if contract.schema.validate(element):
                return contract, contract.read(element)
        except AgentServerError:
            continue
    return (contracts[0] if contracts else None), element
