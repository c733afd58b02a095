"""The audit: one line for each thing that somebody tried and may not do, for whoever watches over the organism.

Takes what happened and who did it; gives one record of the logger `agentserver.audit`, of level WARNING, with the
fields `event`, `listener`, `thread_id`, `message_id` and `detail`. Never holds what is in a message: whoever calls has
taken out what is secret, and quotes no payload.
"""

from __future__ import annotations

import logging
from typing import Final

from agentserver.errors import shorten
from agentserver.message_bus.message_state import MessageState

logger = logging.getLogger("agentserver.audit")

FALSE_CLAIM: Final = "false-claim"
"""A handler wrote another sender or thread into an envelope than its own."""
LATE_REPLY: Final = "late-reply"
"""A handler returned something after its deadline."""
TAMPERING: Final = "tampering"
"""Somebody tried to change what handlers are given."""

_FORBIDDEN: Final = frozenset({"not-allowed", "privileged"})
"""Codes of the answers that get a line: the listener may not address that one, or may not send that payload."""


def audit(
    event: str,
    detail: str,
    *,
    listener: str | None = None,
    thread_id: str | None = None,
    message_id: str | None = None,
) -> None:
    """Write one line.

    Args:
        event: What happened, in one kebab-case word.
        detail: In words.
        listener: Whose handler did it, or who outside; None when nobody knows.
        thread_id: On which thread.
        message_id: While handling which message, or with which.
    """
    fields = {
        "event": event, "listener": listener, "thread_id": thread_id, "message_id": message_id,
        "detail": shorten(detail),
    }  # fmt: skip
    logger.warning(event, extra=fields)


def audit_refused_reply(state: MessageState) -> None:
    """Write the line of a handler's answer that was not sent; its failure is recorded already."""
    if state.failure is None or state.failure.code not in _FORBIDDEN:
        return  # a mistake, and no attempt at what is forbidden
    message = state.message
    audit(
        state.failure.code,
        state.error or "",
        listener=state.target_listeners[0].name if state.target_listeners else None,
        thread_id=state.thread_id,
        message_id=message.id if message is not None else None,
    )
