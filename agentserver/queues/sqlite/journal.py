"""The file as a journal: changes go in, several in one commit, and messages come out by their numbers.

Takes changes; gives what came of each. All of a group is on the disk when `commit` returns, or nothing of it: then it
raises what `sqlite3` raised, and may be called again with the same group. Works in one thread; reads rows in one step
each. Knows no time, no thread and no event loop.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final, TypeAlias

from agentserver.queues.protocol import DEFAULT_PRIORITY, QueuedMessage
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.heads import Heads, Links
from agentserver.queues.sqlite.loading import StoredMessage, read_waiting
from agentserver.queues.sqlite.rows import Row, letter_columns, message_row
from agentserver.queues.sqlite.statements import with_rows

_PUT: Final = "INSERT INTO messages (id, data, about, digest) VALUES"
_WAIT: Final = "INSERT INTO waiting (seq, owner) SELECT seq, ? FROM messages WHERE seq BETWEEN ? AND ?"
_WAIT_AS: Final = """
UPDATE waiting SET priority = v.column2, deliver_at = v.column3, attempt = v.column4, crashes = v.column5 FROM (VALUES
"""
_END: Final = "DELETE FROM waiting WHERE owner = ? AND seq IN (SELECT value FROM json_each(?))"
_LINK: Final = "INSERT INTO endings (seq, conversation, place, about, canonical, ended_at, hash) VALUES"
_BEGUN: Final = "INSERT INTO conversations (name, length, head) VALUES"
_GROWN: Final = "UPDATE conversations SET length = v.column3, head = v.column4 FROM (VALUES"
_BURY: Final = """
INSERT INTO dead_letters (seq, canonical, stage, code, reason, path, sender, thread_id, to_id, exhausted, attempt,
crashes, died_at) VALUES
"""
_KEYS: Final = "INSERT INTO keys (key, message_id, settled_at) VALUES"
_ANEW: Final = """
ON CONFLICT (key) DO UPDATE SET message_id = excluded.message_id, settled_at = excluded.settled_at
WHERE keys.settled_at <= {!r}
"""
_BOOKS: Final = "UPDATE owners SET injected = ?, emitted = ?, settled = ?, dead = ? WHERE number = ?"


Counts: TypeAlias = tuple[int, int, int, int]
"""Injected, emitted, settled, dead."""


class _Outdated(Exception):
    """Another process has written to a conversation whose head was thought to be known."""


class _Lost(Exception):
    """Another process has taken over messages that were to be settled."""


class Journal:
    """The one connection that writes.

    Args:
        connection: To a file of today's version, in autocommit mode.
        owner: The number under which this process writes.
        books: What the file says that this owner has injected, emitted, settled and buried.
        key_window_s: Seconds for which a key is known.
    """

    def __init__(self, connection: Connection, owner: int, books: Counts, key_window_s: float) -> None:
        self.connection, self.owner, self.key_window_s = connection, owner, key_window_s
        self.books = books
        self.heads = Heads()

    def commit(self, changes: Sequence[Change], now: float) -> list[Written]:
        """Write changes, in their order, and return once all of it is on the disk.

        Args:
            changes: The changes.
            now: The time, in seconds since the epoch.

        Raises:
            sqlite3.Error: It could not be written; nothing of it was.
        """
        lost: frozenset[int] = frozenset()
        while True:
            group = _Group(changes, lost, now)
            try:
                return self._write(group)
            except _Outdated:
                self.heads.forget()
            except _Lost:
                lost |= self._lost_of(group)

    def read(self, seqs: Sequence[int]) -> list[StoredMessage]:
        """Return those of this process's messages that wait under such numbers, in their order."""
        return read_waiting(self.connection, seqs)

    def _write(self, group: _Group) -> list[Written]:
        connection = self.connection
        unknown = self.heads.unknown(group.ends)
        if unknown:
            self.heads.learn(json.loads(connection.execute(_HEADS, (json.dumps(unknown),)).fetchone()[0]))
        links = self.heads.links(group.ends)
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows = self._put(group)
            if group.gone:
                self._end(group.gone)
            self._link(links)
            self._write_rest(group)
            books = self._books_after(group, rows)
            connection.execute(_BOOKS, (*books, self.owner))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self.books = books
        self.heads.written(links)
        return group.written(rows)

    def _put(self, group: _Group) -> list[Row | None]:
        """Put in what is new; return the row of each, None for those that were there."""
        rows: list[Row | None] = []
        connection = self.connection
        for start in range(0, len(group.rows), 500):
            part = group.rows[start : start + 500]
            cursor = next(with_rows(connection, _PUT, part, "ON CONFLICT (id) DO NOTHING"))
            if not cursor.rowcount:
                rows += [None] * len(part)
                continue
            last = cursor.lastrowid
            assert last is not None
            first = last - cursor.rowcount + 1
            connection.execute(_WAIT, (self.owner, first, last))
            if cursor.rowcount == len(part):
                rows += [Row(seq, row[3]) for seq, row in enumerate(part, first)]
            else:
                rows += self._find(part, first, last)
        as_they_wait = [
            (row.seq, message.priority, message.deliver_at, message.attempt, message.crashes)
            for row, message in zip(rows, group.puts, strict=True)
            if row is not None and _waits_otherwise(message)
        ]
        for _ in with_rows(connection, _WAIT_AS, as_they_wait, ") AS v WHERE waiting.seq = v.column1"):
            pass
        return rows

    def _find(self, part: Sequence[tuple[str, bytes, str, bytes]], first: int, last: int) -> list[Row | None]:
        found = self.connection.execute(
            "SELECT json_group_object(id, seq) FROM messages WHERE seq BETWEEN ? AND ?", (first, last)
        )
        seqs: dict[str, int] = json.loads(found.fetchone()[0])
        rows: list[Row | None] = []
        for id_, _, _, digest in part:
            seq = seqs.pop(id_, None)
            rows.append(Row(seq, digest) if seq is not None else None)
        return rows

    def _end(self, seqs: list[int]) -> None:
        """Strike out of `waiting` what came to its end."""
        first, last, execute = min(seqs), max(seqs), self.connection.execute
        if last - first + 1 == len(seqs):
            ended = execute("DELETE FROM waiting WHERE seq BETWEEN ? AND ? AND owner = ?", (first, last, self.owner))
        else:
            ended = execute(_END, (self.owner, json.dumps(seqs)))
        if ended.rowcount != len(seqs):
            raise _Lost

    def _link(self, made: Links) -> None:
        connection, heads = self.connection, made.heads.values()
        begun = [head for head in heads if head.number is None]
        grown = [(head.number, head.was, head.length, head.hash) for head in heads if head.number is not None]
        for start in range(0, len(begun), 500):
            part = begun[start : start + 500]
            rows = [(head.name, head.length, head.hash) for head in part]
            cursor = next(with_rows(connection, _BEGUN, rows, "ON CONFLICT (name) DO NOTHING"))
            last = cursor.lastrowid
            if cursor.rowcount != len(part) or last is None:
                raise _Outdated
            for number, head in enumerate(part, last - len(part) + 1):
                head.number = number
        same = ") AS v WHERE conversations.number = v.column1 AND conversations.length = v.column2"
        if grown and sum(cursor.rowcount for cursor in with_rows(connection, _GROWN, grown, same)) != len(
            grown
        ):
            raise _Outdated
        for _ in with_rows(connection, _LINK, made.rows()):
            pass

    def _write_rest(self, group: _Group) -> None:
        """Write what most commits have none of."""
        connection = self.connection
        if group.retries:
            seqs = json.dumps([row.seq for row, _ in group.retries])
            mine = "SELECT count(*) FROM waiting WHERE owner = ? AND seq IN (SELECT value FROM json_each(?))"
            if connection.execute(mine, (self.owner, seqs)).fetchone()[0] != len(group.retries):
                raise _Lost
            rows = [(row.seq, m.priority, m.deliver_at, m.attempt, m.crashes) for row, m in group.retries]
            for _ in with_rows(connection, _WAIT_AS, rows, ") AS v WHERE waiting.seq = v.column1"):
                pass
        letters = [_letter_row(end) for end in group.ends if end.letter is not None]
        for _ in with_rows(connection, _BURY, letters):
            pass
        if group.keys:
            keys = [(key, message_id, group.now) for key, message_id in dict(reversed(group.keys)).items()]
            for _ in with_rows(connection, _KEYS, keys, _ANEW.format(group.now - self.key_window_s)):
                pass

    def _books_after(self, group: _Group, rows: Sequence[Row | None]) -> Counts:
        injected, emitted, settled, dead = self.books
        new = [row is not None for row in rows]
        admitted = sum(new[index] for index in group.admitted)
        buried = sum(end.letter is not None for end in group.ends)
        return (
            injected + admitted,
            emitted + sum(new) - admitted,
            settled + len(group.ends) - buried,
            dead + buried,
        )

    def _lost_of(self, group: _Group) -> frozenset[int]:
        meant = [*group.gone, *(row.seq for row, _ in group.retries)]
        mine = "SELECT json_group_array(seq) FROM waiting WHERE owner = ? AND seq IN (SELECT value FROM json_each(?))"
        found = self.connection.execute(mine, (self.owner, json.dumps(meant))).fetchone()[0]
        return frozenset(meant) - frozenset(json.loads(found))


_HEADS: Final = """
SELECT json_group_array(json_array(name, number, length, hex(head))) FROM conversations
WHERE name IN (SELECT value FROM json_each(?))
"""
class _Group:
    """The changes of one commit as one: what all of them put, end and try again."""

    def __init__(self, changes: Sequence[Change], lost: frozenset[int], now: float) -> None:
        self._changes, self._lost, self.now = changes, lost, now
        self.puts = [put for change in changes for put in _puts_of(change, lost)]
        self.rows = [message_row(put, now) for put in self.puts]
        self.ends = [end for change in changes for end in change.ends if end.row.seq not in lost]
        self.gone = [end.row.seq for end in self.ends]
        self.retries = [
            retry for change in changes for retry in change.retries if retry[0].seq not in lost
        ]
        self.keys = [key for change in changes for key in change.keys]
        self.admitted: list[int] = []  # the indexes of those puts that came from outside
        index = 0
        for change in changes:
            count = len(_puts_of(change, lost))
            if change.is_admission:
                self.admitted += range(index, index + count)
            index += count

    def written(self, rows: list[Row | None]) -> list[Written]:
        """Return what came of each change."""
        results, index = [], 0
        for change in self._changes:
            puts = _puts_of(change, self._lost)
            own = rows[index : index + len(puts)]
            index += len(puts)
            if self._lost and len(puts) < len(change.puts):
                by_id = {put.id: row for put, row in zip(puts, own, strict=True)}
                own = [by_id.get(put.id) for put in change.puts]
            results.append(Written(own, self._lost))
        return results


def _puts_of(change: Change, lost: frozenset[int]) -> Sequence[QueuedMessage]:
    """Return what a change puts in, without what messages have emitted that another process will handle."""
    if not lost:
        return change.puts
    ids = {end.message.id for end in change.ends if end.row.seq in lost}
    ids |= {message.id for row, message in change.retries if row.seq in lost}
    return [put for put in change.puts if put.parent_id not in ids]


def _waits_otherwise(message: QueuedMessage) -> bool:
    return bool(
        message.priority != DEFAULT_PRIORITY or message.deliver_at or message.attempt or message.crashes
    )


def _letter_row(end: End) -> tuple[Any, ...]:
    letter = end.letter
    assert letter is not None
    return end.row.seq, letter.canonical, *letter_columns(letter, end.message)
