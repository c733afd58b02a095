"""What the gate of an organism makes of messages, with nothing behind it: no handler is called, no queue is touched.

Takes a pump that was assembled and does not run, and messages as they waited once; gives a `Verdict` for each part of
each. The contracts' own code runs, and so do the user's steps. Beside the gate it asks what a handler's answer is asked
before: whether its sender may address whom it meant. Never raises for a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agentserver.errors import AgentServerError
from agentserver.message_bus.gate import gate_stages
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.intake import state_of
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.peers import permitted
from agentserver.message_bus.pump import StreamPump
from agentserver.message_bus.threads import Threads
from agentserver.queues import Delivery, QueuedMessage


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would become of one message, or of one part of an input.

    Args:
        listener: Key of the listener that would handle it; None for one that is refused, or leaves the organism.
        code: What it would be refused for; empty when it passes.
        reason: That in words, without what only the handler may see.
        stage: Where it would be refused.
    """

    listener: str | None = None
    code: str = ""
    reason: str = ""
    stage: str = ""


class _Anybody(Openers):
    """Lets everybody go on with every thread: who opened it, was asked when the message came."""

    def check(self, thread_id: str, sender: str) -> None:
        """Do nothing."""


class Rehearsal:
    """The gate of one organism.

    Args:
        pump: The organism, with its listeners registered; not running.
    """

    def __init__(self, pump: StreamPump) -> None:
        self._table = pump.routing_table
        self._listeners = {name.lower(): listener for name, listener in pump.listeners.items()}
        config, threads = pump.config, Threads()
        self._stages = gate_stages(config.limits, self._table, threads, config.pipeline, _Anybody(threads))

    async def of(self, messages: Sequence[QueuedMessage]) -> list[list[Verdict]]:
        """Return for each message what would become of its parts, in their order; one verdict for most."""
        deliveries = [Delivery(message) for message in messages]
        batch = [state_of(delivery) for delivery in deliveries]
        for state in batch:
            state.secret_names = self._table.secret_names
        for stage in self._stages:
            over = stage.over
            batch = await over(batch) if asyncio.iscoroutinefunction(over) else over(batch)
        by_message: dict[Delivery, Batch] = {delivery: [] for delivery in deliveries}
        for state in batch:
            receipt = state.delivery or state.part_of
            if receipt is not None:
                by_message[receipt].append(state)
        return [[self._verdict(state) for state in states] for states in by_message.values()]

    def _verdict(self, state: MessageState) -> Verdict:
        if state.failure is None:
            self._ask_peers(state)
        if state.failure is not None:
            return Verdict(None, state.failure.code, state.error or "", state.stage)
        targets = state.target_listeners
        return Verdict(targets[0].root_tag if targets else None)

    def _ask_peers(self, state: MessageState) -> None:
        """Fail a message that its sender, a listener that keeps to its peers, may not send."""
        message, targets = state.message, state.target_listeners
        if message is None or not targets or not message.hop or message.in_reply_to is not None:
            return
        sender = self._listeners.get((message.sender or "").lower())
        if sender is None or sender.restriction is None:
            return
        try:
            permitted(self._table, sender, message.to_id or state.to_id, targets[0].contract.root_tag)
        except AgentServerError as exc:
            state.fail("addressing", exc)
