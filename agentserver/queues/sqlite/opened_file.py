"""The file while a queue has it open: its connections, its locks, and the journal.

Takes a path; gives all of it, or raises `QueueFault` and leaves nothing open. Closing leaves the file in order, for
whoever opens it next.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agentserver.queues.sqlite.checkpoint import Checkpoints
from agentserver.queues.sqlite.claiming import enter, leave
from agentserver.queues.sqlite.journal import Journal
from agentserver.queues.sqlite.loading import Stub, read_stubs
from agentserver.queues.sqlite.opening import fault, make_folder, open_file, open_for_reading
from agentserver.queues.sqlite.owners import OwnerLock, lock_daemon

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class OpenedFile:
    """What is open.

    Args:
        path: The file.
        journal: Writes it.
        reading: Reads it beside.
        lock: That of this process.
        checkpoints: When the log is brought into the file.
        daemon_lock: The descriptor of the lock that one process alone has, where that was wanted.
        stubs: What waited for this process when it was opened.
    """

    path: Path
    journal: Journal
    reading: sqlite3.Connection
    lock: OwnerLock
    checkpoints: Checkpoints
    daemon_lock: int | None
    stubs: list[Stub]

    def close(self) -> None:
        """Close all, once nobody writes any more."""
        connection = self.journal.connection
        try:
            leave(connection, self.journal.owner, self.lock)
        except sqlite3.Error as exc:
            logger.warning(
                "the queue's file was not left in order", extra={"reason": str(fault(self.path, exc))}
            )
            self.lock.release()
        self.reading.close()
        connection.close()
        self.checkpoints.close()
        if self.daemon_lock is not None:
            os.close(self.daemon_lock)


def open_queue_file(path: Path, now: float, key_window_s: float, *, exclusive: bool) -> OpenedFile:
    """Open a file, and become the owner of what nobody else owns in it.

    Args:
        path: The file.
        now: The time, in seconds since the epoch.
        key_window_s: As of `Journal`.
        exclusive: Whether no other exclusive queue may have it open.

    Raises:
        QueueFault: It cannot be used.
    """
    with ExitStack() as stack:
        daemon_lock = None
        make_folder(path.parent)
        if exclusive:
            daemon_lock = lock_daemon(path)
            stack.callback(os.close, daemon_lock)
        connection = open_file(path)
        stack.callback(connection.close)
        checkpoints = Checkpoints(path)
        stack.callback(checkpoints.close)
        try:
            number, lock, claimed = enter(connection, path, now)
            stack.callback(lock.release)
            journal = Journal(connection, number, claimed.books, key_window_s, checkpoints)
            stubs = list(read_stubs(connection, number, 0))
        except sqlite3.Error as exc:
            raise fault(path, exc) from exc
        if claimed.suspects:
            logger.warning(
                "a process ended while it was handling messages; they are tried one at a time",
                extra={"file": str(path), "messages": claimed.suspects},
            )
        reading = open_for_reading(path)
        stack.pop_all()
        return OpenedFile(path, journal, reading, lock, checkpoints, daemon_lock, stubs)
    raise AssertionError("never here: nothing is suppressed")
