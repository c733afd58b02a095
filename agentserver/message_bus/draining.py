"""Wait until a listener has nothing left to do of all that was there when somebody began to wait.

Takes what waits and what is in flight at that moment, and is told of each message as it passes the gate and as it is
settled. A message from outside does not say for whom it is before it has passed the gate; so long it may be for anyone.
What comes later is not waited for, so this ends under load, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from agentserver.message_bus.message_ids import id_at_entry
from agentserver.message_bus.message_state import MessageState
from agentserver.queues import Delivery, QueuedMessage


class Draining:
    """What a listener has to do yet.

    Args:
        listener: Its name.

    Attributes:
        open: Ids of the messages that are for it, or may be.
    """

    __slots__ = ("_listener", "_over", "open")

    def __init__(self, listener: str) -> None:
        self._listener = listener
        self.open: set[str] = set()
        self._over = asyncio.Event()

    def remember(self, message: QueuedMessage) -> bool:
        """Remember a message that waits, if it may be for the listener; return False, for `MessageQueue.withdraw`."""
        to_id = message.to_id
        if not message.outbound and (
            to_id is None or f"{self._listener}.".lower().startswith(f"{to_id}.".lower())
        ):
            self.open.add(message.id)
        return False

    def begin(self, in_flight: Iterable[Delivery], submitted: Iterable[MessageState]) -> None:
        """Add what is in flight, but for what is at other listeners already."""
        self.open.update(delivery.message.id for delivery in in_flight)
        self.open.difference_update(
            state.message.id for state in submitted if state.message is not None and not self._is_for(state)
        )

    def adopt(self, batch: Iterable[MessageState]) -> None:
        """Look for whom messages are that have passed the gate; the parts of an input stand for it."""
        entered, meant = set(), set()
        for state in batch:
            message = state.message
            if message is not None and (before := id_at_entry(message)) in self.open:
                entered.add(before)
                if self._is_for(state):
                    meant.add(message.id)
        self.open = (self.open - entered) | meant
        self._look()

    def settled(self, states: Iterable[MessageState]) -> None:
        """Forget messages that have come to their end."""
        self.open.difference_update(state.message.id for state in states if state.message is not None)
        self._look()

    async def wait(self, running: asyncio.Task[Any], timeout_s: float | None) -> bool:
        """Wait until nothing is left, the time is up, or the pump has stopped; return whether nothing is left.

        Args:
            running: The pump's task.
            timeout_s: Seconds to wait; None waits without an end.
        """
        self._look()
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait((over, running), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        return not self.open

    def _look(self) -> None:
        if not self.open:
            self._over.set()

    def _is_for(self, state: MessageState) -> bool:
        rows = state.target_listeners
        return state.error is None and rows is not None and any(row.name == self._listener for row in rows)
