"""What comes from the file: messages that waited when it was opened, that others left, that had no room in memory.

Takes numbers of messages; lets the messages wait, or gives up on them: on those that are damaged, and on those that
have brought down the process too often. They become dead letters of the stage `queue`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from agentserver.queues.protocol import DeadLetter, Delivery, QueuedMessage, Record
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.claiming import Claimed
from agentserver.queues.sqlite.desk import Desk
from agentserver.queues.sqlite.loading import StoredMessage, Stub, read_waiting

logger = logging.getLogger(__name__)

AT_ONCE: Final = 500
"""Messages that are read at once where nobody can wait."""
AGAIN_S: Final = 1.0
"""Seconds after which what could not be read is tried again."""


class Loader:
    """Load messages.

    Args:
        desk: The queue's state.
        reading: A connection to read with at once.
        max_crashes: How often the process may die while it handles a message before that is given up on.
    """

    def __init__(self, desk: Desk, reading: sqlite3.Connection, max_crashes: int) -> None:
        self._desk, self._reading, self._max_crashes = desk, reading, max_crashes

    def leave(self, stubs: Iterable[Stub]) -> None:
        """Let wait what is in the file and belongs to this process from now on."""
        for stub in stubs:
            self._desk.working.leave(stub.conversation, stub.seq)
            self._desk.books.waiting += 1

    def took_over(self, claimed: Claimed, stubs: list[Stub]) -> None:
        """Note what the writing thread has taken over; called there."""

        def finish(_: object, __: Exception | None) -> None:
            books, (injected, emitted, settled, dead) = self._desk.books, claimed.books
            books.injected += injected
            books.emitted += emitted
            books.settled += settled
            books.dead += dead
            self.leave(stubs)
            self.load()

        self._desk.writer.tell([(finish, None, None)])

    def load(self) -> None:
        """Have loaded what is wanted; what was withdrawn meanwhile is not wanted any more."""
        working = self._desk.working
        seqs = working.wanted()
        if not seqs:
            return

        def finish(stored: list[StoredMessage] | None, _: Exception | None) -> None:
            if not working.is_loading(seqs):
                return
            if stored is None:
                working.not_loaded()
                asyncio.get_running_loop().call_later(AGAIN_S, self.load)
            else:
                working.loaded(self._received(stored))
                self.load()
                self._desk.takers.wake_all()

        self._desk.writer.submit(lambda journal: journal.read(seqs), finish)

    def load_all(self) -> None:
        """Load everything, now."""
        working = self._desk.working
        while working.away:
            seqs = working.take_away()
            for start in range(0, len(seqs), AT_ONCE):
                for message in self._received(read_waiting(self._reading, seqs[start : start + AT_ONCE])):
                    working.schedule.add(message)

    def _received(self, stored: Sequence[StoredMessage]) -> list[QueuedMessage]:
        """Return what may wait as any other."""
        desk, good, bad = self._desk, list[QueuedMessage](), list[End]()
        for each in stored:
            message = each.message
            if not each.is_intact or message.crashes > self._max_crashes:
                bad.append(End(each.row, message, *self._given_up(each)))
                continue
            desk.hand.rows[message.id] = each.row
            if message.crashes:
                desk.hand.suspect(message)
            else:
                good.append(message)
        if bad:
            desk.books.waiting -= len(bad)
            desk.books.in_flight += len(bad)
            desk.write(Change(ends=bad), self._buried)
        return good

    def _buried(self, change: Change, _: Written) -> None:
        self._desk.books.in_flight -= len(change.ends)
        self._desk.books.dead += len(change.ends)
        self._desk.tell_idlers()

    def _given_up(self, stored: StoredMessage) -> tuple[Record, DeadLetter]:
        message = stored.message
        if stored.is_intact:
            code, reason = "crashed", f"the process died {message.crashes} times while it was being handled"
        else:
            code, reason = "damaged", "its row in the queue's file is not what was written: see to the disk"
        fields = {"message_id": message.id, "code": code, "reason": reason}
        logger.error("a message was given up on", extra=fields)
        letter = DeadLetter(
            message, "queue", code, reason, message.sender, message.thread_id, self._desk.clock()
        )
        return self._desk.record(Delivery(message), "dead", letter), letter
