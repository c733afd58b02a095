"""A queue's file, opened by somebody who is not the queue: to read, or to change a little.

Takes a path; gives a connection. Whoever reads never holds up the queue that writes, as the file is in WAL mode.
Whoever changes does so in one short transaction, and never checkpoints, which the queue's own writer does alone: the
lock on `<db>-maintenance` keeps the two apart, as SQLite before 3.51.3 may lose pages when both happen at once.
Raises `QueueFault`, which says what to do.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from agentserver.errors import QueueFault
from agentserver.queues.sqlite.opening import BUSY_TIMEOUT_S, fault
from agentserver.queues.sqlite.schema import APPLICATION_ID, VERSION
from agentserver.queues.sqlite.transaction import transaction

SNAPSHOT_ID: Final = 0x41675373
"""`AgSs`, in the header of a snapshot, so that nobody runs on one."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to read while the block lasts; a snapshot will do as well.

    Args:
        path: The file.

    Raises:
        QueueFault: There is no such file, it is none of a queue, of another version, or damaged.
    """
    with _opened(path, "ro", (APPLICATION_ID, SNAPSHOT_ID)) as connection:
        yield connection


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file, and make one transaction of the block: what it does, it does whole or not at all.

    Raises:
        QueueFault: As `reading`; or nothing can be written.
    """
    with _opened(path, "rw", (APPLICATION_ID,)) as connection, no_checkpoint(path):
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA synchronous = FULL")
        with transaction(connection):
            yield connection


def daemon_pid(path: Path) -> int | None:
    """Return the process that runs a daemon on a file, 0 if it does not say which; None when no daemon runs on it."""
    lock = path.with_name(f"{path.name}-daemon")
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextmanager
def no_checkpoint(path: Path) -> Iterator[None]:
    """Let the queue's writer do no checkpoint while the block lasts; it does the next one later."""
    lock = path.with_name(f"{path.name}-maintenance")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise QueueFault(f"{lock} cannot be made: {exc.strerror}; run as the user of the daemon") from exc
    try:
        _give_to_owner(descriptor, path)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _give_to_owner(descriptor: int, path: Path) -> None:
    """Let a file that root made beside another user's be theirs, as the daemon wants to open it."""
    owner = path.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


@contextmanager
def _opened(path: Path, mode: str, applications: tuple[int, ...]) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise QueueFault(f"{path}: there is no such file; a daemon makes it when it is started")
    try:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        with closing(
            sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        ) as connection:
            _check(connection, path, applications)
            yield connection
    except sqlite3.Error as exc:
        raise fault(path, exc) from exc


def _check(connection: sqlite3.Connection, path: Path, applications: tuple[int, ...]) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == SNAPSHOT_ID and application not in applications:
        raise QueueFault(
            f"{path} is a snapshot, which is not changed: `agentserver restore` makes a queue of it"
        )
    if application not in applications:
        raise QueueFault(f"{path} is the database of another program: give the file that `queue:` names")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise QueueFault(
            f"{path} was written by a newer agentserver, in version {version} of its form, and this one knows "
            f"version {VERSION}: use that one"
        )
    if version < VERSION:
        raise QueueFault(
            f"{path} is in version {version} of its form, and this agentserver writes version {VERSION}: start "
            "the daemon once, which brings it forward"
        )
