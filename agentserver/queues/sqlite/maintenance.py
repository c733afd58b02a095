"""What somebody decides about dead letters: to try a message again, or to let it be.

Takes a connection that changes, in its transaction, and ids; gives what was done. Whatever is decided, the message and
its ending stay as they are, since they are history: only what is noted of the dead letter changes. A message that is
tried again is a new one, with an id that tells of the old one, and the books count it as put in. Whoever runs on the
file finds it there.
"""

from __future__ import annotations

import sqlite3
from copy import copy
from typing import Final, Literal, NamedTuple, TypeAlias

from agentserver.queues.protocol import DEFAULT_PRIORITY, QueuedMessage
from agentserver.queues.sqlite.reading import AGAIN, Entry, entry
from agentserver.queues.sqlite.rows import message_row

Verdict: TypeAlias = Literal["done", "unknown", "no-letter", "retried", "dropped"]
"""What came of it: it was done; or there is no such message, it did not die, or it was dealt with before."""

NOBODY: Final = 0
"""The owner of what waits until some process takes it in."""


class Done(NamedTuple):
    """What came of one id.

    Args:
        message_id: The id.
        verdict: What came of it.
        entry: The dead letter, as it was before, and without its bytes; None where there is none.
        new_id: The id of the message that it is tried again as; empty otherwise.
    """

    message_id: str
    verdict: Verdict
    entry: Entry | None = None
    new_id: str = ""


def retry(connection: sqlite3.Connection, message_id: str, now: float) -> Done:
    """Put a dead letter in again, at the front of the pipeline: its bytes as they were sent, its sender, its lineage.

    Args:
        connection: In a transaction.
        message_id: The dead letter.
        now: The time, in seconds since the epoch.
    """
    done = look(connection, message_id)
    if done.verdict != "done" or done.entry is None:
        return done
    dead = entry(connection, message_id, with_bytes=True)
    assert dead is not None, "it was there, and nobody else writes"
    message = _again(dead.message, _free_id(connection, message_id), now)
    connection.execute(
        "INSERT INTO messages (id, data, about, digest) VALUES (?, ?, ?, ?)", message_row(message, now)
    )
    connection.execute(
        "INSERT INTO waiting (seq, owner) SELECT seq, ? FROM messages WHERE id = ?", (NOBODY, message.id)
    )
    connection.execute("UPDATE owners SET injected = injected + 1 WHERE number = ?", (NOBODY,))
    connection.execute("UPDATE dead_letters SET retried_as = ? WHERE seq = ?", (message.id, done.entry.seq))
    return done._replace(new_id=message.id)


def drop(connection: sqlite3.Connection, message_id: str, now: float) -> Done:
    """Note that nothing more is to be done about a dead letter. Its ending stays, as long as any."""
    done = look(connection, message_id)
    if done.verdict == "done" and done.entry is not None:
        connection.execute("UPDATE dead_letters SET dropped_at = ? WHERE seq = ?", (now, done.entry.seq))
    return done


def look(connection: sqlite3.Connection, message_id: str) -> Done:
    """Tell what would come of a decision about an id, and decide nothing."""
    found = entry(connection, message_id)
    if found is None:
        return Done(message_id, "unknown")
    if found.letter is None:
        return Done(message_id, "no-letter", found)
    if found.retried_as is not None:
        return Done(message_id, "retried", found)
    if found.dropped_at:
        return Done(message_id, "dropped", found)
    return Done(message_id, "done", found)


def _again(message: QueuedMessage, new_id: str, now: float) -> QueuedMessage:
    """Return a message as it is to be tried again: what was counted of its life before begins anew."""
    again = copy(message)
    again.id, again.revived, again.queued_at = new_id, message.revived + 1, now
    again.attempt = again.crashes = 0
    again.deliver_at, again.priority = 0.0, DEFAULT_PRIORITY
    return again


def _free_id(connection: sqlite3.Connection, message_id: str) -> str:
    """Return the id of the next try: `7f-1~1` of `7f-1`, `7f-1~2` of `7f-1~1`."""
    found = AGAIN.search(message_id)
    base, number = (message_id[: found.start()], int(found[0][1:])) if found else (message_id, 0)
    while True:
        number += 1
        wanted = f"{base}~{number}"
        if connection.execute("SELECT 1 FROM messages WHERE id = ?", (wanted,)).fetchone() is None:
            return wanted
