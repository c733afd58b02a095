"""Short looks at the file from the event loop, while the writer writes: what was settled under a key, who has died.

Takes the connection that reads; gives values. Each look is one statement that reads what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from agentserver.queues.protocol import DEFAULT_PRIORITY, DeadLetter, QueuedMessage
from agentserver.queues.sqlite.rows import is_intact, message_of

_KNOWN: Final = """
SELECT json_group_object(key, message_id) FROM keys
WHERE key IN (SELECT value FROM json_each(?)) AND settled_at > ?
"""
_LETTERS: Final = """
SELECT id, data, about, digest, attempt, crashes, stage, code, reason, d.sender, d.thread_id, d.to_id, died_at,
  exhausted, d.canonical, path
FROM (
  SELECT *, sum(length(data)) OVER (ORDER BY died_at DESC, seq DESC) AS bytes FROM (
    SELECT d.*, m.id, m.data, m.about, m.digest FROM dead_letters d JOIN messages m USING (seq)
    WHERE retried_as IS NULL AND dropped_at IS NULL ORDER BY died_at DESC, seq DESC LIMIT ?
  ) d
) d WHERE bytes <= ? ORDER BY died_at, seq
"""
_OPENER: Final = """
SELECT sender FROM (
  SELECT e.sender, m.hop FROM conversations c JOIN endings e ON e.conversation = c.number JOIN messages m USING (seq)
  WHERE c.name IN (?, ?) ORDER BY e.place LIMIT 20
) WHERE hop = 0 AND sender IS NOT NULL LIMIT 1
"""
_WAITING_OPENERS: Final = """
SELECT thread_id, sender FROM waiting JOIN messages USING (seq)
WHERE hop = 0 AND sender IS NOT NULL AND thread_id IS NOT NULL ORDER BY seq LIMIT ?
"""


def opener_in(connection: Connection, thread_id: str) -> str | None:
    """Return who sent the first message of a conversation; None where it is none, or that was too long ago."""
    found = connection.execute(_OPENER, (thread_id.lower(), thread_id.upper())).fetchone()
    return found[0] if found is not None else None


def waiting_openers(connection: Connection, most: int) -> dict[str, str]:
    """Return who sent the first messages that wait, by their threads in lower case; of up to so many."""
    rows = connection.execute(_WAITING_OPENERS, (most,)).fetchall()
    return {thread_id.lower(): sender for thread_id, sender in reversed(rows)}


def known_keys(connection: Connection, keys: Sequence[str], since: float) -> dict[str, str]:
    """Return those keys under which a message was settled after `since`, each with that message's id."""
    found = connection.execute(_KNOWN, (json.dumps(list(keys)), since)).fetchone()[0]
    ids: dict[str, str] = json.loads(found)
    return ids


def newest_letters(connection: Connection, most: int, max_bytes: int) -> list[DeadLetter]:
    """Return the newest dead letters that nobody has dealt with, oldest first, up to so many and so many bytes."""
    return [_letter(*row) for row in connection.execute(_LETTERS, (most, max_bytes))]


def _letter(
    id_: str, data: bytes, about: str, digest: bytes, attempt: int, crashes: int, stage: str, code: str, reason: str,
    sender: str | None, thread_id: str | None, to_id: str | None, died_at: float, exhausted: int,
    canonical: bytes | None, path: str,
) -> DeadLetter:  # fmt: skip
    if is_intact(id_, data, about, digest):
        message = message_of(id_, data, about, DEFAULT_PRIORITY, 0.0, attempt, crashes)
    else:
        message = QueuedMessage(id_, data, attempt=attempt, crashes=crashes)
    return DeadLetter(
        message, stage, code, reason, sender, thread_id, died_at, bool(exhausted), canonical, path, to_id
    )
