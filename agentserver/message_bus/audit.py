"""The audit: one line for each thing that somebody tried and may not do, for whoever watches over the organism.

Takes what happened and who did it; gives one record of the logger `agentserver.audit`, of level WARNING, with the
fields `event`, `listener`, `thread_id`, `message_id` and `detail`. Never holds what is in a message: whoever calls has
taken out what is secret, and quotes no payload.
"""

from __future__ import annotations

import logging
from typing import Final

from agentserver.errors import shorten
from agentserver.message_bus.containment import in_handler

logger = logging.getLogger("agentserver.audit")

FALSE_CLAIM: Final = "false-claim"
"""A handler wrote another sender or thread into an envelope than its own."""
FOREIGN_THREAD: Final = "foreign-thread"
"""Somebody outside went on with a thread that they did not open."""
LATE_REPLY: Final = "late-reply"
"""A handler returned something after its deadline."""
TAMPERING: Final = "tampering"
"""Somebody tried to change what handlers are given."""


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


def audit_tampering(detail: str) -> None:
    """Write the line of an attempt to change what handlers are given, by whoever runs at the moment."""
    whose = in_handler.get()
    audit(TAMPERING, detail, **(whose() if whose is not None else {}))
