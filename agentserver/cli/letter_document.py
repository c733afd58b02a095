"""A dead letter for people and for programs: what happened to it, and where it stands. Nothing of what is in it.

Takes an entry of a queue's file; gives plain values. Reasons were cleared of secrets when they were written.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from agentserver.cli.moments import shown_time
from agentserver.queues.sqlite.reading import Entry


def letter_document(entry: Entry) -> dict[str, Any]:
    """Return what `--json` tells of a dead letter."""
    letter, message = entry.letter, entry.message
    assert letter is not None, "only dead letters are shown as such"
    return {
        "id": message.id,
        "standing": entry.standing,
        "died_at": shown_time(letter.died_at),
        "code": letter.code,
        "stage": letter.stage,
        "reason": letter.reason,
        "path": letter.path or None,
        "from": letter.sender,
        "to": letter.to_id,
        "listener": entry.listener,
        "tag": entry.tag,
        "thread": letter.thread_id,
        "conversation": entry.conversation or None,
        "attempts": letter.attempts,
        "crashes": message.crashes,
        "revived": message.revived,
        "retried_as": entry.retried_as,
        "dropped_at": shown_time(entry.dropped_at) if entry.dropped_at else None,
        "bytes": entry.size,
    }


def full_document(entry: Entry) -> dict[str, Any]:
    """Return what `dead show --json` tells, but for the bytes and the other tries."""
    message = entry.message
    letter = entry.letter
    return {
        **letter_document(entry),
        "exhausted": letter.exhausted if letter is not None else False,
        "sha256": sha256(message.data).hexdigest(),
        "chain": [
            {"name": frame.name, "thread": frame.thread_id, "message": frame.message_id}
            for frame in message.chain
        ],
        "parent": message.parent_id,
        "hop": message.hop,
        "in_reply_to": message.in_reply_to,
        "key": message.key,
        "repairs": list(message.repairs),
        "queued_at": shown_time(message.queued_at) if message.queued_at else None,
        "began_at": shown_time(entry.began_at) if entry.began_at else None,
    }


def told_reason(entry: Entry) -> str:
    """Return the reason in words, with what a message that was tried again adds to it."""
    letter, revived = entry.letter, entry.message.revived
    reason = letter.reason if letter is not None else ""
    return f"put in again {times(revived)}, and failed again: {reason}" if revived else reason


def times(count: int) -> str:
    """Return `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
