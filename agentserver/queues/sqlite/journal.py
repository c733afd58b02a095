"""The file as a journal: changes go in, several in one commit, and messages come out by their numbers.

Takes changes; gives what came of each. All of a group is on the disk when `commit` returns, or nothing of it: then it
raises what `sqlite3` raised, and may be called again with the same group. It writes what it thinks will fit, as nobody
else usually writes; where that was wrong, it looks at the file and writes again. Works in one thread. Knows no time, no
thread and no event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final, TypeAlias

from agentserver.queues.sqlite import inbox, retention
from agentserver.queues.sqlite.changes import Change, Written
from agentserver.queues.sqlite.checkpoint import Checkpoints
from agentserver.queues.sqlite.draft import Draft, Found
from agentserver.queues.sqlite.heads import Heads
from agentserver.queues.sqlite.loading import StoredMessage, read_waiting

Counts: TypeAlias = tuple[int, int, int, int]
"""Injected, emitted, settled, dead."""

COMMIT_BYTES: Final = 10 * 4_096
"""About what a commit of one message writes."""
MAX_TRIES: Final = 20
"""Attempts at one group, each of which another process may spoil by what it writes meanwhile."""

_HEADS: Final = """
SELECT json_group_array(json_array(name, number, length, hex(head))) FROM conversations
WHERE name IN (SELECT value FROM json_each(?))
"""
_NEXT: Final = """
SELECT (SELECT coalesce(max(seq), 0) + 1 FROM messages), (SELECT coalesce(max(number), 0) + 1 FROM conversations)
"""
_THERE: Final = "SELECT json_group_array(id) FROM messages WHERE id IN (SELECT value FROM json_each(?))"
_MINE: Final = """
SELECT json_group_array(seq) FROM waiting WHERE owner = ? AND seq IN (SELECT value FROM json_each(?))
"""


class Journal:
    """The one connection that writes.

    Args:
        connection: To a file of today's version, in autocommit mode.
        owner: The number under which this process writes.
        books: What the file says that this owner has injected, emitted, settled and buried.
        key_window_s: Seconds for which a key is known.
        checkpoints: Is told how much was written.
    """

    def __init__(
        self,
        connection: Connection,
        owner: int,
        books: Counts,
        key_window_s: float,
        checkpoints: Checkpoints,
    ) -> None:
        self._checkpoints = checkpoints
        self.connection, self.owner, self.key_window_s = connection, owner, key_window_s
        self.books = books
        self._next_seq, next_number = connection.execute(_NEXT).fetchone()
        self.heads = Heads(next_number)
        self.alone = True
        """Whether no other process has the file open, as far as anybody has looked."""
        inbox.prepare(connection, owner)
        retention.prepare(connection)

    def commit(self, changes: Sequence[Change], now: float) -> list[Written]:
        """Write changes, in their order, and return once all of it is on the disk.

        Args:
            changes: The changes.
            now: The time, in seconds since the epoch.

        Raises:
            sqlite3.Error: It could not be written; nothing of it was.
            ValueError: Something of it can never be written, as it is of a wrong type.
        """
        found = Found()
        for attempt in range(MAX_TRIES):
            draft = Draft(changes, found, self._next_seq, now)
            unknown = self.heads.unknown(draft.ends)
            if unknown:
                self._learn(unknown)
            links = self.heads.links(draft.ends)
            books = draft.books(self.books)
            rows = draft.rows(links.rows, books, now - self.key_window_s)
            try:
                self._write(rows)
            except sqlite3.IntegrityError as exc:
                if attempt == MAX_TRIES - 1:
                    raise ValueError("what is to be written does not fit into the file") from exc
                found = self._look(draft)
                continue
            self.books, self._next_seq = books, draft.next_seq
            self.heads.written(links)
            self._checkpoints.written += draft.size + COMMIT_BYTES
            break
        return draft.written()

    def add_books(self, more: Counts) -> None:
        """Note books that were taken over, and stand in the file already."""
        injected, emitted, settled, dead = (a + b for a, b in zip(self.books, more, strict=True))
        self.books = injected, emitted, settled, dead

    def read(self, seqs: Sequence[int]) -> list[StoredMessage]:
        """Return those of this process's messages that wait under such numbers, in their order."""
        return read_waiting(self.connection, seqs)

    def refresh(self) -> None:
        """Look anew at what is in the file, as something other than a commit has written to it."""
        self._next_seq, next_number = self.connection.execute(_NEXT).fetchone()
        self.heads.forget(next_number)

    def _write(self, rows: list[inbox.InboxRow]) -> None:
        if self.alone:
            inbox.write(self.connection, rows)
        else:
            with self._checkpoints.writing():
                inbox.write(self.connection, rows)

    def _look(self, draft: Draft) -> Found:
        """Find out what is otherwise than was thought."""
        self.refresh()
        execute = self.connection.execute
        there = json.loads(execute(_THERE, (json.dumps(draft.ids),)).fetchone()[0])
        mine = json.loads(execute(_MINE, (self.owner, json.dumps(draft.touched))).fetchone()[0])
        return Found(frozenset(there), frozenset(draft.touched) - frozenset(mine) | draft.found.lost)

    def _learn(self, names: Sequence[str]) -> None:
        self.heads.learn(json.loads(self.connection.execute(_HEADS, (json.dumps(names),)).fetchone()[0]))
