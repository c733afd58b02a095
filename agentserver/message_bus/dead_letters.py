"""The dead letter of a message that failed, and its line in the log, both without what only the handler may see.

Takes a failed state; gives what the queue keeps. Decides nothing: whether somebody is told of it, `refusals.py` says.
"""

from __future__ import annotations

import logging
from typing import Final

from agentserver.errors import (
    AgentServerError,
    BindingError,
    Cancelled,
    ConversationEnded,
    Crashed,
    PayloadError,
    RoutingError,
)
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import log_fields
from agentserver.message_bus.records import canonical_of
from agentserver.message_bus.retrying import GIVEN_UP
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
    failure = state.failure
    code, reason = failure.code if failure is not None else "error", _reason(state, message)
    fields = log_fields(
        scrubber_of(state), message_id=message.id, stage=state.stage, code=code, reason=reason,
        from_id=state.from_id, to_id=state.to_id or message.to_id, thread_id=state.thread_id, path=_path(failure),
    )  # fmt: skip
    path, to_id = fields.pop("path"), fields["to_id"]
    if exhausted:
        fields["exhausted"] = True
    if message.attempt:
        fields["attempts"] = message.attempt + 1
    if message.revived:
        fields["revived"] = message.revived
    if isinstance(failure, RoutingError) and failure.remedy:
        fields["remedy"] = failure.remedy
    if message.repairs:
        fields["repairs"] = ", ".join(message.repairs)
    quiet = isinstance(state.failure, ConversationEnded | Cancelled)
    logger.log(logging.DEBUG if quiet else logging.WARNING, "dead letter", extra=fields)
    return DeadLetter(
        message, state.stage, code, reason, state.from_id, state.thread_id, died_at, exhausted,
        canonical_of(state, message), path, to_id,
    )  # fmt: skip


def _reason(state: MessageState, message: QueuedMessage) -> str:
    """Return what was wrong, and what was done about it before."""
    reason = state.error or ""
    if message.recovered:
        reason += RECOVERED
    if message.attempt:
        reason += f" (tried {message.attempt + 1} times)"
    if given_up := state.metadata.get(GIVEN_UP):
        reason += f" ({given_up})"
    if message.crashes and type(state.failure) is not Crashed:
        reason += f" (the process ended {_often(message.crashes)} while it was handled)"
    if message.revived:
        reason += (
            f" (it had been a dead letter {_often(message.revived)}; it was handled again, and failed again)"
        )
    return reason


def _often(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _path(failure: AgentServerError | None) -> str:
    return failure.path if isinstance(failure, PayloadError | BindingError) else ""
