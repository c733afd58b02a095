"""The file opened: found or made, known to be ours, of today's version, and fit to be written to.

Takes a path; gives a connection in autocommit mode, with a write-ahead log that is synced at each commit. Raises
`QueueFault`, which says what is wrong and what to do, and leaves a file alone that is not ours.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agentserver.errors import QueueFault
from agentserver.queues.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION
from agentserver.queues.sqlite.transaction import transaction

BUSY_TIMEOUT_S: Final = 10.0
"""Seconds to wait for another process that writes to the same file."""
CACHE_KIB: Final = 16_384
CACHED_STATEMENTS: Final = 64
MAX_CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Longest file that is looked through when it is opened: that takes about a tenth of a second."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file, or make it, with its folder.

    Raises:
        QueueFault: It cannot be used.
    """
    make_folder(path.parent)
    _refuse_unwritable(path)
    try:
        connection = _connect(path)
    except sqlite3.Error as exc:
        raise fault(path, exc) from exc
    try:
        _prepare(connection, path)
    except sqlite3.Error as exc:
        connection.close()
        raise fault(path, exc) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a file that is open for writing, too, for short looks at it, from any thread.

    Raises:
        QueueFault: It cannot be read.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        connection.text_factory = lambda text: text.decode(errors="replace")  # of a row with a flipped bit
    except sqlite3.Error as exc:
        raise fault(path, exc) from exc
    return connection


def fault(path: Path, exc: sqlite3.Error) -> QueueFault:
    """Say in words what `sqlite3` raised of a file, and what to do."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    remedy = _REMEDIES.get(code, "see the cause")
    return QueueFault(f"the queue's file {path} cannot be used: {exc}; {remedy}")


_REMEDIES: Final = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: "another program keeps it locked: end that, or wait for it",
        sqlite3.SQLITE_CANTOPEN: "look whether its folder is there and may be written to by this user",
        sqlite3.SQLITE_CORRUPT: "it is damaged: move it away together with its -wal file and restore a snapshot, "
        "or see what `sqlite3 FILE .recover` still finds in it",
        sqlite3.SQLITE_FULL: "the disk is full: make room",
        sqlite3.SQLITE_IOERR: "the disk does not do what it should: see the system's log",
        sqlite3.SQLITE_NOTADB: "it is no SQLite database: give another path, or move it away",
        sqlite3.SQLITE_PERM: "give this user the right to write it",
        sqlite3.SQLITE_READONLY: "give this user the right to write it and its folder",
    }
)


def make_folder(folder: Path) -> None:
    """Make the folder of a file, for this user alone, where it is not there.

    Raises:
        QueueFault: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise QueueFault(
            f"the queue's folder {folder} cannot be made: {exc.strerror}; make it, for this user to write to"
        ) from exc


def _refuse_unwritable(path: Path) -> None:
    """Say so before SQLite does, which opens such a file for reading.

    The file is not opened: closing it would free the locks that SQLite has on it in this process.
    """
    if path.exists() and not path.is_file():
        raise QueueFault(f"{path} is no file: give another path")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise QueueFault(f"the queue's file {path} may not be written: give this user the right to")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise QueueFault(f"the queue's folder {path.parent} may not be written: give this user the right to")


def _connect(path: Path) -> sqlite3.Connection:
    made = not path.exists() or not path.stat().st_size
    if made:
        _make(path)
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,  # it is made here, and used by the thread that writes
        cached_statements=CACHED_STATEMENTS,
    )
    if made:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # which only an empty file takes
    return connection


def _make(path: Path) -> None:
    """Make an empty file that this user alone may read."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        raise QueueFault(
            f"the queue's file {path} cannot be made: {exc.strerror}; give this user the right to write its folder, "
            "or give another path"
        ) from exc


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version, application = _ask(connection, "user_version"), _ask(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise QueueFault(f"{path} is the database of another program: give another path, or move it away")
    if version > VERSION:
        raise QueueFault(
            f"{path} was written by a newer agentserver, in version {version} of its form, and this one knows "
            f"version {VERSION}: install that one again, or give another path"
        )
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise QueueFault(f"{path} is on a file system without shared memory: put it on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cell_size_check = ON")
    _migrate(connection)
    if path.stat().st_size <= MAX_CHECKED_BYTES:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise QueueFault(
                f"the queue's file {path} is damaged: {found}; {_REMEDIES[sqlite3.SQLITE_CORRUPT]}"
            )


def _migrate(connection: sqlite3.Connection) -> None:
    """Make the file one of today's version, in one transaction."""
    if _ask(connection, "user_version") == VERSION:
        return
    with transaction(connection):
        version = _ask(connection, "user_version")  # another process may have come first
        for text in MIGRATIONS[version:]:
            for statement in _statements(text):
                connection.execute(statement)
        if version == 0:
            connection.execute("INSERT INTO meta (name, value) VALUES ('created_at', ?)", (time.time(),))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _statements(text: str) -> list[str]:
    """Take a text of several statements apart; `executescript` would commit between them."""
    statements, statement = [], ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            statements.append(statement)
            statement = ""
    return statements


def _ask(connection: sqlite3.Connection, pragma: str) -> int:
    value: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value
