"""The write-ahead log brought into the file from time to time, and a word when somebody keeps it from shrinking.

Only the writer's own connection does this, and never while another process writes: SQLite before 3.51.3 may lose pages
when two are at it at once. The lock on `<db>-maintenance` keeps them apart.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Final

logger = logging.getLogger(__name__)

CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""About so much is written between two checkpoints; each takes some milliseconds."""
ALARM_BYTES: Final = 64 * 1024 * 1024
"""A log of this length tells that somebody keeps it from beginning anew."""


class Checkpoints:
    """When to do the next, and the lock.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._wal = path.with_name(f"{path.name}-wal")
        self._lock = os.open(
            path.with_name(f"{path.name}-maintenance"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        self.written = 0
        """Bytes since the last checkpoint, about."""
        self._alarmed = False

    def is_due(self, *, idle: bool) -> bool:
        """Return whether to do one now."""
        return self.written >= CHECKPOINT_BYTES or (idle and self.written > 0)

    def run(self, connection: Connection) -> None:
        """Bring what can be into the file; what a reader still needs stays in the log."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        try:
            _, frames, done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        self.written = 0
        self._tell(frames, done)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let nobody checkpoint while the block lasts."""
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Free the lock."""
        os.close(self._lock)

    def _tell(self, frames: int, done: int) -> None:
        if done >= frames:
            if self._alarmed:
                logger.warning("the log of the queue's file can begin anew")
            self._alarmed = False
            return
        try:
            size = self._wal.stat().st_size
        except OSError:
            return
        if size >= ALARM_BYTES and not self._alarmed:
            self._alarmed = True
            logger.warning(
                "the log of the queue's file grows, as another program keeps reading an old state of it; end that",
                extra={"file": str(self._wal), "bytes": size},
            )
