"""What no chain of a queue's file holds: messages that wait, rows that belong to nothing, and the books.

Takes a connection that reads; gives the first fault of each kind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from agentserver.queues.sqlite.chain import row_digest
from agentserver.queues.sqlite.history_fault import Fault, Wrong

_BATCH: Final = 500
"""Messages that are looked at in one statement."""


def strays(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Give the first row of each kind that belongs to nothing: what it belonged to is gone, or it was added."""
    for wrong, detail, chosen in _STRAYS:
        for seq, id_ in connection.execute(chosen):
            yield Fault(wrong, "", 0, id_ or "", f"{detail} (row {seq})")


_STRAYS: Final[tuple[tuple[Wrong, str, str], ...]] = (
    (
        "missing",
        "the conversation of this ending is not there",
        "SELECT e.seq, m.id FROM endings e LEFT JOIN messages m ON m.seq = e.seq"
        " WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.number = e.conversation) ORDER BY e.seq LIMIT 1",
    ),
    (
        "stray",
        "it neither waits nor ended",
        "SELECT seq, id FROM messages m WHERE NOT EXISTS (SELECT 1 FROM endings e WHERE e.seq = m.seq)"
        " AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.seq = m.seq)"
        " AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.seq = m.seq) ORDER BY seq LIMIT 1",
    ),
    (
        "stray",
        "it ended, and waits as well",
        "SELECT w.seq, m.id FROM waiting w JOIN endings e ON e.seq = w.seq LEFT JOIN messages m ON m.seq = w.seq"
        " ORDER BY w.seq LIMIT 1",
    ),
    (
        "missing",
        "the message of what waits is not there",
        "SELECT seq, NULL FROM waiting w WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = w.seq)"
        " ORDER BY seq LIMIT 1",
    ),
    (
        "missing",
        "the message of a dead letter is not there",
        "SELECT seq, NULL FROM dead_letters d WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = d.seq)"
        " ORDER BY seq LIMIT 1",
    ),
)


def open_messages(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Give the first message that waits, or whose ending retention removed, and that is not what was put in."""
    last: int | None = -1
    while last is not None:
        rows, last = connection.execute(_OPEN, (last, _BATCH)), None
        for seq, id_, about, data, digest in rows:
            last = seq
            if row_digest(id_, about, data) != digest:
                yield Fault("edited", "", 0, id_, "it is not what was put in")
                return


_OPEN: Final = """
SELECT seq, id, about, data, digest FROM messages m
WHERE seq > ? AND NOT EXISTS (SELECT 1 FROM endings e WHERE e.seq = m.seq) ORDER BY seq LIMIT ?"""


def books(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Give the sums that do not come out."""
    injected, emitted, settled, dead, waiting, length, forgotten = connection.execute(_SUMS).fetchone()
    if injected + emitted != settled + dead + waiting:
        ends = f"{settled} settled, {dead} dead and {waiting} waiting"
        detail = f"{injected} injected and {emitted} emitted are not {ends}"
        yield Fault("books", "", 0, "", detail)
    if settled + dead != length + forgotten:
        detail = f"{settled} settled and {dead} dead are not {length} endings and {forgotten} that retention removed"
        yield Fault("books", "", 0, "", detail)


_SUMS: Final = """
SELECT injected, emitted, settled, dead, (SELECT count(*) FROM waiting),
  (SELECT coalesce(sum(length), 0) FROM conversations),
  (SELECT coalesce(sum(value), 0) FROM meta WHERE name = 'forgotten')
FROM (SELECT sum(injected) injected, sum(emitted) emitted, sum(settled) settled, sum(dead) dead FROM owners)"""
