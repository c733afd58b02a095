"""The dead letter of a message that failed, and its line in the log, both without what only the handler may see.

Takes a failed state; gives what the queue keeps. Decides nothing: whether somebody is told of it, `refusals.py` says.
"""

from __future__ import annotations

import logging
from typing import Final

from agentserver.errors import Cancelled, ConversationEnded
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import log_fields
from agentserver.message_bus.secrecy import scrubber_of
from agentserver.queues import DeadLetter, QueuedMessage

logger = logging.getLogger(__name__)

RECOVERED: Final = " (recovered: parts of what its sender wrote may be missing)"


def dead_letter_of(
    state: MessageState, message: QueuedMessage, died_at: float, *, exhausted: bool = False
) -> DeadLetter:
    """Make a dead letter, and log it.

    Args:
        state: The message, failed.
        message: As it waited.
        died_at: When, in seconds since the epoch.
        exhausted: Whether a listener was not told of it, as it had been told too often.
    """
    code = state.failure.code if state.failure is not None else "error"
    reason = state.error or ""
    if message.recovered:
        reason += RECOVERED
    fields = log_fields(
        scrubber_of(state), message_id=message.id, stage=state.stage, code=code, reason=reason,
        from_id=state.from_id, to_id=state.to_id, thread_id=state.thread_id,
    )  # fmt: skip
    if exhausted:
        fields["exhausted"] = True
    if message.repairs:
        fields["repairs"] = ", ".join(message.repairs)
    quiet = isinstance(state.failure, ConversationEnded | Cancelled)
    logger.log(logging.DEBUG if quiet else logging.WARNING, "dead letter", extra=fields)
    return DeadLetter(message, state.stage, code, reason, state.from_id, state.thread_id, died_at, exhausted)
