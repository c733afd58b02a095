"""What became of a batch, made into one settlement: acks, what handlers emitted, retries and dead letters.

Takes outcomes in order of completion; gives what the queue is told and who is told outside. What handlers returned,
`replies.py` makes messages of; who is told of what failed, `refusals.py` says; what is tried again, `retrying.py`.
Knows no queue and no pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from agentserver.errors import ConversationEnded, Duplicate, told
from agentserver.message_bus.dead_letters import dead_letter_of
from agentserver.message_bus.dispatch import Outcome
from agentserver.message_bus.idempotency import Idempotency
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.lanes import HELD
from agentserver.message_bus.message_ids import child_id
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.records import record_of
from agentserver.message_bus.refusals import Refusals
from agentserver.message_bus.replies import Replies
from agentserver.message_bus.retrying import Retrying
from agentserver.message_bus.routing import RoutingTable
from agentserver.queues import Delivery, QueuedMessage, Settlement


@dataclass(slots=True)
class Handled:
    """A batch at its end: what the queue is told, and what is to be told to who waits outside.

    Args:
        settlement: For the queue.
        states: The messages of the batch that have come to their end.
        leaving: Those of them that failed, or leave the organism.
        again: The messages of the batch that wait once more.
    """

    settlement: Settlement = field(default_factory=Settlement)
    states: list[MessageState] = field(default_factory=list)
    leaving: list[MessageState] = field(default_factory=list)
    again: list[MessageState] = field(default_factory=list)


class Settling:
    """Make settlements of outcomes.

    Args:
        replies: Makes messages of what handlers return.
        table: Knows the contracts.
        clock: Seconds since the epoch.
        refusals: Says who is told of what failed.
        retrying: Says what is tried again.
        joins: Is told what becomes of questions whose answers are given together.
        idempotency: Knows the keys of what is being handled.
        keeps_history: Whether the queue wants a record of each message.
    """

    def __init__(
        self,
        replies: Replies,
        table: RoutingTable,
        *,
        clock: Callable[[], float],
        refusals: Refusals,
        retrying: Retrying,
        joins: Joins,
        idempotency: Idempotency,
        keeps_history: bool = False,
    ) -> None:
        self._replies, self._table, self._clock = replies, table, clock
        self._refusals, self._retrying, self._joins = refusals, retrying, joins
        self._idempotency, self._keeps_history = idempotency, keeps_history
        self._false_claims = 0  # of those outside

    @property
    def false_claims(self) -> int:
        """How often somebody outside, or a handler, claimed to be someone else, or on another thread."""
        return self._false_claims + self._replies.envelopes.total

    def over(self, outcomes: list[Outcome]) -> Handled:
        """Make one settlement of a batch of outcomes."""
        handled, now = Handled(), self._clock()
        settlement, states = handled.settlement, handled.states
        puts, acks, groups = settlement.puts, settlement.acks, self._joins.groups
        for state, result in outcomes:
            if state.error is not None and self._is_tried_again(state, handled):
                continue
            if result is HELD and state.error is None and state.target_listeners:
                self._hold(state, state.target_listeners[0].name, handled)
                continue
            states.append(state)
            before = len(puts)
            if state.error is None and result is not None:
                self._replies.emit(state, result, puts)
            delivery = state.delivery
            if state.metadata:
                self._false_claims += state.metadata.get("false_claims", 0)
            if state.error is not None:
                self._fail(state, result, handled, now)
            elif delivery is not None:
                acks.append(delivery)
                if delivery.message.outbound:
                    self._read_outbound(state, delivery.message.payload_class)
                    handled.leaving.append(state)
            if groups:
                self._joins.account(state, puts[before:])
            if state.joined:
                self._settle_joined(state, handled, now)
        for put in puts:
            put.queued_at = now
        if self._idempotency:
            self._idempotency.record(handled)
        if self._keeps_history:
            settlement.records += [record_of(state, now) for state in states if state.delivery is not None]
        return handled

    def _hold(self, state: MessageState, lane: str, handled: Handled) -> None:
        """Give a message back to the queue, with those that it was to be handled with."""
        for each in (state, *state.joined):
            if each.delivery is not None:
                handled.settlement.held.append((each.delivery, lane))
                handled.again.append(each)

    def _is_tried_again(self, state: MessageState, handled: Handled) -> bool:
        """Let a failed message, and those that it was handled with, wait for another attempt, if there is one."""
        delivery = state.delivery
        if delivery is None:
            return False
        again = self._retrying.again(state, delivery.message)
        if again is None:
            return False
        handled.settlement.retries.append((delivery, again))
        handled.again.append(state)
        state.emitted = 1  # what was charged for it
        if state.joined:
            self._joins.reopen(state, again.deliver_at - self._clock())
        for other in state.joined:
            if other.delivery is not None:
                following = copy(other.delivery.message)
                following.attempt, following.deliver_at = following.attempt + 1, again.deliver_at
                handled.settlement.retries.append((other.delivery, following))
                handled.again.append(other)
        return True

    def _fail(self, state: MessageState, result: Any, handled: Handled, now: float) -> None:
        settlement, delivery, kind = handled.settlement, state.delivery, type(state.failure)
        if kind is not ConversationEnded:  # which its first failure has told
            handled.leaving.append(state)
        if delivery is None:
            return
        if kind is Duplicate:
            settlement.acks.append(delivery)
            return
        exhausted = self._refuse(state, result, delivery.message, settlement.puts)
        letter = dead_letter_of(state, delivery.message, now, exhausted=exhausted)
        settlement.dead.append((delivery, letter))

    def _settle_joined(self, state: MessageState, handled: Handled, now: float) -> None:
        """Let what became of a message become of those that it was handled with."""
        for other in state.joined:
            handled.states.append(other)
            delivery: Delivery | None = other.delivery
            if delivery is None:
                continue
            if state.failure is None:
                handled.settlement.acks.append(delivery)
                continue
            other.fail_as_told(state.stage, state.failure)
            handled.settlement.dead.append((delivery, dead_letter_of(other, delivery.message, now)))

    def _refuse(
        self, state: MessageState, result: Any, message: QueuedMessage, puts: list[QueuedMessage]
    ) -> bool:
        """Put the refusal of a failed message, if somebody takes it; return whether one was told too often."""
        refusal, exhausted = self._refusals.about(state, result)
        if refusal is not None:
            refusal.id = child_id(message, state.sent_early)
            puts.append(refusal)
            state.emitted = 1
        return exhausted

    def _read_outbound(self, state: MessageState, payload_class: type[Any] | None) -> None:
        """Give what leaves the organism as an instance, where its class is known."""
        tree = state.payload_tree
        state.payload = tree
        if payload_class is not None and tree is not None:
            try:
                state.payload = self._table.contract_of(payload_class).read(tree)
            except BaseException as exc:  # noqa: BLE001  # an edge: the class's own code runs here
                state.note(f"left as an element: {told(exc)}")
