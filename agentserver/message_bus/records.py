"""What the history keeps of a message that came to its end, as far as the gate and its handler found it out.

Takes a state and times; gives a `Record`. Made only for a queue that keeps a history, once for each message.
"""

from __future__ import annotations

from typing import Final

from agentserver.errors import Duplicate
from agentserver.message_bus.message_state import MessageState
from agentserver.queues import QueuedMessage, Record

DONE: Final = "done"
DEAD: Final = "dead"
DUPLICATE: Final = "duplicate"
SPLIT: Final = "split"

_made = tuple.__new__  # half the time of a call of the class


def record_of(state: MessageState, ended_at: float, outcome: str = "") -> Record:
    """Return the record of a message.

    Args:
        state: The message, at its end, with its delivery.
        ended_at: When it is settled, in seconds since the epoch.
        outcome: How it ended; what the state says when left out.
    """
    delivery, failure = state.delivery or state.part_of, state.failure
    assert delivery is not None
    message = delivery.message
    code = "" if failure is None else failure.code
    if not outcome:
        outcome = DONE if failure is None else DUPLICATE if type(failure) is Duplicate else DEAD
    targets, tree, thread_id = state.target_listeners, state.payload_tree, state.thread_id
    return _made(Record, (
        message.id, outcome, canonical_of(state, message),
        message.chain[0].thread_id if message.chain else thread_id, thread_id, state.from_id, state.to_id,
        targets[0].root_tag if targets else None, None if tree is None else tree.tag, code,
        delivery.taken_at, ended_at,
    ))  # fmt: skip


def canonical_of(state: MessageState, message: QueuedMessage) -> bytes | None:
    """Return the canonical form of a message, where it has one that differs from the bytes that waited."""
    if message.canonical or state.canonical == message.data:
        return None
    return state.canonical
