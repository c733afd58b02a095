"""What a queue's file holds, for whoever looks at it: letters, conversations, counts.

Takes a connection that reads; gives plain values, and never changes anything. Each call sees one moment of the file,
and two may see two. Knows SQL; decides nothing about what is shown.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from agentserver.queues.protocol import DEFAULT_PRIORITY, DeadLetter, QueuedMessage
from agentserver.queues.sqlite.rows import message_of

Standing: TypeAlias = Literal["waiting", "done", "dead", "duplicate", "split", "revived", "dropped"]
"""Where a message is; `revived` and `dropped` are dead letters that somebody has dealt with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the file, wherever it is.

    Args:
        seq: Its number: messages were put in in this order.
        message: The message, as it waits or waited; most calls leave its bytes out.
        standing: Where it is.
        conversation: The name of its conversation, the root thread; empty where nobody knew it.
        place: The how-manieth of its conversation to end; 0 while it is open, and when its ending was removed.
        sender: Who sent it, as the gate found out, or as it waits.
        thread_id: Its thread, likewise.
        to_id: Whom it is for, likewise.
        listener: Key of the listener that handled it.
        tag: Root tag of its payload.
        code: What it failed with; empty when it did not.
        began_at: When it was taken, in seconds since the epoch; 0 while it waits.
        ended_at: When it was settled; 0 while it is open.
        canonical: Its canonical form, where that is not its bytes, and where these are given.
        size: How long the message is, in bytes.
        letter: Its dead letter, if it is one.
        retried_as: Id of the message that it was put in as again.
        dropped_at: When somebody decided that nothing more is to be done; 0 while nobody did.
    """

    seq: int
    message: QueuedMessage
    standing: Standing
    conversation: str
    place: int
    sender: str | None
    thread_id: str | None
    to_id: str | None
    listener: str | None
    tag: str | None
    code: str
    began_at: float
    ended_at: float
    canonical: bytes | None
    size: int
    letter: DeadLetter | None
    retried_as: str | None
    dropped_at: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant: those that all of these hold for.

    Args:
        ids: Those with these ids; any when empty.
        listener: Sent to a listener of this name or key, or handled by it; case does not matter.
        code: That failed with this code.
        stage: At this stage.
        sender: Sent by this sender.
        thread_id: On this thread, or in this conversation.
        since: That died then or later, in seconds since the epoch.
        until: That died before then.
        limit: So many at most, the oldest first; all when 0.
        dealt_with: Also those that were retried or dropped.
    """

    ids: tuple[str, ...] = ()
    listener: str | None = None
    code: str | None = None
    stage: str | None = None
    sender: str | None = None
    thread_id: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 0
    dealt_with: bool = False


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


_COLUMNS: Final = """
SELECT m.seq, m.id, {data}, length(m.data), m.about,
  coalesce(w.priority, {priority}), coalesce(w.deliver_at, 0),
  coalesce(w.attempt, d.attempt, e.attempt, 0), coalesce(w.crashes, d.crashes, 0),
  coalesce(c.name, m.conversation), coalesce(e.place, 0), e.outcome,
  coalesce(d.sender, e.sender, m.sender), coalesce(d.thread_id, e.thread_id, m.thread_id),
  coalesce(d.to_id, e.to_id, m.to_id), e.listener, e.tag, coalesce(d.code, e.code, ''),
  coalesce(e.began_at, 0), coalesce(e.ended_at, 0), {canonical},
  d.stage, d.reason, d.path, d.exhausted, d.died_at, d.retried_as, coalesce(d.dropped_at, 0)"""
_WITH_BYTES: Final = _COLUMNS.format(
    data="m.data", canonical="coalesce(d.canonical, e.canonical)", priority=DEFAULT_PRIORITY
)
_WITHOUT_BYTES: Final = _COLUMNS.format(data="x''", canonical="NULL", priority=DEFAULT_PRIORITY)
_JOINED: Final = """
LEFT JOIN waiting w ON w.seq = m.seq
LEFT JOIN endings e ON e.seq = m.seq
LEFT JOIN conversations c ON c.number = e.conversation
LEFT JOIN dead_letters d ON d.seq = m.seq"""
_MESSAGES: Final = f"FROM messages m {_JOINED}"
_LETTERS: Final = f"FROM dead_letters l CROSS JOIN messages m ON m.seq = l.seq {_JOINED}"
_OF_CONVERSATION: Final = """WHERE m.seq IN (
  SELECT e.seq FROM endings e JOIN conversations c ON c.number = e.conversation WHERE c.name = :name
  UNION SELECT w.seq FROM waiting w JOIN messages m ON m.seq = w.seq WHERE m.conversation = :name)
ORDER BY m.seq"""
AGAIN: Final = re.compile(r"~[0-9]+\Z")
"""What the id of a message ends with that was put in again."""
_BATCH: Final = 100
"""Rows that are in memory at once, as each may be a megabyte."""


def entries(connection: sqlite3.Connection, conversation: str) -> list[Entry]:
    """Return the messages of a conversation, without their bytes, in the order in which they were put in."""
    chosen = _sql(_WITHOUT_BYTES, _MESSAGES, _OF_CONVERSATION)
    return [_entry(row) for row in connection.execute(chosen, {"name": conversation})]


def entry(connection: sqlite3.Connection, message_id: str, *, with_bytes: bool = False) -> Entry | None:
    """Return the message of an id; without its bytes, unless they are wanted."""
    columns = _WITH_BYTES if with_bytes else _WITHOUT_BYTES
    row = connection.execute(_sql(columns, _MESSAGES, "WHERE m.id = ?"), (message_id,)).fetchone()
    return None if row is None else _entry(row)


def tries(connection: sqlite3.Connection, message_id: str) -> list[Entry]:
    """Return a message with all its tries, without their bytes, first to last: `7f-1`, `7f-1~1`, `7f-1~2`."""
    base = AGAIN.sub("", message_id)
    bounds = (base, f"{base}~", f"{base}~:")  # a colon follows the digits
    chosen = _sql(_WITHOUT_BYTES, _MESSAGES, "WHERE m.id = ? OR m.id BETWEEN ? AND ? ORDER BY m.seq")
    found = [_entry(row) for row in connection.execute(chosen, bounds)]
    return [each for each in found if AGAIN.sub("", each.message.id) == base]


def letters(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Entry]:
    """Give dead letters without their bytes, oldest first."""
    where, values = _conditions(wanted)
    chosen = _sql(_WITHOUT_BYTES, _LETTERS, "WHERE", where, "ORDER BY l.died_at, l.seq")
    if wanted.limit:
        chosen, values = _sql(chosen, "LIMIT ?"), [*values, wanted.limit]
    cursor = connection.execute(chosen, values)
    while rows := cursor.fetchmany(_BATCH):
        yield from map(_entry, rows)


def letter_count(connection: sqlite3.Connection, wanted: Wanted) -> int:
    """Return how many dead letters are meant, whatever the limit."""
    where, values = _conditions(wanted)
    chosen = _sql("SELECT count(*)", _LETTERS, "WHERE", where)
    return int(connection.execute(chosen, values).fetchone()[0])


def conversations_like(connection: sqlite3.Connection, text: str, limit: int = 5) -> list[str]:
    """Return the conversations that a text may mean: a root thread, the thread of a branch, or a message's id.

    What is exactly the text goes before what begins with it, whatever it is.

    Args:
        connection: The file.
        text: The whole of it, or how it begins; case does not matter.
        limit: Most conversations to return.
    """
    lowered = text.lower()
    for end in ("", "\U0010ffff"):
        for chosen in (_BY_NAME, _BY_ID, _BY_THREAD):
            bounds = {"low": lowered, "high": lowered + end, "limit": limit}
            found = [str(row[0]) for row in connection.execute(chosen, bounds)]
            if found:
                return found
    return []


_BY_NAME: Final = """
SELECT name FROM (
  SELECT name FROM conversations UNION SELECT m.conversation FROM waiting w JOIN messages m ON m.seq = w.seq)
WHERE name <> '' AND lower(name) BETWEEN :low AND :high LIMIT :limit"""
_NAMED: Final = """
SELECT DISTINCT coalesce(c.name, m.conversation) AS name FROM messages m
LEFT JOIN endings e ON e.seq = m.seq LEFT JOIN conversations c ON c.number = e.conversation
WHERE {condition} LIMIT :limit"""
_BY_ID: Final = _NAMED.format(condition="lower(m.id) BETWEEN :low AND :high")
_BY_THREAD: Final = _NAMED.format(
    condition="(lower(m.thread_id) BETWEEN :low AND :high OR lower(e.thread_id) BETWEEN :low AND :high)"
)


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


def _sql(*parts: str) -> str:
    """Put a statement together, of constants; values are always bound."""
    return "\n".join(parts)


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    """Return what a row has to fulfil, in SQL, and the values in it."""
    found: list[tuple[str, Sequence[Any]]] = []
    if wanted.ids:
        found.append((f"m.id IN ({', '.join('?' * len(wanted.ids))})", wanted.ids))
    if wanted.listener is not None:
        name = wanted.listener.lower()
        condition = (
            "(lower(coalesce(d.to_id, e.to_id, m.to_id)) = ? OR lower(e.listener) = ? OR lower(m.target) = ?"
            " OR substr(lower(coalesce(e.listener, m.target)), 1, ?) = ?)"
        )
        found.append((condition, (name, name, name, len(name) + 1, f"{name}.")))
    if wanted.thread_id is not None:
        thread = wanted.thread_id.lower()
        condition = "? IN (lower(d.thread_id), lower(m.thread_id), lower(c.name))"
        found.append((condition, (thread,)))
    for column, value, relation in (
        ("d.code", wanted.code, "="),
        ("d.stage", wanted.stage, "="),
        ("coalesce(d.sender, m.sender)", wanted.sender, "="),
        ("d.died_at", wanted.since, ">="),
        ("d.died_at", wanted.until, "<"),
    ):
        if value is not None:
            found.append((f"{column} {relation} ?", (value,)))
    if not wanted.dealt_with:
        found.append(("d.retried_as IS NULL AND d.dropped_at IS NULL", ()))
    where = " AND ".join(condition for condition, _ in found) or "true"
    return where, [value for _, values in found for value in values]


def _entry(row: tuple[Any, ...]) -> Entry:
    (
        seq, id_, data, size, about, priority, deliver_at, attempt, crashes, conversation, place, outcome, sender, thread_id,
        to_id, listener, tag, code, began_at, ended_at, canonical, stage, reason, path, exhausted, died_at, retried_as,
        dropped_at,
    ) = row  # fmt: skip
    message = message_of(id_, data, about, priority, deliver_at, attempt, crashes)
    letter = None
    if stage is not None:
        letter = DeadLetter(
            message, stage, code, reason, sender, thread_id, died_at, bool(exhausted), canonical, path, to_id
        )
    standing = _standing(outcome, letter is not None, retried_as, dropped_at)
    return Entry(
        seq, message, standing, conversation, place, sender, thread_id, to_id, listener, tag, code, began_at, ended_at,
        canonical, size, letter, retried_as, dropped_at,
    )  # fmt: skip


def _standing(outcome: str | None, is_letter: bool, retried_as: str | None, dropped_at: float) -> Standing:
    if is_letter:
        return "revived" if retried_as is not None else "dropped" if dropped_at else "dead"
    return outcome or "waiting"  # type: ignore[return-value]  # one of the outcomes
