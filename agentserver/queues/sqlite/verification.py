"""Whether the history of a file is what was written: no ending changed, removed, added or moved.

Takes a connection that reads; gives a fault for the first bad row of each conversation, and those of the books. It
reads a few hundred conversations at a moment, so that the log of the file does not grow for as long as it takes; those
that go on meanwhile are looked at as they were. Knows the tables and the hashes; never raises for what it finds.

What retention removed cannot be looked at: of it there is the hash that comes next. Whoever may write the file may also
write a whole new history with new hashes; a head that was noted elsewhere tells (`heads`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, zip_longest
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from agentserver.queues.sqlite.chain import first_hash, letter_digest, next_hash, row_digest
from agentserver.queues.sqlite.history_fault import Fault
from agentserver.queues.sqlite.loose_ends import books, open_messages, strays

Progress: TypeAlias = Callable[[int, int], object]
"""Is told how many endings were looked at, and how many there are."""

_BATCH: Final = 500
"""Conversations that are looked at in one transaction."""


@dataclass(slots=True)
class Verified:
    """What was looked at.

    Args:
        conversations: How many.
        endings: How many endings in them.
        anchored: Endings before those, which retention removed.
    """

    conversations: int = 0
    endings: int = 0
    anchored: int = 0


class _Link(NamedTuple):
    """One ending with all that belongs to it."""

    conversation: int
    place: int
    about: str
    hash: bytes
    canonical: bytes | None
    ended_at: float
    seq: int
    id: str | None
    message: str
    data: bytes | None
    digest: bytes
    stage: str | None
    code: str | None
    reason: str | None
    path: str | None
    sender: str | None
    thread_id: str | None
    to_id: str | None
    exhausted: int | None
    attempt: int | None
    crashes: int | None
    died_at: float | None
    letter_canonical: bytes | None


_STAGE: Final = _Link._fields.index("stage")
_DIED: Final = _Link._fields.index("died_at")
_ENDINGS: Final = """
SELECT e.conversation, e.place, e.about, e.hash, e.canonical, e.ended_at, e.seq, m.id, m.about, m.data, m.digest,
  d.stage, d.code, d.reason, d.path, d.sender, d.thread_id, d.to_id, d.exhausted, d.attempt, d.crashes, d.died_at,
  d.canonical
FROM endings e LEFT JOIN messages m ON m.seq = e.seq LEFT JOIN dead_letters d ON d.seq = e.seq
WHERE e.conversation BETWEEN ? AND ? ORDER BY e.conversation, e.place"""


def verify(
    connection: sqlite3.Connection,
    conversation: str | None = None,
    *,
    verified: Verified | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[Fault]:
    """Look at one conversation, or at all of them and at the books.

    Args:
        connection: The file.
        conversation: The one; None looks at everything.
        verified: Counts what was looked at.
        progress: Is told how far it is.

    Yields:
        What is wrong: of each conversation the first.
    """
    verified = verified if verified is not None else Verified()
    if conversation is not None:
        found = connection.execute(
            "SELECT number FROM conversations WHERE name = ?", (conversation,)
        ).fetchone()
        if found is not None:
            yield from _batch(connection, found[0], found[0], verified)
        return
    total = connection.execute("SELECT count(*) FROM endings").fetchone()[0]
    low, numbers = _numbers(connection, None)
    while numbers:
        yield from _batch(connection, low, numbers[-1], verified)
        progress(verified.endings, total)
        low, numbers = _numbers(connection, numbers[-1])
    yield from open_messages(connection)
    yield from strays(connection)
    yield from books(connection)


def went_on_otherwise(connection: sqlite3.Connection, before: sqlite3.Connection) -> Iterator[Fault]:
    """Give the conversations that do not go on from where an older file has them: a snapshot that was kept elsewhere.

    Those that are not there any more are left out: nobody can tell whether retention removed them.
    """
    for name, length, head in before.execute("SELECT name, length, head FROM conversations ORDER BY name"):
        found = connection.execute(_HASH_AT, {"name": name, "place": length}).fetchone()
        if found is not None and found[0] != head:
            yield Fault("head", name, length, "", "here it is not the one that the older file has")


_HASH_AT: Final = """
SELECT coalesce(e.hash, c.anchor) FROM conversations c
LEFT JOIN endings e ON e.conversation = c.number AND e.place = :place
WHERE c.name = :name AND c.anchored <= :place"""


def heads(connection: sqlite3.Connection) -> str:
    """Return one hash over all heads: noted elsewhere, it tells when somebody has written the whole history anew."""
    total = sha256()
    for name, length, head in connection.execute(
        "SELECT name, length, head FROM conversations ORDER BY name"
    ):
        total.update(f"{name}\0{length}\0".encode("utf-8", "surrogatepass") + head)
    return total.hexdigest()


def _numbers(connection: sqlite3.Connection, after: int | None) -> tuple[int, list[int]]:
    """Return the next conversations' numbers, and the lowest number that no batch has seen: endings may lie between."""
    chosen = "SELECT number FROM conversations WHERE ? IS NULL OR number > ? ORDER BY number LIMIT ?"
    rows = connection.execute(chosen, (after, after, _BATCH))
    numbers = [row[0] for row in rows]
    return (numbers[0] if after is None and numbers else (after or 0) + 1), numbers


def _batch(connection: sqlite3.Connection, low: int, high: int, verified: Verified) -> list[Fault]:
    faults: list[Fault] = []
    connection.execute("BEGIN")
    try:
        chains = {
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT number, name, length, head, anchored, anchor FROM conversations"
                " WHERE number BETWEEN ? AND ?",
                (low, high),
            )
        }
        found = map(_Link._make, connection.execute(_ENDINGS, (low, high)))
        for number, links in groupby(found, key=attrgetter("conversation")):
            chain = chains.pop(number, None)
            if chain is not None:  # without one, they are strays
                faults += _first_fault(chain, links, verified)
        for chain in chains.values():
            faults += _first_fault(chain, iter(()), verified)
    finally:
        connection.rollback()
    return faults


def _first_fault(chain: Any, links: Iterator[_Link], verified: Verified) -> list[Fault]:
    name, length, head, anchored, anchor = chain
    verified.conversations += 1
    verified.anchored += anchored
    if (anchor is None) != (anchored == 0):
        return [
            Fault("anchor", name, anchored, "", "its anchor and the count of what was removed do not fit")
        ]
    place, current = anchored, anchor if anchor is not None else first_hash(name)
    fault: Fault | None = None
    for link in links:
        verified.endings += 1
        if fault is None:
            place += 1
            fault = _fault_of(name, place, current, link)
            current = link.hash
    if fault is None and place != length:
        many = length - place
        fault = (
            Fault("missing", name, place + 1, "", f"{many} of {length} endings are missing at its end")
            if many > 0
            else Fault("head", name, place, "", f"it has {place} endings, and {length} were noted")
        )
    if fault is None and current != head:
        fault = Fault("head", name, place, "", "its last hash is not the one that was noted")
    return [fault] if fault is not None else []


def _fault_of(name: str, place: int, previous: bytes, link: _Link) -> Fault | None:
    """Return what is wrong with a link that should stand at a place, behind a hash."""
    if link.place != place:
        return Fault("missing", name, place, "", f"the next ending that is there has the place {link.place}")
    if link.id is None or link.data is None:
        return Fault("missing", name, place, "", f"the message of this ending is not there (row {link.seq})")
    said = _parts(link.about)
    if said is None:
        return Fault("edited", name, place, link.id, "what it says is no JSON array")
    if said["place"] != place:
        return Fault("reordered", name, place, link.id, f"it was written at the place {said['place']}")
    if row_digest(link.id, link.message, link.data) != link.digest:
        return Fault("edited", name, place, link.id, "the message is not what was put in")
    if said["digest"] != link.digest.hex():
        return Fault("reordered", name, place, link.id, "it is the ending of another message")
    if next_hash(previous, link.about, name) != link.hash:
        detail = "its hash does not follow from the one before and from what it says"
        return Fault("edited", name, place, link.id, detail)
    return _fault_beside(name, place, link.id, link, said)


def _fault_beside(name: str, place: int, id_: str, link: _Link, said: dict[str, Any]) -> Fault | None:
    """Return what is wrong with what stands beside the link: the link itself is as it was written."""
    content = sha256(link.canonical).hexdigest() if link.canonical is not None else None
    if said["content"] != content:
        return Fault("edited", name, place, id_, "the canonical form is not the one that was handled")
    if said["ended_at"] != link.ended_at:
        return Fault("edited", name, place, id_, "the time of its end is not the one that was noted")
    if link.stage is not None and said["letter"] != letter_digest(
        link[_STAGE : _DIED + 1], link.letter_canonical
    ):
        return Fault("edited", name, place, id_, "its dead letter is not the one that was written")
    return None


def _parts(about: str) -> dict[str, Any] | None:
    try:
        parts = json.loads(about)
    except ValueError:
        return None
    return dict(zip_longest(_NAMES, parts[: len(_NAMES)])) if isinstance(parts, list) else None


_NAMES: Final = (
    *(
        "place",
        "digest",
        "outcome",
        "ended_at",
        "began_at",
        "sender",
        "thread_id",
        "to_id",
        "listener",
        "tag",
        "code",
    ),
    *("attempt", "content", "letter"),
)
"""The parts of `endings.about`, in their order; those that are null at its end are left out there."""
