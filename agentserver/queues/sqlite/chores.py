"""What the writing thread does between two commits, a little at a time.

It looks for messages that others put in or left behind, brings the log into the file, lets old history go. Takes the
journal; tells the queue, by a function, what it has taken over. Nothing here holds up a commit for longer
than some milliseconds. Asks the clock for the time of day, and the steady one for how long things took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from agentserver.queues.sqlite.checkpoint import Checkpoints
from agentserver.queues.sqlite.claiming import Claimed, claim
from agentserver.queues.sqlite.journal import Journal
from agentserver.queues.sqlite.loading import Stub, read_stubs_of
from agentserver.queues.sqlite.retention import remove_history, remove_keys, remove_letters, shrink

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25
"""Seconds between two looks whether another process has written."""
OWNERS_EVERY_S: Final = 2.0
"""Seconds between two looks whether another process has ended."""
CLEAN_EVERY_S: Final = 1.0
"""Seconds between two looks for what is too old, while there is nothing."""
STEP_S: Final = 0.015
"""Seconds that one step of cleaning aims to take."""
MIN_STEP: Final = 100
MAX_STEP: Final = 2_000
"""Rows of one step of cleaning."""
PAGES: Final = 64
"""Pages that are given back at once."""


class Chores:
    """What is due when.

    Args:
        path: The database.
        clock: Seconds since the epoch.
        checkpoints: When the log is brought into the file.
        took_over: Is called, in the writing thread, with what was taken over.
        retention_s: Seconds for which endings are kept; None keeps them for ever.
        dead_retention_s: Seconds for which dead letters are kept; None keeps them for ever.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        checkpoints: Checkpoints,
        took_over: Callable[[Claimed, list[Stub]], None],
        *,
        retention_s: float | None,
        dead_retention_s: float | None,
    ) -> None:
        self._path, self._clock, self._checkpoints, self._took_over = path, clock, checkpoints, took_over
        self.retention_s, self.dead_retention_s = retention_s, dead_retention_s
        self._version = -1
        self._next_owners = self._next_clean = 0.0
        self._limit = MIN_STEP

    def __call__(self, journal: Journal, idle: bool) -> float:
        """Do what is due; return the seconds until there may be more."""
        now = time.monotonic()
        self._look_around(journal, now)
        if self._checkpoints.is_due(idle=idle):
            self._checkpoints.run(journal.connection)
        if now >= self._next_clean:
            more = self._clean(journal)
            self._next_clean = time.monotonic() + (2 * STEP_S if more else CLEAN_EVERY_S)
            if more:
                return 2 * STEP_S
        return LOOK_EVERY_S

    def _look_around(self, journal: Journal, now: float) -> None:
        """Take over what others put in for whoever comes, and what they left behind when they ended."""
        version = journal.connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version and now < self._next_owners:
            return
        self._version, self._next_owners = version, now + OWNERS_EVERY_S
        claimed, journal.alone = claim(journal.connection, self._path, journal.owner)
        if claimed.seqs or any(claimed.books):
            journal.add_books(claimed.books)
            stubs = read_stubs_of(journal.connection, claimed.seqs)
            logger.info(
                "took over what another process left",
                extra={"messages": len(claimed.seqs), "suspects": claimed.suspects},
            )
            self._took_over(claimed, stubs)

    def _clean(self, journal: Journal) -> bool:
        """Let a little go of what is too old; return whether there may be more."""
        began, connection, kept_s = time.monotonic(), journal.connection, self.retention_s
        more = kept_s is not None and remove_history(connection, self._clock() - kept_s, self._limit)
        more |= self._clean_rest(connection, journal.key_window_s)
        took_s = time.monotonic() - began
        if more:
            self._checkpoints.written += self._limit * 1_000
            self._limit = (
                min(MAX_STEP, self._limit * 2) if took_s < STEP_S else max(MIN_STEP, self._limit // 2)
            )
        return more

    def _clean_rest(self, connection: Connection, key_window_s: float) -> bool:
        now = self._clock()
        more = remove_keys(connection, now - key_window_s, self._limit)
        if self.dead_retention_s is not None:
            more |= remove_letters(connection, now - self.dead_retention_s, self._limit)
        return shrink(connection, PAGES) or more
