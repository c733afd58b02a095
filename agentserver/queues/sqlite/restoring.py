"""A snapshot brought into a queue's file: what is not there yet is added, and nothing that is there is changed.

Takes a snapshot and the file, which is made when it is not there; gives what was added and what was known. All of it is
done in one transaction, or nothing. Restoring twice is restoring once, as messages are told apart by their ids. Nobody
may run a daemon on the file meanwhile. Raises `QueueFault`.

A conversation is taken over whole, or as far as its history goes on from the one that is there; where both went on
differently, the one that is there stays, and is told of as a conflict. A message that waits in the snapshot waits
again, unless the file knows it, waiting or ended.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

from agentserver.errors import QueueFault
from agentserver.queues.sqlite.opening import fault, open_file
from agentserver.queues.sqlite.owners import lock_daemon
from agentserver.queues.sqlite.snapshot import Snapshot, read_snapshot, thread_key_file
from agentserver.queues.sqlite.verification import verify
from agentserver.queues.sqlite.visits import SNAPSHOT_ID, no_checkpoint, reading

KeyVerdict: TypeAlias = Literal["none", "new", "known", "other"]
"""Of the key of the organism's threads: the snapshot has none; it was added; it is the same; there is another."""

_PREPARE: Final = (
    """CREATE TEMP TABLE theirs AS
SELECT s.number AS number, s.name AS name, coalesce(o.length, 0) AS had,
  CASE
    WHEN o.number IS NULL THEN 'new'
    WHEN s.length < o.anchored THEN 'known'
    WHEN s.length <= o.length AND s.head = coalesce((
      SELECT hash FROM main.endings e WHERE e.conversation = o.number AND e.place = s.length), o.anchor) THEN 'known'
    WHEN s.length > o.length AND o.head = coalesce((
      SELECT hash FROM snap.endings e WHERE e.conversation = s.number AND e.place = o.length), s.anchor) THEN 'grown'
    ELSE 'conflict'
  END AS verdict
FROM snap.conversations s LEFT JOIN main.conversations o ON o.name = s.name""",
    """CREATE TEMP TABLE adding AS
SELECT e.seq AS seq, e.conversation AS conversation FROM snap.endings e JOIN theirs t ON t.number = e.conversation
WHERE t.verdict IN ('new', 'grown') AND e.place > t.had""",
    """UPDATE theirs SET verdict = 'conflict' WHERE number IN (
  SELECT a.conversation FROM adding a JOIN snap.messages s ON s.seq = a.seq JOIN main.messages o ON o.id = s.id
  WHERE o.digest <> s.digest OR o.seq IN (SELECT seq FROM main.endings))""",
    "DELETE FROM adding WHERE conversation IN (SELECT number FROM theirs WHERE verdict = 'conflict')",
    "CREATE UNIQUE INDEX temp.adding_by_seq ON adding (seq)",
    """CREATE TEMP TABLE coming AS
SELECT s.seq AS seq FROM snap.messages s WHERE (
  s.seq IN (SELECT seq FROM adding) OR s.seq IN (SELECT seq FROM snap.waiting)
  OR (s.seq IN (SELECT seq FROM snap.dead_letters) AND s.seq NOT IN (SELECT seq FROM snap.endings)))
AND NOT EXISTS (SELECT 1 FROM main.messages o WHERE o.id = s.id)""",
    "CREATE UNIQUE INDEX temp.coming_by_seq ON coming (seq)",
)
"""What each conversation is here; the endings to add; the messages to add, by their numbers in the snapshot."""

_MESSAGES: Final = """
INSERT INTO main.messages (id, data, about, digest)
SELECT id, data, about, digest FROM snap.messages WHERE seq IN (SELECT seq FROM coming) ORDER BY seq"""
_NUMBERS: Final = """
CREATE TEMP TABLE numbers AS
SELECT s.seq AS theirs, o.seq AS ours, s.seq IN (SELECT seq FROM coming) AS came
FROM snap.messages s JOIN main.messages o ON o.id = s.id"""
_NUMBERS_INDEX: Final = "CREATE UNIQUE INDEX temp.numbers_by_theirs ON numbers (theirs)"
_WAITING: Final = """
INSERT INTO main.waiting (seq, owner, priority, deliver_at, attempt, crashes)
SELECT n.ours, 0, w.priority, w.deliver_at, w.attempt, w.crashes
FROM snap.waiting w JOIN numbers n ON n.theirs = w.seq WHERE n.came"""
_ENDED: Final = """
DELETE FROM main.waiting WHERE seq IN (SELECT n.ours FROM numbers n JOIN adding a ON a.seq = n.theirs)"""
_CONVERSATIONS: Final = """
INSERT INTO main.conversations (name, length, head, anchored, anchor)
SELECT s.name, s.length, s.head, s.anchored, s.anchor FROM snap.conversations s JOIN theirs t ON t.number = s.number
WHERE t.verdict = 'new' ORDER BY s.number"""
_GROWN: Final = """
UPDATE main.conversations SET (length, head) =
  (SELECT s.length, s.head FROM snap.conversations s WHERE s.name = main.conversations.name)
WHERE name IN (SELECT name FROM theirs WHERE verdict = 'grown')"""
_ENDINGS: Final = """
INSERT INTO main.endings (seq, conversation, place, about, canonical, ended_at, hash)
SELECT n.ours, o.number, e.place, e.about, e.canonical, e.ended_at, e.hash
FROM adding a JOIN snap.endings e ON e.seq = a.seq JOIN numbers n ON n.theirs = a.seq
JOIN theirs t ON t.number = e.conversation JOIN main.conversations o ON o.name = t.name
ORDER BY e.seq"""
_LETTERS: Final = """
INSERT INTO main.dead_letters
SELECT n.ours, d.stage, d.code, d.reason, d.path, d.sender, d.thread_id, d.to_id, d.canonical, d.exhausted, d.attempt,
  d.crashes, d.died_at, d.retried_as, d.dropped_at
FROM snap.dead_letters d JOIN numbers n ON n.theirs = d.seq
WHERE (n.came OR d.seq IN (SELECT seq FROM adding)) ORDER BY d.seq"""
_KEYS: Final = "INSERT OR IGNORE INTO main.keys SELECT * FROM snap.keys ORDER BY key"
_BOOKS: Final = """
UPDATE main.owners SET
  injected = injected + (SELECT count(*) FROM coming c
    WHERE c.seq IN (SELECT seq FROM adding) OR c.seq IN (SELECT seq FROM snap.waiting)) + a.gone,
  settled = settled + a.others + a.gone, dead = dead + a.died
FROM (SELECT
  (SELECT count(*) FROM adding JOIN snap.endings e USING (seq) WHERE e.outcome <> 'dead') AS others,
  (SELECT count(*) FROM adding JOIN snap.endings e USING (seq) WHERE e.outcome = 'dead') AS died,
  (SELECT coalesce(sum(anchored), 0) FROM snap.conversations JOIN theirs USING (number) WHERE verdict = 'new') AS gone
) a WHERE number = 0"""
_SAME_BOOKS: Final = (
    """UPDATE main.owners SET (injected, emitted, settled, dead) =
  (SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM snap.owners) WHERE number = 0""",
    """UPDATE main.meta SET value = (SELECT value FROM snap.meta WHERE name = 'forgotten') WHERE name = 'forgotten'""",
)
"""Of a file in which nothing was ever put."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one section: rows that were added, and rows that were known."""

    new: int
    known: int


@dataclass(slots=True)
class Restored:
    """What was done.

    Args:
        snapshot: What the snapshot says of itself.
        sections: What became of each section.
        ended: Messages that waited in the file, and that the snapshot knows the ending of.
        grown: Conversations that were there, and went on.
        conflicts: Names of conversations that stay as they are, as they went on differently.
        thread_key: What became of the key of the organism's threads.
    """

    snapshot: Snapshot
    sections: dict[str, Added] = field(default_factory=dict)
    ended: int = 0
    grown: int = 0
    conflicts: list[str] = field(default_factory=list)
    thread_key: KeyVerdict = "none"


def restore(source: Path, target: Path, *, dry_run: bool = False, unverified: bool = False) -> Restored:
    """Bring a snapshot into a queue's file.

    Args:
        source: The snapshot.
        target: The file.
        dry_run: Whether to change nothing, and tell what would be done.
        unverified: Whether to do it though the history in the snapshot is not what was written.

    Raises:
        QueueFault: The snapshot is none, of another version, or damaged; or the file cannot be used, or a daemon runs
            on it.
    """
    snapshot = _checked(source, unverified=unverified)
    if dry_run and not target.exists():
        with TemporaryDirectory() as folder:
            return _restore(source, snapshot, Path(folder) / "queue.db", dry_run=True)
    return _restore(source, snapshot, target, dry_run=dry_run)


def _restore(source: Path, snapshot: Snapshot, target: Path, *, dry_run: bool) -> Restored:
    with _own(target) as connection:
        restored = Restored(snapshot)
        try:
            connection.execute("ATTACH DATABASE ? AS snap", (str(source),))
            connection.execute("BEGIN IMMEDIATE")
            try:
                _merge(connection, restored)
            finally:
                if dry_run and connection.in_transaction:
                    connection.rollback()
            if connection.in_transaction:
                connection.commit()
        except sqlite3.Error as exc:
            raise fault(target, exc) from exc
    restored.thread_key = _keep_key(snapshot.thread_key, thread_key_file(target), dry_run=dry_run)
    return restored


def _checked(source: Path, *, unverified: bool) -> Snapshot:
    with reading(source) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] != SNAPSHOT_ID:
            raise QueueFault(
                f"{source} is a queue's file, and no snapshot: `agentserver snapshot` makes one of it"
            )
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise QueueFault(f"{source} is damaged ({found}): take another snapshot")
        snapshot = read_snapshot(connection, source)
        wrong = None if unverified else next(verify(connection), None)
        if wrong is not None:
            raise QueueFault(
                f"{source}: its history is not what was written: {wrong}; `agentserver audit verify --queue` tells "
                "all, and --unverified restores it all the same"
            )
        return snapshot


@contextmanager
def _own(target: Path) -> Iterator[sqlite3.Connection]:
    """Open a file on which no daemon runs, nor can be started."""
    if not target.parent.exists():
        target.parent.mkdir(mode=0o700, parents=True)
    lock = lock_daemon(target)
    try:
        with closing(open_file(target)) as connection, no_checkpoint(target):
            yield connection
    finally:
        os.close(lock)


def _merge(connection: sqlite3.Connection, restored: Restored) -> None:
    is_new = _count(connection, "SELECT count(*) FROM main.messages") == 0 and not any(
        connection.execute("SELECT sum(injected), sum(settled) FROM main.owners").fetchone()
    )
    for statement in _PREPARE:
        connection.execute(statement)
    added = {"messages": connection.execute(_MESSAGES).rowcount}
    connection.execute(_NUMBERS)
    connection.execute(_NUMBERS_INDEX)
    restored.ended = connection.execute(_ENDED).rowcount
    for section, statement in (
        ("queue", _WAITING), ("threads", _CONVERSATIONS), ("history", _ENDINGS), ("dead_letters", _LETTERS),
        ("keys", _KEYS),
    ):  # fmt: skip
        if section == "history":
            restored.grown = connection.execute(_GROWN).rowcount
        added[section] = connection.execute(statement).rowcount
    for statement in _SAME_BOOKS if is_new else (_BOOKS,):
        connection.execute(statement)
    restored.sections = {
        section: Added(added[section], rows - added[section])
        for section, (_, rows) in restored.snapshot.sections.items()
        if section in added
    }
    conflicts = "SELECT name FROM theirs WHERE verdict = 'conflict' ORDER BY name"
    restored.conflicts = [row[0] for row in connection.execute(conflicts)]


def _count(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])


def _keep_key(key: bytes | None, file: Path, *, dry_run: bool) -> KeyVerdict:
    """Put the key beside the file, unless there is one."""
    if key is None:
        return "none"
    with suppress(FileNotFoundError):
        return "known" if file.read_bytes() == key else "other"
    if not dry_run:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return "new"
