"""How a queue's file stands: counts of what is in it, at one moment.

Takes a connection that reads, and what the processes say that they are handling; gives a `Counts`. The file itself
knows no difference between what waits and what is being handled.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

MOST_ASKED: Final = 100_000
"""Messages of which it is looked up for whom they wait: the oldest, so that a look at a long queue takes a moment."""
_START_BYTES: Final = 2_048

_OPEN: Final = """
SELECT count(*), coalesce(sum(deliver_at > ?), 0), coalesce(sum(seq IN (SELECT value FROM json_each(?))), 0)
FROM waiting
"""
_TARGETS: Final = """
SELECT CASE WHEN json_valid(about) THEN lower(coalesce(to_id, target)) END, substr(data, 1, ?)
FROM waiting JOIN messages USING (seq)
WHERE seq NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?
"""
_DEALT_WITH: Final = """
SELECT count(*) FROM endings JOIN dead_letters USING (seq) WHERE retried_as IS NOT NULL OR dropped_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How a file stands.

    Args:
        open: Messages that are not at their end: those that wait, and those that are being handled.
        later: Those of them that wait for a time to come.
        handled: Those of them that are being handled, as far as is known.
        by_target: How many of the oldest that wait are for whom, most first; listeners, or the roots of payloads that
            name nobody, in lower case, as far as a glance tells.
        oldest_at: When the oldest that is open was put in; 0 when nothing is.
        dead_letters: Dead letters that nobody has dealt with.
        dealt_with: Those in the history that died, and were put in again or dropped since.
        ended: Messages that came to their end, by outcome, as far as they are kept.
        conversations: Conversations of which an ending is kept.
        injected: Messages that came in over the life of the file.
        emitted: Messages that handlers sent.
        settled: Messages that were handled.
        dead: Messages that were given up on.
    """

    open: int
    later: int
    handled: int
    by_target: dict[str, int]
    oldest_at: float
    dead_letters: int
    dealt_with: int
    ended: dict[str, int]
    conversations: int
    injected: int
    emitted: int
    settled: int
    dead: int

    @property
    def waiting(self) -> int:
        """Messages that wait, and are not being handled."""
        return self.open - self.handled

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost and nothing came from nowhere."""
        return self.injected + self.emitted == self.settled + self.dead + self.open


def counts(
    connection: sqlite3.Connection, now: float, handled: Collection[int], claim: Callable[[bytes], str | None]
) -> Counts:
    """Count.

    Args:
        connection: The file.
        now: The time, in seconds since the epoch.
        handled: What is being handled, by seq.
        claim: Tells of the first bytes of a message whom they say that it is for, in lower case.
    """
    marked = json.dumps(list(handled))
    connection.execute("BEGIN")  # one moment for all
    try:
        is_open, later, taken = connection.execute(_OPEN, (now, marked)).fetchone()
        targets = connection.execute(_TARGETS, (_START_BYTES, marked, MOST_ASKED))
        by_target = _most_first(Counter(name or claim(data) for name, data in targets))
        oldest = connection.execute(
            "SELECT m.queued_at FROM waiting w JOIN messages m ON m.seq = w.seq ORDER BY w.seq LIMIT 1"
        ).fetchone()
        open_letters = connection.execute(
            "SELECT count(*) FROM dead_letters WHERE retried_as IS NULL AND dropped_at IS NULL"
        ).fetchone()[0]
        dealt_with = connection.execute(_DEALT_WITH).fetchone()[0]
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
    return Counts(is_open, later, taken, by_target, oldest_at, open_letters, dealt_with, ended, kept, *books)


def _most_first(counted: Counter[str | None]) -> dict[str, int]:
    known = [(name, count) for name, count in counted.items() if name is not None]
    return dict(sorted(known, key=lambda pair: (-pair[1], pair[0])))
