"""Between the queue and the gate: deliveries become states, and the parts of one input become deliveries of their own.

What a state holds when it enters is decided here; what it becomes, in the steps and in `replies.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentserver.errors import Crashed, WireError
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.conversations import Conversations
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.message_state import MessageState
from agentserver.queues import Delivery, MessageQueue, QueuedMessage
from agentserver.wire import canonical


def state_of(delivery: Delivery) -> MessageState:
    """Return the state with which a delivery enters the gate."""
    message = delivery.message
    state = MessageState(message.data)
    state.thread_id, state.from_id, state.delivery = message.thread_id, message.sender, delivery
    if message.repairs:
        state.metadata["repairs"] = message.repairs
        state.note(f"what it was written in was repaired: {', '.join(message.repairs)}")
        if message.recovered:
            state.metadata["recovered"] = True
    return state


def fail_crashed(states: Batch, limit: int, *, entering: bool) -> None:
    """Fail those of states with which the process has ended too often.

    Args:
        states: Those about to enter the gate, or those that have passed it.
        limit: How often that may be, by `limits.crashes`.
        entering: Whether they are about to enter. Who has reached the limit passes the gate once more, so that it is
            known whose message it is; who is beyond does not, as it may be the gate that ends the process.
    """
    for state in states:
        message = state.message
        if message is not None and message.crashes >= limit + entering:
            state.fail("queue", Crashed(message.crashes, limit))


def note_taken(deliveries: Iterable[Delivery], now: float) -> None:
    """Note when deliveries were taken, in seconds since the epoch."""
    for delivery in deliveries:
        delivery.taken_at = now


async def adopt(
    batch: Batch, queue: MessageQueue, conversations: Conversations, budget: Budget, joins: Joins
) -> None:
    """Tell the queue of inputs that became several messages, and give each of those its own delivery."""
    parts: dict[Delivery, Batch] = {}
    for state in batch:
        if state.delivery is None and state.part_of is not None:
            parts.setdefault(state.part_of, []).append(state)
    for delivery, states in parts.items():
        parent = delivery.message
        messages = [_part_message(parent, index, state) for index, state in enumerate(states)]
        conversations.split(parent.conversation_id, len(messages))
        joins.copied(parent, len(messages))
        for state, part in zip(states, await queue.split(delivery, messages), strict=True):
            state.delivery, part.taken_at = part, delivery.taken_at
        budget.divide(parent, states)


def _part_message(parent: QueuedMessage, index: int, state: MessageState) -> QueuedMessage:
    """Return what the queue keeps of one part of an input."""
    target = state.target_listeners[0].root_tag if state.target_listeners else parent.target
    part = QueuedMessage(
        f"{parent.id}:{index}", _bytes_of(state, parent), parent.sender, parent.thread_id,
        parent.chain, state.canonical is not None, parent.outbound, target, parent.id, parent.hop,
    )  # fmt: skip
    part.first_line, part.sent_on = parent.first_line, parent.sent_on
    part.version, part.repairs, part.key = parent.version, parent.repairs, parent.key
    part.queued_at, part.priority = parent.queued_at, parent.priority
    part.in_reply_to, part.joint = parent.in_reply_to, parent.joint
    return part


def _bytes_of(state: MessageState, parent: QueuedMessage) -> bytes:
    if state.canonical is not None:
        return state.canonical
    try:
        return canonical(state.envelope_tree) if state.envelope_tree is not None else parent.data
    except WireError:  # it has no canonical form, which is what it fails for
        return parent.data
