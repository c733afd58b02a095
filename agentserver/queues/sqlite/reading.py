"""The messages of a queue's file, for whoever looks at it: by id, by conversation, or as dead letters.

Takes a connection that reads; gives plain values, and never changes anything. Each call sees one moment of the file,
and two may see two. Knows SQL; decides nothing about what is shown.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from agentserver.queues.protocol import DEFAULT_PRIORITY, DeadLetter, QueuedMessage
from agentserver.queues.sqlite.letter_choice import Wanted, conditions
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
_ENDED: Final = """
WHERE (e.ended_at, e.seq) > (:time, :seq) AND (:name IS NULL OR c.name = :name)
ORDER BY e.ended_at, e.seq LIMIT :limit"""
AGAIN: Final = re.compile(r"~[0-9]+\Z")
"""What the id of a message ends with that was put in again."""
MIN_BEGINNING_CHARS: Final = 6
"""Characters from which on a text may be how a thread or an id begins: fewer are too easily a stranger's."""
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
    where, values = conditions(wanted)
    chosen = _sql(_WITHOUT_BYTES, _LETTERS, "WHERE", where, "ORDER BY l.died_at, l.seq")
    if wanted.limit:
        chosen, values = _sql(chosen, "LIMIT ?"), [*values, wanted.limit]
    cursor = connection.execute(chosen, values)
    while rows := cursor.fetchmany(_BATCH):
        yield from map(_entry, rows)


def ended(
    connection: sqlite3.Connection, since: float = 0.0, conversation: str | None = None
) -> Iterator[list[Entry]]:
    """Give the messages that came to their end, with their bytes, in the order in which they did, some at a time.

    Args:
        connection: The file.
        since: Those that ended then or later, in seconds since the epoch.
        conversation: Those of one conversation alone.
    """
    chosen = _sql(_WITH_BYTES, _MESSAGES, _ENDED)
    bounds = {"time": since, "seq": -1, "name": conversation, "limit": _BATCH}
    while found := [_entry(row) for row in connection.execute(chosen, bounds)]:
        bounds |= {"time": found[-1].ended_at, "seq": found[-1].seq}
        yield found


def part_count(connection: sqlite3.Connection, message_id: str) -> int:
    """Return how many messages an input became: those whose ids are its own and a number behind a colon."""
    chosen = "SELECT count(*) FROM messages WHERE id BETWEEN ? AND ? AND substr(id, ?) NOT GLOB '*[^0-9]*'"
    start = f"{message_id}:"
    bounds = (start, f"{start};", len(start) + 1)  # a semicolon follows the digits and the colon
    return int(connection.execute(chosen, bounds).fetchone()[0])


def letters_like(connection: sqlite3.Connection, text: str, limit: int = 5) -> list[str]:
    """Return the ids of dead letters that begin with a text, the oldest first, so many at most."""
    chosen = _sql(
        "SELECT m.id FROM dead_letters l JOIN messages m ON m.seq = l.seq",
        "WHERE m.id BETWEEN ? AND ? ORDER BY m.seq LIMIT ?",
    )
    bounds = (text, f"{text}\U0010ffff", limit)
    return [str(row[0]) for row in connection.execute(chosen, bounds)] if text else []


def letter_count(connection: sqlite3.Connection, wanted: Wanted) -> int:
    """Return how many dead letters are meant, whatever the limit."""
    where, values = conditions(wanted)
    chosen = _sql("SELECT count(*)", _LETTERS, "WHERE", where)
    return int(connection.execute(chosen, values).fetchone()[0])


def conversations_like(
    connection: sqlite3.Connection, text: str, stands_for: str | None = None, limit: int = 5
) -> list[str]:
    """Return the conversations that a text may mean: a root thread, the thread of a branch, or a message's id.

    What is exactly the text goes before what begins with it; names go before ids, and these before branches.

    Args:
        connection: The file.
        text: The whole of it, or how it begins, with at least `MIN_BEGINNING_CHARS`; case does not matter.
        stands_for: The thread that stands for the text, if it was an envelope's.
        limit: Most conversations to return.
    """
    lowered = text.lower()
    looks = (*_EXACT, *_BEGINNINGS) if len(text) >= MIN_BEGINNING_CHARS else _EXACT
    for chosen in looks:
        bounds = {
            "given": text, "text": lowered, "claimed": stands_for, "high": f"{lowered}\U0010ffff", "limit": limit
        }  # fmt: skip
        found = [str(row[0]) for row in connection.execute(chosen, bounds)]
        if found:
            return found
    return []


_BY_NAME: Final = """
SELECT name FROM (
  SELECT name FROM conversations WHERE {0} {1}
  UNION SELECT m.conversation FROM waiting w JOIN messages m ON m.seq = w.seq WHERE {2} {1})
WHERE name <> '' LIMIT :limit"""
_BY_OTHERS: Final = """
SELECT DISTINCT coalesce(c.name, m.conversation) AS name FROM messages m
LEFT JOIN endings e ON e.seq = m.seq LEFT JOIN conversations c ON c.number = e.conversation
WHERE {0} {1} LIMIT :limit"""
_IS: Final = "IN (:given, :text, :claimed)"
_BEGINS: Final = "BETWEEN :text AND :high"
_EXACT: Final = (
    _BY_NAME.format("name", _IS, "m.conversation"),
    _BY_OTHERS.format("m.id", _IS),
    _BY_OTHERS.format(f"m.thread_id {_IS} OR e.thread_id", _IS),
)
_BEGINNINGS: Final = (
    _BY_NAME.format("name", _BEGINS, "m.conversation"),
    _BY_OTHERS.format("m.id", _BEGINS),
    _BY_OTHERS.format(f"m.thread_id {_BEGINS} OR e.thread_id", _BEGINS),
    _BY_NAME.format("lower(name)", _BEGINS, "lower(m.conversation)"),
    _BY_OTHERS.format("lower(m.id)", _BEGINS),
    _BY_OTHERS.format(f"lower(m.thread_id) {_BEGINS} OR lower(e.thread_id)", _BEGINS),
)
"""Where to look, one after another: of each kind those that an index serves come first, and names that nobody wrote in
lower case last."""


def _sql(*parts: str) -> str:
    """Put a statement together, of constants; values are always bound."""
    return "\n".join(parts)


def _entry(row: tuple[Any, ...]) -> Entry:
    (
        seq, id_, data, size, about, priority, deliver_at, attempt, crashes, conversation, place, outcome, sender,
        thread_id, to_id, listener, tag, code, began_at, ended_at, canonical, stage, reason, path, exhausted,
        died_at, retried_as, dropped_at,
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
