"""A snapshot: one file with everything that a queue's file held at one moment, and what is needed to use it elsewhere.

Takes the file of a queue, whether somebody runs on it or not; gives a file that is there whole or not at all, and that
its owner alone may read, as it holds messages and the key of the organism's threads. Nobody who writes to the queue is
held up: the copy is that of one reading transaction. Raises `QueueFault`.

What is in it is told in sections, each with a version and how many rows it has: see `SECTIONS`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agentserver.errors import QueueFault
from agentserver.queues.sqlite.opening import fault
from agentserver.queues.sqlite.visits import SNAPSHOT_ID, reading

SECTIONS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "queue": (1, "SELECT count(*) FROM waiting"),
        "messages": (1, "SELECT count(*) FROM messages"),
        "threads": (1, "SELECT count(*) FROM conversations"),
        "keys": (1, "SELECT count(*) FROM keys"),
        "dead_letters": (1, "SELECT count(*) FROM dead_letters"),
        "history": (1, "SELECT count(*) FROM endings"),
        "identity": (1, "SELECT count(*) FROM snapshot_values WHERE name = 'thread_key'"),
        "config": (1, "SELECT count(*) FROM snapshot_values WHERE name = 'config_sha256'"),
    }
)
"""The version of each section, and what counts its rows."""

_MAKE: Final = """
CREATE TABLE snapshot_sections (name TEXT PRIMARY KEY, version INTEGER NOT NULL, rows INTEGER NOT NULL) STRICT;
CREATE TABLE snapshot_values (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
UPDATE waiting SET owner = 0;
UPDATE owners SET (injected, emitted, settled, dead) =
  (SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM owners) WHERE number = 0;
DELETE FROM owners WHERE number <> 0;
"""


@dataclass(frozen=True, slots=True)
class About:
    """What is noted of a snapshot.

    Args:
        organism: The name of the organism; empty where nobody said.
        config_sha256: The digest of its configuration's file; empty where nobody said.
        made_at: When, in seconds since the epoch.
        made_by: The version of this program.
    """

    organism: str
    config_sha256: str
    made_at: float
    made_by: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as it is.

    Args:
        about: What is noted of it.
        sections: The version and the rows of each section.
        thread_key: What is in the file of the threads' key; None where the queue had none beside it.
    """

    about: About
    sections: Mapping[str, tuple[int, int]]
    thread_key: bytes | None


def take_snapshot(source: Path, target: Path, about: About, *, replace: bool) -> Snapshot:
    """Write a snapshot.

    Args:
        source: The queue's file.
        target: The snapshot.
        about: What is to be noted of it.
        replace: Whether a file that is there may be replaced.

    Raises:
        FileExistsError: There is such a file, and it may not be replaced.
        QueueFault: The source cannot be read, or the target not be written.
    """
    if target.exists() and not replace:
        raise FileExistsError(f"{target}: is there already")
    with reading(source) as connection, _drafted(target, replace=replace) as draft:
        try:
            with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
                copy.execute(
                    "PRAGMA synchronous = OFF"
                )  # nothing counts before the file is synced as a whole
                connection.backup(copy)  # in one step, and so of one moment, whoever writes meanwhile
                return _finish(copy, about, thread_key_file(source))
        except sqlite3.Error as exc:
            raise fault(target, exc) from exc


def thread_key_file(queue: Path) -> Path:
    """Return the file beside a queue's that holds the key of the organism's threads, where there is one."""
    return queue.with_name(f"{queue.name}-key")


def read_snapshot(connection: sqlite3.Connection, path: Path) -> Snapshot:
    """Return what a snapshot says of itself, and see that it is all there.

    Raises:
        QueueFault: A section is of a version that is not known here, or is not whole.
    """
    values = dict(connection.execute("SELECT name, value FROM snapshot_values"))
    rows = connection.execute("SELECT name, version, rows FROM snapshot_sections ORDER BY rowid")
    sections = {name: (version, count) for name, version, count in rows}
    for name, (version, count) in sections.items():
        known, counting = SECTIONS.get(name, (0, ""))
        if version > known:
            raise QueueFault(
                f"{path}: its section {name!r} is of version {version}, and this agentserver knows "
                f"{known or 'no such section'}; use the one that made it, {values.get('made_by', 'a newer one')}"
            )
        found = connection.execute(counting).fetchone()[0]
        if found != count:
            raise QueueFault(
                f"{path}: its section {name!r} has {found} rows, and {count} were written: it is damaged"
            )
    missing = [name for name in SECTIONS if name not in sections]
    if missing:
        raise QueueFault(f"{path}: its section {missing[0]!r} is missing: it is damaged")
    about = About(
        values.get("organism", ""), values.get("config_sha256", ""), values.get("made_at", 0.0),
        values.get("made_by", ""),
    )  # fmt: skip
    return Snapshot(about, sections, values.get("thread_key"))


def _finish(copy: sqlite3.Connection, about: About, key_file: Path) -> Snapshot:
    """Make a snapshot of a copy: one file, in nobody's hand, with its sections."""
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.executescript(f"BEGIN;{_MAKE}COMMIT")
    try:
        thread_key = key_file.read_bytes()
    except FileNotFoundError:
        thread_key = None
    except OSError as exc:
        raise QueueFault(f"{key_file} cannot be read: {exc.strerror}; run as the user of the daemon") from exc
    values = {
        "organism": about.organism or None, "config_sha256": about.config_sha256 or None, "made_at": about.made_at,
        "made_by": about.made_by, "thread_key": thread_key,
    }  # fmt: skip
    copy.executemany(
        "INSERT INTO snapshot_values VALUES (?, ?)",
        [(name, value) for name, value in values.items() if value is not None],
    )
    sections = {
        name: (version, int(copy.execute(counting).fetchone()[0]))
        for name, (version, counting) in SECTIONS.items()
    }
    copy.executemany(
        "INSERT INTO snapshot_sections VALUES (?, ?, ?)",
        [(name, version, rows) for name, (version, rows) in sections.items()],
    )
    copy.execute(f"PRAGMA application_id = {SNAPSHOT_ID}")
    return Snapshot(about, sections, thread_key)


@contextmanager
def _drafted(target: Path, *, replace: bool) -> Iterator[Path]:
    """Give a new file of its owner's alone, which becomes the target once the block is over."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        for folder in reversed(target.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise QueueFault(f"the folder {target.parent} cannot be made: {exc.strerror}; make it") from exc
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise QueueFault(f"{target} cannot be written: {exc.strerror}") from exc
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask takes away
        yield draft
        os.fsync(descriptor)
        if replace:
            draft.replace(target)
        else:
            os.link(draft, target)  # not a rename, which would take the place of another's file
        _keep(target.parent)
    finally:
        os.close(descriptor)
        for leftover in (draft, draft.with_name(f"{draft.name}-journal")):
            leftover.unlink(missing_ok=True)


def _keep(folder: Path) -> None:
    """Make sure that a name in a folder outlives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
