"""The rows of one commit, made of several changes.

Takes changes, and what was found of the file that they do not know of; gives rows for `inbox.py`, and then what came of
each change. Runs no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from agentserver.queues.protocol import DEFAULT_PRIORITY, QueuedMessage
from agentserver.queues.sqlite.chain import encoded, row_digest
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.inbox import BOOKS, BURY, KEY, PUT, WAIT_AS, InboxRow
from agentserver.queues.sqlite.rows import Row, about_message, letter_columns


class Found(NamedTuple):
    """What was found of the file.

    Args:
        ids: Of messages that are in it already, among those that were to be put in.
        lost: By seq, messages that are not this process's any more, among those that were to be settled.
    """

    ids: frozenset[str] = frozenset()
    lost: frozenset[int] = frozenset()


class Draft:
    """What one commit writes.

    Args:
        changes: In their order.
        found: What was found of the file.
        next_seq: The number of the next new message.
        now: The time, in seconds since the epoch.

    Attributes:
        ends: All endings.
        next_seq: As given, behind the messages of this draft.
    """

    def __init__(self, changes: Sequence[Change], found: Found, next_seq: int, now: float) -> None:
        self._changes, self.found, self._now = changes, found, now
        lost = found.lost
        self.ends: list[End] = [end for change in changes for end in change.ends if end[0][0] not in lost]
        self._retries = [each for change in changes for each in change.retries if each[0].seq not in lost]
        self._puts: list[InboxRow] = []
        self._otherwise: list[InboxRow] = []  # of those new messages that do not wait as most do
        self._written: list[Written] = []
        self._admitted = 0
        self.next_seq = next_seq
        self._there = set(found.ids)
        for change in changes:
            before = len(self._puts)
            gone = _lost_parents(change, lost) if lost else frozenset()
            self._written.append(Written(self._put(change.puts, gone), lost))
            if change.is_admission:
                self._admitted += len(self._puts) - before

    @property
    def ids(self) -> list[str]:
        """Ids of the messages that are to be put in."""
        return [put.id for change in self._changes for put in change.puts]

    @property
    def touched(self) -> list[int]:
        """Numbers of the messages that are to end, or to be tried again."""
        return [*(end.row.seq for end in self.ends), *(row.seq for row, _ in self._retries)]

    @property
    def size(self) -> int:
        """About how many bytes it writes."""
        return sum([len(row[3]) for row in self._puts]) + 600 * (len(self._puts) + len(self.ends))

    def books(self, before: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return the books as they are after this commit."""
        injected, emitted, settled, dead = before
        buried = sum([end[3] is not None for end in self.ends])
        return (
            injected + self._admitted,
            emitted + len(self._puts) - self._admitted,
            settled + len(self.ends) - buried,
            dead + buried,
        )

    def rows(
        self, links: list[InboxRow], books: tuple[int, int, int, int], keys_since: float
    ) -> list[InboxRow]:
        """Return all rows.

        Args:
            links: Those of the endings and of their conversations.
            books: The books after it.
            keys_since: A key that was settled before is known no more.
        """
        rows = [*self._puts, *(_waits_as(row.seq, message) for row, message in self._retries), *links]
        rows += [_buried(end) for end in self.ends if end[3] is not None]
        keys = {
            key: message_id for change in reversed(self._changes) for key, message_id in reversed(change.keys)
        }
        rows += [(KEY, key, id_, self._now, keys_since, None, None, None) for key, id_ in keys.items()]
        rows += self._otherwise
        rows.append((BOOKS, *books, None, None, None))
        return rows

    def written(self) -> list[Written]:
        """Return what came of each change, once this is written."""
        return self._written

    def _put(self, messages: Sequence[QueuedMessage], gone: frozenset[str]) -> list[Row | None]:
        """Make the rows of messages; return those of `waiting`, None for one that is not put in."""
        there, puts, now, seq = self._there, self._puts, self._now, self.next_seq
        rows: list[Row | None] = []
        for message in messages:
            id_, data = message.id, message.data
            if id_ in there or (gone and message.parent_id in gone):
                rows.append(None)
                continue
            there.add(id_)
            about = about_message(message, now)
            digest = row_digest(id_, about, data)
            puts.append((PUT, seq, id_, data, about, digest, None, None))
            if (
                message.priority != DEFAULT_PRIORITY
                or message.deliver_at
                or message.attempt
                or message.crashes
            ):
                self._otherwise.append(_waits_as(seq, message))
            rows.append(_made(Row, (seq, digest)))
            seq += 1
        self.next_seq = seq
        return rows


_made: Final = tuple.__new__
"""Half the time of a call of a named tuple's class."""


def _lost_parents(change: Change, lost: frozenset[int]) -> frozenset[str]:
    """Return the ids of those messages of a change that another process will handle, with all that they emit."""
    ids = [end.message.id for end in change.ends if end.row.seq in lost]
    return frozenset(ids + [message.id for row, message in change.retries if row.seq in lost])


def _waits_as(seq: int, message: QueuedMessage) -> InboxRow:
    return (
        WAIT_AS, seq, message.priority, float(message.deliver_at), message.attempt, message.crashes, None, None
    )  # fmt: skip


def _buried(end: End) -> InboxRow:
    letter = end.letter
    assert letter is not None
    *columns, died_at = letter_columns(letter, end.message)
    return BURY, end.row.seq, letter.canonical, encoded(columns), died_at, None, None, None
