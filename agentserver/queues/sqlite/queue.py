"""The queue in a file: what was put in is on the disk before anybody hears of it, and is there for the next process.

Takes and gives what `MessageQueue` says. Everything is decided in the event loop: what waits, what is next, what the
books say. The file is written by a thread of its own (`writer.py`), and what is to be told is told once a commit is
over. What is next, `schedule.py` says, as for the queue in memory; `working_set.py`, what of it is in memory.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from agentserver.queues.known_keys import DEFAULT_WINDOW_S
from agentserver.queues.memory import DEFAULT_MAX_DEAD_BYTES, DEFAULT_MAX_DEAD_LETTERS
from agentserver.queues.protocol import Books, DeadLetter, Delivery, QueuedMessage, Settlement
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.chores import Chores
from agentserver.queues.sqlite.claiming import Claimed
from agentserver.queues.sqlite.desk import Desk
from agentserver.queues.sqlite.entrance import Entrance
from agentserver.queues.sqlite.in_hand import InHand
from agentserver.queues.sqlite.loader import Loader
from agentserver.queues.sqlite.loading import Stub
from agentserver.queues.sqlite.lookup import known_keys, newest_letters, opener_in, waiting_openers
from agentserver.queues.sqlite.opened_file import open_queue_file
from agentserver.queues.sqlite.opening import fault
from agentserver.queues.sqlite.settlement import Settlements
from agentserver.queues.sqlite.working_set import WorkingSet
from agentserver.queues.sqlite.writer import Writer

DEFAULT_MAX_WAITING: Final = 10_000
DEFAULT_MAX_WAITING_BYTES: Final = 256 * 1024 * 1024
DEFAULT_MAX_LOADED: Final = 20_000
DEFAULT_MAX_LOADED_BYTES: Final = 64 * 1024 * 1024
DEFAULT_RETENTION_S: Final = 7 * 86_400.0
DEFAULT_DEAD_RETENTION_S: Final = 30 * 86_400.0
DEFAULT_MAX_CRASHES: Final = 3
MAX_OPENERS: Final = 100_000
"""Conversations whose first message waited at the start, and whose openers are known by that."""


class SqliteQueue:
    """A `MessageQueue` in a file.

    Args:
        path: The file; it is made when it is not there.
        max_waiting: Messages waiting before `put` waits too.
        max_waiting_bytes: Bytes of messages waiting in memory before `put` waits too.
        depth_first: Serve a conversation's next hop before new conversations.
        retention_s: Seconds for which the history is kept; None keeps it for ever.
        dead_retention_s: Seconds for which dead letters are kept; None keeps them for ever.
        max_dead_letters: Dead letters that `dead_letters` gives; the file keeps them all.
        max_dead_bytes: Bytes of the messages that it gives.
        key_window_s: Seconds for which the key of a message that was settled is known.
        max_crashes: How often the process may die while it handles a message before that is given up on.
        max_loaded: Messages that are kept in memory; further ones wait in the file alone.
        max_loaded_bytes: Their bytes.
        exclusive: Whether no other exclusive queue may have the file open, as in a daemon.
        clock: Seconds since the epoch.

    Raises:
        QueueFault: The file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_waiting: int = DEFAULT_MAX_WAITING,
        max_waiting_bytes: int = DEFAULT_MAX_WAITING_BYTES,
        depth_first: bool = False,
        retention_s: float | None = DEFAULT_RETENTION_S,
        dead_retention_s: float | None = DEFAULT_DEAD_RETENTION_S,
        key_window_s: float = DEFAULT_WINDOW_S,
        max_crashes: int = DEFAULT_MAX_CRASHES,
        max_loaded: int = DEFAULT_MAX_LOADED,
        max_loaded_bytes: int = DEFAULT_MAX_LOADED_BYTES,
        max_dead_letters: int = DEFAULT_MAX_DEAD_LETTERS,
        max_dead_bytes: int = DEFAULT_MAX_DEAD_BYTES,
        exclusive: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.max_dead_letters, self.max_dead_bytes = max_dead_letters, max_dead_bytes
        self._clock, self._key_window_s = clock, key_window_s
        opened = self._opened = open_queue_file(self.path, clock(), key_window_s, exclusive=exclusive)
        chores = Chores(
            self.path, clock, opened.checkpoints, self._took_over, retention_s=retention_s,
            dead_retention_s=dead_retention_s,
        )  # fmt: skip
        writer = Writer(opened.journal, clock, partial(fault, self.path), chores)
        working = WorkingSet(max_loaded, max_loaded_bytes, depth_first=depth_first, steady=_loop_time)
        hand = InHand(opened.lock, working.schedule)
        self.books = Books(*opened.journal.books)
        desk = self._desk = Desk(writer, working, hand, self.books, clock)
        self._entrance = Entrance(desk, max_waiting, max_waiting_bytes)
        self._settlements = Settlements(desk)
        self._loader = Loader(desk, opened.reading, max_crashes)
        self._loader.leave(opened.stubs)
        self._ended = False
        self._is_new = not self.books.injected and not opened.stubs  # nobody opened anything before
        self._openers: dict[str, str] | None = None  # of what waited at the start

    @property
    def keeps_history(self) -> bool:
        """It does."""
        return True

    @property
    def outlives_process(self) -> bool:
        """What waits in it does."""
        return True

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The newest dead letters that nobody has dealt with, oldest first."""
        return newest_letters(self._opened.reading, self.max_dead_letters, self.max_dead_bytes)

    @property
    def max_waiting(self) -> int:
        """Messages waiting before `put` waits too."""
        return self._entrance.max_waiting

    @max_waiting.setter
    def max_waiting(self, value: int) -> None:
        self._entrance.max_waiting = value

    async def put(self, messages: Sequence[QueuedMessage], *, wait: bool = True) -> None:
        """Admit messages; return once they are on the disk. See `MessageQueue.put`."""
        await (self._entrance.put(messages) if wait else self._entrance.put_at_once(messages))

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for one message, then take what is ready. See `MessageQueue.take`."""
        if limit < 1:
            raise ValueError(f"take({limit}): at least one message is taken")
        desk, schedule, working = self._desk, self._desk.schedule, self._desk.working
        desk.writer.start()
        if working.away:
            self._loader.load()
        while not schedule.ready and not desk.closed and not desk.is_due():
            await desk.takers.wait()
        if desk.closed:
            return []
        messages = schedule.take(limit, self._clock())
        deliveries = desk.take(messages)
        if working.counts:
            working.taken(messages)
        if working.away:
            self._loader.load()
        desk.tell_takers()
        self._entrance.tell()
        return deliveries

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch, and wait until it is on the disk. See `MessageQueue.settle`."""
        await self._settlements.settle(outcome)

    async def known(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the keys that were settled. See `MessageQueue.known`."""
        return known_keys(self._opened.reading, keys, self._clock() - self._key_window_s)

    def opener(self, thread_id: str) -> str | None:
        """Return who opened a conversation. See `MessageQueue.opener`."""
        if self._is_new:
            return None
        if self._openers is None:
            self._openers = waiting_openers(self._opened.reading, MAX_OPENERS)
        return self._openers.get(thread_id.lower()) or opener_in(self._opened.reading, thread_id)

    def release(self, lane: str, limit: int) -> int:
        """Let what a lane holds be taken. See `MessageQueue.release`."""
        left = self._desk.schedule.release(lane, limit)
        self._desk.tell_takers()
        return left

    def due_in(self) -> float | None:
        """Return when something will be ready. See `MessageQueue.due_in`."""
        desk = self._desk
        return 0.0 if desk.schedule.ready or desk.working.away else desk.schedule.next_due(self._clock())

    async def split(self, delivery: Delivery, parts: Sequence[QueuedMessage]) -> list[Delivery]:
        """Replace a delivery by its parts, taken already. See `MessageQueue.split`."""
        row = self._desk.hand.begin(delivery)
        if row is None:
            return []
        end = End(row, delivery.message, self._desk.record(delivery, "split"))
        return list(await self._desk.write(Change(parts, ends=(end,)), partial(self._was_split, delivery)))

    async def idle(self) -> None:
        """Wait until nothing is in flight and nothing waits but for its time or in a lane."""
        while not self._desk.is_idle():
            await self._desk.idlers.wait()

    def recover(self) -> int:
        """Put back what was taken and never settled, in its old order, before all else."""
        desk = self._desk
        desk.schedule.release_all()
        lost = desk.hand.put_back()
        desk.schedule.add_first(lost)
        desk.books.in_flight -= len(lost)
        desk.books.waiting += len(lost)
        return len(lost)

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[Delivery]:
        """Take those that wait and for which `applies` holds. See `MessageQueue.withdraw`."""
        self._loader.load_all()
        deliveries = self._desk.take(self._desk.schedule.withdraw(applies))
        self._entrance.tell()
        return deliveries

    def set_aside(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was taken waits for other messages. See `MessageQueue.set_aside`."""
        self._desk.hand.set_aside(deliveries)
        self._desk.tell_takers()  # a suspect may have waited for one of these to end

    def take_up(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was set aside is handled now. See `MessageQueue.take_up`."""
        self._desk.hand.take_up(deliveries)

    def in_flight(self) -> list[Delivery]:
        """Return what was taken and is not settled. See `MessageQueue.in_flight`."""
        return self._desk.hand.all_taken()

    def abandon(self) -> list[Delivery]:
        """Return nothing, as nothing is lost with this process."""
        return []

    def close(self) -> None:
        """Admit nothing more and give nothing more; wake whoever waits."""
        self._desk.close()
        self._entrance.close()

    async def aclose(self) -> None:
        """Write what is to be written, and close the file."""
        self.close()
        if self._ended:
            return
        self._ended = True
        await asyncio.to_thread(self._desk.writer.close)
        self._opened.close()

    def _was_split(self, delivery: Delivery, change: Change, written: Written) -> list[Delivery]:
        desk, parts = self._desk, list[QueuedMessage]()
        for message, row in zip(change.puts, written.rows, strict=True):
            if row is not None:
                desk.hand.rows[message.id] = row
                parts.append(message)
        books = desk.books
        books.settled += 1
        books.emitted += len(parts)
        books.waiting += len(parts)  # until they are taken, at once
        books.in_flight -= 1
        desk.hand.end((delivery,))
        desk.tell_takers()
        return desk.take(parts)

    def _took_over(self, claimed: Claimed, stubs: list[Stub]) -> None:
        self._loader.took_over(claimed, stubs)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
