"""The end of a thread before its time: which messages a cancellation reaches, and that it is told of once.

Takes a thread; knows the messages on it and on every branch below it, as their call chains say. An answer that was
sent before is on its asker's thread already, and so is not below the branch that it came from. Where a message is
being looked at, waiting or handled, others know: they are asked in `pump.py`, and tell what became of it.

A message from outside whose thread only its envelope says is looked at once it has passed the gate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from agentserver.errors import Cancelled
from agentserver.message_bus.dead_letters import dead_letter_of
from agentserver.message_bus.message_ids import id_at_entry
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.settling import Handled
from agentserver.queues import Delivery, QueuedMessage

logger = logging.getLogger(__name__)

STAGE: Final = "cancel"


class Cancellation:
    """One thread that is being cancelled.

    Args:
        thread_id: The thread.
        thread_of: Gives the thread that a claim stands for.

    Attributes:
        ended: How many messages became dead letters by it.
        failure: What they failed with; all of them with this one.
        open: Ids of those in flight that it ends.
        unsure: Ids of those, waiting or in flight, whose thread nobody knows yet.
        escaped: Whether something was sent on by a message that it reached too late.
    """

    __slots__ = ("_over", "_thread_of", "_told", "ended", "escaped", "failure", "open", "unsure")

    def __init__(self, thread_id: str, thread_of: Callable[[str], str]) -> None:
        self.failure, self._thread_of = Cancelled(thread_of(thread_id)), thread_of
        self.open: set[str] = set()
        self.unsure: set[str] = set()
        self.ended = 0
        self.escaped = self._told = False
        self._over = asyncio.Event()

    def begin(self, in_flight: Iterable[Delivery]) -> None:
        """Look anew at what is in flight."""
        self.unsure, self.escaped = set(), False
        self.open = {delivery.message.id for delivery in in_flight if self.reaches(delivery.message)}
        self._over.clear()

    async def over(self, running: asyncio.Task[Any]) -> None:
        """Wait until all of it is settled, or the pump has stopped."""
        self._look()
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait((over, running), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()

    def reaches(self, message: QueuedMessage) -> bool:
        """Return whether a message is on the thread or below it; remember one that does not say."""
        own, thread_id = message.thread_id, self.failure.thread_id
        if own is None:
            self.unsure.add(message.id)
            return False
        if own == thread_id or any(frame.thread_id == thread_id for frame in message.chain):
            return True
        return not message.chain and self._thread_of(own) == thread_id

    def reaches_state(self, state: MessageState) -> bool:
        """Return whether a message in flight, of which the gate has said all, is one that it ends."""
        message = state.message
        if message is None:
            return False
        if message.id in self.unsure:
            self.unsure.discard(message.id)
            if state.thread_id == self.failure.thread_id:
                self.open.add(message.id)
        return message.id in self.open

    def adopt(self, batch: Iterable[MessageState]) -> None:
        """Fail what has passed the gate meanwhile; the parts of an input stand for it."""
        entered = set()
        for state in batch:
            message = state.message
            if message is None:
                continue
            before = id_at_entry(message)
            if before in self.open or (before in self.unsure and state.thread_id == self.failure.thread_id):
                self.open.add(message.id)
                state.fail_as_told(STAGE, self.failure)
            if before != message.id:
                entered.add(before)
            self.unsure.discard(message.id)
        self.open -= entered
        self.unsure -= entered
        self._look()

    def settled(self, handled: Handled) -> None:
        """Count what has ended, and tell of the first of it alone."""
        handled.leaving = [state for state in handled.leaving if self._is_told(state)]
        for state in handled.states:
            message = state.message
            if message is None:
                continue
            if state.failure is self.failure:
                self.ended += 1
            elif message.id in self.open and state.emitted:
                self.escaped = True
            self.open.discard(message.id)
            self.unsure.discard(message.id)
        for state in handled.again:  # which wait now, where the next look finds them
            message = state.message
            if message is not None and message.id in self.open | self.unsure:
                self.escaped = True
                self.open.discard(message.id)
                self.unsure.discard(message.id)
        self._look()

    def log(self, _: object = None) -> None:
        """Log how many messages it has ended; each of them is logged at DEBUG only."""
        fields = {"thread_id": self.failure.thread_id, "messages": self.ended}
        logger.info("a thread was cancelled", extra=fields)

    def _is_told(self, state: MessageState) -> bool:
        """Return whether whoever listens is told of a message: of all that this ended, of the first."""
        if state.failure is not self.failure:
            return True
        first, self._told = not self._told, True
        return first

    def _look(self) -> None:
        if not self.open and not self.unsure:
            self._over.set()

    def bury(self, deliveries: Iterable[Delivery], died_at: float) -> Handled:
        """Make dead letters of messages that waited."""
        handled = Handled()
        for delivery in deliveries:
            message = delivery.message
            state = MessageState(
                message.data, thread_id=message.thread_id, from_id=message.sender, delivery=delivery
            )
            state.fail_as_told(STAGE, self.failure)
            handled.settlement.dead.append((delivery, dead_letter_of(state, message, died_at)))
            handled.states.append(state)
        handled.leaving.extend(handled.states)
        return handled
