"""The ids of messages that follow from others: always the same for the same parent, so that none is put in twice."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from agentserver.queues import QueuedMessage

MAX_ID_CHARS: Final = 64


def child_id(parent: QueuedMessage | None, index: int) -> str:
    """Return the id of the `index`th message that a handler emitted."""
    if parent is None:
        return f"0.{index}"
    child = f"{parent.id}.{index}"
    if len(child) <= MAX_ID_CHARS:
        return child
    return f"{parent.root_id}.{blake2b(child.encode(), digest_size=16).hexdigest()}"


def id_at_entry(message: QueuedMessage) -> str:
    """Return the id with which a message was taken from the queue: that of its input, for a part of one."""
    whole = message.parent_id
    return whole if whole is not None and message.id.startswith(f"{whole}:") else message.id
