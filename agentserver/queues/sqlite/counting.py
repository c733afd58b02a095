"""How a queue's file stands: counts of what is in it, at one moment.

Takes a connection that reads; gives a `Counts`. What waits and what is being handled is one count, as the file knows no
difference: only the process that handles does.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """How a file stands.

    Args:
        waiting: Messages that are not at their end, those that are being handled included.
        later: Those of them that wait for a time to come.
        held: Those of them that a process has in hand, to handle or to hand out.
        oldest_at: When the oldest of them was put in; 0 when nothing waits.
        dead_letters: Dead letters that nobody has dealt with.
        ended: Messages that came to their end, by outcome, as far as they are kept.
        conversations: Conversations of which an ending is kept.
        injected: Messages that came in over the life of the file.
        emitted: Messages that handlers sent.
        settled: Messages that were handled.
        dead: Messages that were given up on.
    """

    waiting: int
    later: int
    held: int
    oldest_at: float
    dead_letters: int
    ended: dict[str, int]
    conversations: int
    injected: int
    emitted: int
    settled: int
    dead: int

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost and nothing came from nowhere."""
        return self.injected + self.emitted == self.settled + self.dead + self.waiting


def counts(connection: sqlite3.Connection, now: float) -> Counts:
    """Count.

    Args:
        connection: The file.
        now: The time, in seconds since the epoch.
    """
    connection.execute("BEGIN")  # one moment for all
    try:
        waiting, later, held = connection.execute(
            "SELECT count(*), coalesce(sum(deliver_at > ?), 0), coalesce(sum(owner <> 0), 0) FROM waiting",
            (now,),
        ).fetchone()
        oldest = connection.execute(
            "SELECT m.queued_at FROM waiting w JOIN messages m ON m.seq = w.seq ORDER BY w.seq LIMIT 1"
        ).fetchone()
        open_letters = connection.execute(
            "SELECT count(*) FROM dead_letters WHERE retried_as IS NULL AND dropped_at IS NULL"
        ).fetchone()[0]
        ended = dict(
            connection.execute("SELECT outcome, count(*) FROM endings GROUP BY outcome ORDER BY outcome")
        )
        kept = connection.execute("SELECT count(*) FROM conversations").fetchone()[0]
        books = connection.execute(
            "SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM owners"
        ).fetchone()
    finally:
        connection.rollback()
    oldest_at = oldest[0] if oldest is not None else 0.0
    return Counts(waiting, later, held, oldest_at, open_letters, ended, kept, *books)
