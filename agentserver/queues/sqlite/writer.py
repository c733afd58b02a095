"""The thread that writes: what came while the last commit ran goes into the next.

Takes changes, and calls to be made with the journal, from the event loop; tells the event loop what came of them, in
the order in which they were given, all that one commit held at once. While the file cannot be written it keeps what
it was given, says so once, and tries again by itself. In between it does chores. Knows nothing of what is written.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

from agentserver.errors import PumpClosed, QueueFault, QueueFull
from agentserver.queues.sqlite.changes import Change
from agentserver.queues.sqlite.journal import Journal

logger = logging.getLogger(__name__)

MAX_GROUP: Final = 1_000
"""Operations of one commit."""
BUSY: Final = 32
"""Rows of a commit that tell of load: then the next one is held back a little, since fewer commits cost less."""
GATHER_S: Final = 0.001
FIRST_PAUSE_S: Final = 0.05
MAX_PAUSE_S: Final = 1.0
"""Seconds between two attempts to write to a file that cannot be written."""
MAX_CLOSING_S: Final = 2.0
"""Seconds for which it goes on trying so when it is to end."""

_LASTING: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What no waiting mends."""

_OF_A_VALUE: Final = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
)
"""What is no fault of the file, but of what was to be written."""

Finish: TypeAlias = Callable[[Any, Exception | None], None]
"""Is called in the event loop with what came of it, or with what went wrong."""
Call: TypeAlias = Callable[[Journal], Any]
Item: TypeAlias = tuple[Change | Call | None, Finish]
Chores: TypeAlias = Callable[[Journal, bool], float]
"""Is told whether nothing else was to be done; returns the seconds after which it wants to be called again."""


class Writer:
    """The thread and its inbox.

    Args:
        journal: Where to write. Nobody else uses it once the thread runs.
        clock: Seconds since the epoch.
        translate: Says in our words what `sqlite3` raised.
        chores: What is done in between.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], float],
        translate: Callable[[sqlite3.Error], QueueFault],
        chores: Chores,
    ) -> None:
        self._journal, self._clock, self._translate, self._chores = journal, clock, translate, chores
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy = False  # the last commit held much, so that the next is worth a moment's wait
        self.trouble: str | None = None
        """Why nothing can be written at the moment."""
        self.fault: QueueFault | None = None
        """Why nothing can be written any more."""

    def start(self) -> None:
        """Begin, where that was not done yet; to be called in the event loop that is told."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="queue-writer", daemon=True)
            self._thread.start()

    def submit(self, what: Change | Call, finish: Finish) -> None:
        """Have a change written, or a call made; to be called in the event loop."""
        if self._thread is None:
            self.start()
        if self._closing.is_set():
            asyncio.get_running_loop().call_soon(finish, None, PumpClosed("the queue's file is closed"))
        else:
            self._inbox.put((what, finish))

    def close(self) -> None:
        """Write what was given, and wait until that is done; or until it is clear that it cannot be."""
        self._closing.set()
        if self._thread is not None:
            self._inbox.put((None, _nothing))
            self._thread.join()

    def tell(self, finished: Sequence[tuple[Finish, Any, Exception | None]]) -> None:
        """Call functions in the event loop, from the thread; in none if that is closed."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_finish, finished)
        except RuntimeError:
            logger.debug("nobody is left to tell what was written")

    def _run(self) -> None:
        wait_s, next_chores = 0.0, 0.0
        while True:
            items = self._take_in(wait_s)
            changes = [(what, finish) for what, finish in items if isinstance(what, Change)]
            if changes:
                self._write(changes)
                self._busy = sum([len(change.puts) + len(change.ends) for change, _ in changes]) >= BUSY
            for what, finish in items:
                if what is not None and not isinstance(what, Change):
                    self._call(what, finish)
            if items and items[-1][0] is None:
                return
            wait_s = next_chores - time.monotonic()
            if wait_s <= 0:
                wait_s = self._do_chores(idle=not items)
                next_chores = time.monotonic() + wait_s

    def _take_in(self, wait_s: float) -> list[Item]:
        """Wait for something to do, for so long at most, and take all there is."""
        inbox, items = self._inbox, list[Item]()
        try:
            items.append(inbox.get(timeout=wait_s))
            if self._busy:
                time.sleep(GATHER_S)
            while len(items) < MAX_GROUP and items[-1][0] is not None:
                items.append(inbox.get_nowait())
        except Empty:
            pass
        return items

    def _write(self, changes: list[tuple[Change, Finish]]) -> None:
        """Write a group, however long it takes; then tell."""
        pause_s, began = FIRST_PAUSE_S, time.monotonic()
        while changes:
            try:
                results = self._journal.commit([change for change, _ in changes], self._clock())
            except sqlite3.Error as exc:
                if isinstance(exc, _OF_A_VALUE):
                    self._write_singly(changes, exc)
                    return
                if self._is_over(exc, began):
                    self._refuse(changes, self._translate(exc))
                    return
                changes = self._hold(changes, str(self._translate(exc)))
                self._pause(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
            except Exception as exc:  # noqa: BLE001  # one of them cannot be stored: the others must not suffer
                if not _lacks_memory_alone(changes, exc) or self._is_over(exc, began):
                    self._write_singly(changes, exc)
                    return
                changes = self._hold(changes, "there is no memory left for it")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
            else:
                if self.trouble is not None:
                    self.trouble = None
                    logger.warning("the queue's file can be written again")
                self.tell(
                    [(finish, result, None) for (_, finish), result in zip(changes, results, strict=True)]
                )
                return

    def _pause(self, seconds: float) -> None:
        """Wait; but not long when it is to end."""
        if self._closing.wait(seconds):
            time.sleep(FIRST_PAUSE_S)

    def _write_singly(self, changes: list[tuple[Change, Finish]], exc: Exception) -> None:
        if len(changes) == 1:
            logger.error("a change could not be stored", exc_info=exc)
            self._refuse(changes, exc)
            return
        for change in changes:
            self._write([change])

    def _hold(self, changes: list[tuple[Change, Finish]], reason: str) -> list[tuple[Change, Finish]]:
        """Say once that nothing can be written; refuse what does not want to wait, and return the others."""
        if self.trouble is None:
            logger.error(
                "the queue's file cannot be written; it is tried again and again", extra={"reason": reason}
            )
        self.trouble = reason
        impatient = [change for change in changes if not change[0].may_wait]
        if impatient:
            self._refuse(impatient, QueueFull(f"nothing can be written at the moment: {reason}"))
        return [change for change in changes if change[0].may_wait]

    def _refuse(self, changes: Sequence[tuple[Change, Finish]], exc: Exception) -> None:
        self.tell([(finish, None, exc) for _, finish in changes])

    def _is_over(self, exc: Exception, began: float) -> bool:
        """Return whether there is no sense in trying again."""
        if (
            self.fault is None
            and isinstance(exc, sqlite3.Error)
            and getattr(exc, "sqlite_errorcode", 0) & 0xFF in _LASTING
        ):
            self.fault = self._translate(exc)
            logger.error("the queue's file cannot be used any more", extra={"reason": str(self.fault)})
        return self.fault is not None or (self._closing.is_set() and time.monotonic() - began > MAX_CLOSING_S)

    def _call(self, call: Call, finish: Finish) -> None:
        try:
            result = call(self._journal)
        except sqlite3.Error as exc:
            logger.error("the queue's file cannot be read", extra={"reason": str(self._translate(exc))})
            self.tell([(finish, None, self._translate(exc))])
        except Exception as exc:
            logger.exception("a bug in the queue")
            self.tell([(finish, None, exc)])
        else:
            self.tell([(finish, result, None)])

    def _do_chores(self, *, idle: bool) -> float:
        try:
            return self._chores(self._journal, idle)
        except sqlite3.Error as exc:
            logger.debug(
                "a chore of the queue failed", exc_info=exc
            )  # what is to be written will say so, too
        except Exception:
            logger.exception("a bug in the queue's chores")
        return MAX_PAUSE_S


def _finish(finished: Sequence[tuple[Finish, Any, Exception | None]]) -> None:
    for finish, result, exc in finished:
        finish(result, exc)


def _lacks_memory_alone(changes: Sequence[tuple[Change, Finish]], exc: Exception) -> bool:
    """Return whether memory is all that one change lacks, which nobody outside could put in again."""
    return isinstance(exc, MemoryError) and len(changes) == 1 and not changes[0][0].is_admission


def _nothing(_: Any, __: Exception | None) -> None:
    pass
