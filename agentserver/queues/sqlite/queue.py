"""The queue in a file: what was put in is on the disk before anybody hears of it, and is there for the next process.

Takes and gives what `MessageQueue` says. Everything that is decided, is decided here, in the event loop: what waits,
what is next, what the books say. The file is written by a thread of its own (`writer.py`), and what is to be told is
told once a commit is over. What is next, `schedule.py` says, as for the queue in memory; `working_set.py`, what of it
is in memory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from agentserver.errors import PumpClosed, QueueFull
from agentserver.queues.known_keys import DEFAULT_WINDOW_S
from agentserver.queues.memory import DEFAULT_MAX_DEAD_BYTES, DEFAULT_MAX_DEAD_LETTERS
from agentserver.queues.protocol import Books, DeadLetter, Delivery, QueuedMessage, Record, Settlement
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.chores import Chores
from agentserver.queues.sqlite.claiming import Claimed
from agentserver.queues.sqlite.in_hand import InHand
from agentserver.queues.sqlite.loading import StoredMessage, Stub, read_waiting
from agentserver.queues.sqlite.lookup import known_keys, newest_letters
from agentserver.queues.sqlite.opened_file import open_queue_file
from agentserver.queues.sqlite.opening import fault
from agentserver.queues.sqlite.rows import Row
from agentserver.queues.sqlite.working_set import WorkingSet
from agentserver.queues.sqlite.writer import Writer
from agentserver.queues.waiters import Waiters

logger = logging.getLogger(__name__)

DEFAULT_MAX_WAITING: Final = 10_000
DEFAULT_MAX_WAITING_BYTES: Final = 256 * 1024 * 1024
DEFAULT_MAX_LOADED: Final = 20_000
DEFAULT_MAX_LOADED_BYTES: Final = 64 * 1024 * 1024
DEFAULT_RETENTION_S: Final = 7 * 86_400.0
DEFAULT_DEAD_RETENTION_S: Final = 30 * 86_400.0
DEFAULT_MAX_CRASHES: Final = 3
MAX_PUT: Final = 500
"""Messages of one `put` that go into one change."""
MAX_LOOK_S: Final = 60.0
"""Longest that a timer runs for messages that wait for their time, as the clock may have been set meanwhile."""
SOON_S: Final = 1.0
"""Seconds for which `idle` waits for a message that is not due yet."""

made: Final = tuple.__new__
"""Half the time of a call of a named tuple's class."""


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
        self.max_waiting, self.max_waiting_bytes = max_waiting, max_waiting_bytes
        self.max_dead_letters, self.max_dead_bytes = max_dead_letters, max_dead_bytes
        self.max_crashes = max_crashes
        self._clock, self._key_window_s = clock, key_window_s
        opened = self._opened = open_queue_file(self.path, clock(), key_window_s, exclusive=exclusive)
        self._chores = Chores(
            self.path,
            clock,
            opened.checkpoints,
            self._take_over,
            retention_s=retention_s,
            dead_retention_s=dead_retention_s,
        )
        self._writer = Writer(opened.journal, clock, partial(fault, self.path), self._chores)
        self._working = WorkingSet(max_loaded, max_loaded_bytes, depth_first=depth_first, steady=_loop_time)
        self._hand = InHand(opened.lock, self._working.schedule)
        self._takers, self._putters, self._idlers = Waiters(), Waiters(), Waiters()
        self._alarm: asyncio.TimerHandle | None = None
        self._arriving = 0  # messages that were admitted, and are not on the disk yet
        self._entering: list[asyncio.Future[None]] = []  # who waits for what is put in with the next change
        self._to_enter: list[QueuedMessage] = []
        self._closed = self._ended = False
        self.books = Books(*opened.journal.books)
        self._leave(opened.stubs)

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

    async def put(self, messages: Sequence[QueuedMessage], *, wait: bool = True) -> None:
        """Admit messages; return once they are on the disk. See `MessageQueue.put`."""
        count, waiting = len(messages), self.books.waiting + self._arriving
        if count <= MAX_PUT and wait and waiting + count < self.max_waiting and self._is_open():
            await self._enter(messages)
            self._tell_putters()
            return
        if not wait:
            self._refuse_without_room(messages)
        start = 0
        while start < len(messages):
            while self._is_full() and not self._closed and wait:
                await self._putters.wait()
            if self._closed:
                raise PumpClosed("the queue is closed")
            if self._writer.fault is not None:
                raise self._writer.fault
            most = (
                min(MAX_PUT, self.max_waiting - self.books.waiting - self._arriving)
                if wait
                else len(messages)
            )
            part = messages[start : start + max(1, most)]
            start += len(part)
            await (self._enter(part) if wait else self._write(Change(part, True, False), self._admitted))
        self._tell_putters()

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for one message, then take what is ready. See `MessageQueue.take`."""
        if limit < 1:
            raise ValueError(f"take({limit}): at least one message is taken")
        schedule = self._working.schedule
        self._writer.start()
        if self._working.away:
            self._load()
        while not schedule.ready and not self._closed and not self._is_due():
            await self._takers.wait()
        if self._closed:
            return []
        messages = schedule.take(limit, self._clock())
        deliveries = self._hand.take(messages)
        self.books.waiting -= len(deliveries)
        self.books.in_flight += len(deliveries)
        if self._working.away:
            self._working.taken(messages)
            self._load()
        if schedule.ready and self._takers.futures:
            self._takers.wake_one()
        self._tell_putters()
        return deliveries

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch, and wait until it is on the disk. See `MessageQueue.settle`."""
        begin, ends, finished, gone = self._hand.begin, list[End](), list[Delivery](), set[str]()
        records = {record[0]: record for record in outcome.records}
        for delivery, row in zip(outcome.acks, self._hand.begin_all(outcome.acks), strict=True):
            message = delivery.message
            if row is None:
                gone.add(message.id)
                continue
            finished.append(delivery)
            record = records.get(message.id) or self._record(delivery, "done")
            ends.append(made(End, (row, message, record, None)))
        for delivery, letter in outcome.dead:
            row, message = begin(delivery), delivery.message
            if row is None:
                gone.add(message.id)
                continue
            finished.append(delivery)
            record = records.get(message.id) or self._record(delivery, "dead", letter)
            ends.append(End(row, message, record, letter))
        await self._settle_rest(outcome, ends, finished, gone)

    async def _settle_rest(
        self, outcome: Settlement, ends: list[End], finished: list[Delivery], gone: set[str]
    ) -> None:
        """Settle what waits again, and have all of it written."""
        retries: list[tuple[Row, QueuedMessage]] = []
        for delivery, message in outcome.retries:
            row = self._hand.begin(delivery)
            if row is not None:
                finished.append(delivery)
                retries.append((row, message))
        if outcome.held:
            begin = self._hand.begin
            self._give_back(
                [(delivery, lane) for delivery, lane in outcome.held if begin(delivery) is not None]
            )
        puts = outcome.puts
        if gone:
            puts = [put for put in puts if put.parent_id not in gone]
        if puts or ends or retries or outcome.keys:
            change = Change(puts, ends=ends, retries=retries, keys=outcome.keys)
            await self._write(change, partial(self._settled, finished))

    async def known(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the keys that were settled. See `MessageQueue.known`."""
        return known_keys(self._opened.reading, keys, self._clock() - self._key_window_s)

    def release(self, lane: str, limit: int) -> int:
        """Let what a lane holds be taken. See `MessageQueue.release`."""
        left = self._working.schedule.release(lane, limit)
        if self._working.schedule.ready:
            self._takers.wake_one()
        return left

    def due_in(self) -> float | None:
        """Return when something will be ready. See `MessageQueue.due_in`."""
        schedule = self._working.schedule
        return 0.0 if schedule.ready or self._working.away else schedule.next_due(self._clock())

    async def split(self, delivery: Delivery, parts: Sequence[QueuedMessage]) -> list[Delivery]:
        """Replace a delivery by its parts, taken already. See `MessageQueue.split`."""
        row = self._hand.begin(delivery)
        if row is None:
            return []
        end = End(row, delivery.message, self._record(delivery, "split"))
        return list(await self._write(Change(parts, ends=(end,)), partial(self._was_split, delivery)))

    async def idle(self) -> None:
        """Wait until nothing is in flight and nothing waits but for its time or in a lane."""
        while not self._is_idle():
            await self._idlers.wait()

    def recover(self) -> int:
        """Put back what was taken and never settled, in its old order, before all else."""
        self._working.schedule.release_all()
        lost = self._hand.put_back()
        self._working.schedule.add_first(lost)
        self.books.in_flight -= len(lost)
        self.books.waiting += len(lost)
        return len(lost)

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[Delivery]:
        """Take those that wait and for which `applies` holds. See `MessageQueue.withdraw`."""
        while self._working.away:
            seqs = self._working.take_away()
            for start in range(0, len(seqs), MAX_PUT):
                for message in self._receive(
                    read_waiting(self._opened.reading, seqs[start : start + MAX_PUT])
                ):
                    self._working.schedule.add(message)
        deliveries = self._hand.take(self._working.schedule.withdraw(applies))
        self.books.waiting -= len(deliveries)
        self.books.in_flight += len(deliveries)
        self._tell_putters()
        return deliveries

    def set_aside(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was taken waits for other messages. See `MessageQueue.set_aside`."""
        self._hand.set_aside(deliveries)
        if self._working.schedule.ready:
            self._takers.wake_one()  # a suspect that waited for one of these to end

    def take_up(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was set aside is handled now. See `MessageQueue.take_up`."""
        self._hand.take_up(deliveries)

    def in_flight(self) -> list[Delivery]:
        """Return what was taken and is not settled. See `MessageQueue.in_flight`."""
        return self._hand.all_taken()

    def abandon(self) -> list[Delivery]:
        """Return nothing, as nothing is lost with this process."""
        return []

    def close(self) -> None:
        """Admit nothing more and give nothing more; wake whoever waits."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        for waiters in (self._takers, self._putters):
            waiters.wake_all()

    async def aclose(self) -> None:
        """Write what is to be written, and close the file."""
        self.close()
        if self._ended:
            return
        self._ended = True
        await asyncio.to_thread(self._writer.close)
        self._opened.close()

    def _is_open(self) -> bool:
        """Return whether anything can be put in, but for the number of messages that wait."""
        writer, schedule = self._writer, self._working.schedule
        return not self._closed and writer.fault is None and schedule.bytes < self.max_waiting_bytes

    def _is_full(self) -> bool:
        return (
            self.books.waiting + self._arriving >= self.max_waiting
            or self._working.schedule.bytes >= self.max_waiting_bytes
        )

    def _refuse_without_room(self, messages: Sequence[QueuedMessage]) -> None:
        waiting = self.books.waiting + self._arriving
        if self._writer.trouble is not None:
            raise QueueFull(f"nothing can be written at the moment: {self._writer.trouble}")
        if waiting + len(messages) > self.max_waiting or self._is_full():
            raise QueueFull(
                f"{waiting} messages wait, with {self._working.schedule.bytes} bytes in memory; the limits are "
                f"{self.max_waiting} and {self.max_waiting_bytes} bytes: try again later, let inject wait, or raise "
                "limits.queue_messages"
            )

    def _tell_putters(self) -> None:
        if self._putters.futures and not self._is_full():
            self._putters.wake_one()

    def _is_idle(self) -> bool:
        schedule = self._working.schedule
        if self.books.in_flight or schedule.ready or self._working.away or self._arriving:
            return False
        due_s = schedule.next_due(self._clock())
        return due_s is None or due_s > SOON_S

    def _is_due(self) -> bool:
        """Return whether a message that waited for its time is due; see to a call when the next one is."""
        wait_s = self._working.schedule.next_due(self._clock())
        if wait_s is None:
            return False
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            when = loop.time() + min(wait_s, MAX_LOOK_S)
            if self._alarm is None or self._alarm.when() > when:
                if self._alarm is not None:
                    self._alarm.cancel()
                self._alarm = loop.call_at(when, self._ring)
        return wait_s == 0

    def _ring(self) -> None:
        self._alarm = None
        self._takers.wake_one()

    def _write(self, change: Change, effect: Callable[[Change, Written], Any]) -> asyncio.Future[Any]:
        """Have a change written; the future has what `effect` returns, which is called as soon as it is."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def finish(written: Written | None, exc: Exception | None) -> None:
            if change.is_admission:
                self._arriving -= len(change.puts)
            if written is not None:
                result = effect(change, written)
                if not future.done():
                    future.set_result(result)
            elif not future.done():
                assert exc is not None
                future.set_exception(exc)

        if change.is_admission:
            self._arriving += len(change.puts)
        self._writer.submit(change, finish)
        return future

    def _enter(self, messages: Sequence[QueuedMessage]) -> asyncio.Future[None]:
        """Have messages put in together with all others that come in the same turn of the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._entering:
            loop.call_soon(self._send_entering)
        self._entering.append(future)
        self._to_enter += messages
        self._arriving += len(messages)
        return future

    def _send_entering(self) -> None:
        futures, change = self._entering, Change(self._to_enter, True)
        self._entering, self._to_enter = [], []

        def finish(written: Written | None, exc: Exception | None) -> None:
            self._arriving -= len(change.puts)
            if written is not None:
                self._admitted(change, written)
            for future in futures:
                if not future.done():
                    if exc is None:
                        future.set_result(None)
                    else:
                        future.set_exception(exc)

        self._writer.submit(change, finish)

    def _admitted(self, change: Change, written: Written) -> None:
        books, count = self.books, self._enqueue(change, written)
        books.injected += count
        books.waiting += count

    def _enqueue(self, change: Change, written: Written) -> int:
        """Let wait what was put in; return how many that are."""
        puts, rows, known = change.puts, written.rows, self._hand.rows
        if None not in rows and self._working.add_all(puts):
            known.update(zip([put.id for put in puts], rows, strict=True))  # type: ignore[arg-type]  # none is None
            count = len(rows)
        else:
            count = self._enqueue_singly(change, written)
        if count and self._takers.futures:
            self._takers.wake_one()
        return count

    def _enqueue_singly(self, change: Change, written: Written) -> int:
        count, known, add = 0, self._hand.rows, self._working.add
        for message, row in zip(change.puts, written.rows, strict=True):
            if row is not None:
                count += 1
                if add(message, row[0]):
                    known[message.id] = row
        return count

    def _settled(self, finished: list[Delivery], change: Change, written: Written) -> None:
        books = self.books
        if change.puts:
            books.emitted += (count := self._enqueue(change, written))
            books.waiting += count
        buried = sum([end[3] is not None for end in change.ends])
        books.settled += len(change.ends) - buried
        books.dead += buried
        books.in_flight -= len(finished)
        if change.retries:
            self._retry(finished[len(change.ends) :], change)
        self._hand.end(finished)
        if self._takers.futures and self._working.schedule.ready:
            self._takers.wake_one()  # a suspect that waited for these to end
        if written.lost:
            self._forget(change, written.lost)
        self._tell_idlers()

    def _retry(self, deliveries: list[Delivery], change: Change) -> None:
        for delivery, (_, message) in zip(deliveries, change.retries, strict=True):
            self._hand.keep(delivery)
            self._working.schedule.add(message)
        self.books.waiting += len(deliveries)
        if self._takers.futures:
            self._takers.wake_one()  # who sees to it that somebody comes back when they are due

    def _forget(self, change: Change, lost: frozenset[int]) -> None:
        """Take out of the books what another process has taken over, and settles."""
        books = self.books
        for end in change.ends:
            if end.row.seq in lost:
                books.injected -= 1
                books.settled -= end.letter is None
                books.dead -= end.letter is not None
                logger.error("a message was settled by another process", extra={"message_id": end.message.id})

    def _was_split(self, delivery: Delivery, change: Change, written: Written) -> list[Delivery]:
        rows, parts = self._hand.rows, []
        for message, row in zip(change.puts, written.rows, strict=True):
            if row is not None:
                rows[message.id] = row
                parts.append(message)
        self.books.settled += 1
        self.books.emitted += len(parts)
        self.books.in_flight += len(parts) - 1
        rows.pop(delivery.message.id, None)
        self._hand.end((delivery,))
        if self._takers.futures and self._working.schedule.ready:
            self._takers.wake_one()
        return self._hand.take(parts)

    def _give_back(self, held: list[tuple[Delivery, str]]) -> None:
        for delivery, lane in held:
            self._hand.keep(delivery)
            self._working.schedule.hold(delivery.message, lane, delivery.place)
        self._hand.end([delivery for delivery, _ in held])
        self.books.in_flight -= len(held)
        self.books.waiting += len(held)
        if self._working.schedule.ready:
            self._takers.wake_one()

    def _record(self, delivery: Delivery, outcome: str, letter: DeadLetter | None = None) -> Record:
        """Return what the history says of a message of which nobody said more."""
        message, now = delivery.message, self._clock()
        return Record(
            message.id, outcome, letter.canonical if letter is not None else None, message.conversation_id,
            message.thread_id, message.sender, message.to_id, message.target, None,
            letter.code if letter is not None else "", delivery.taken_at or now, now,
        )  # fmt: skip

    def _load(self) -> None:
        """Have loaded what is wanted; what was withdrawn meanwhile is not wanted any more."""
        seqs = self._working.wanted()
        if not seqs:
            return

        def finish(stored: list[StoredMessage] | None, _: Exception | None) -> None:
            if not self._working.is_loading(seqs):
                return
            if stored is None:
                self._working.not_loaded()
            else:
                self._working.loaded(self._receive(stored))
                self._load()
                self._takers.wake_all()

        self._writer.submit(lambda journal: journal.read(seqs), finish)

    def _receive(self, stored: Sequence[StoredMessage]) -> list[QueuedMessage]:
        """Take in what was loaded; give up on what is damaged, or has brought down the process too often."""
        good, bad = [], []
        for each in stored:
            message = each.message
            if not each.is_intact or message.crashes > self.max_crashes:
                bad.append(End(each.row, message, *self._given_up(each)))
                continue
            self._hand.rows[message.id] = each.row
            if message.crashes:
                self._hand.suspect(message)
            else:
                good.append(message)
        if bad:
            self.books.waiting -= len(bad)
            self.books.in_flight += len(bad)
            self._write(Change(ends=bad), self._buried)
        return good

    def _buried(self, change: Change, _: Written) -> None:
        self.books.in_flight -= len(change.ends)
        self.books.dead += len(change.ends)
        self._tell_idlers()

    def _given_up(self, stored: StoredMessage) -> tuple[Record, DeadLetter]:
        """Return the record and the dead letter of a message that is not handed out."""
        message, now = stored.message, self._clock()
        if stored.is_intact:
            code, reason = "crashed", f"the process died {message.crashes} times while it was being handled"
        else:
            code, reason = "damaged", "its row in the queue's file is not what was written: see to the disk"
        logger.error(
            "a message was given up on", extra={"message_id": message.id, "code": code, "reason": reason}
        )
        letter = DeadLetter(message, "queue", code, reason, message.sender, message.thread_id, now)
        record = self._record(Delivery(message), "dead", letter)
        return record, letter

    def _leave(self, stubs: Iterable[Stub]) -> None:
        """Let wait what is in the file and belongs to this process from now on."""
        for stub in stubs:
            self._working.leave(stub.conversation, stub.seq)
            self.books.waiting += 1

    def _take_over(self, claimed: Claimed, stubs: list[Stub]) -> None:
        """Note what the writing thread has taken over; called there."""

        def finish(_: object, __: Exception | None) -> None:
            books = self.books
            injected, emitted, settled, dead = claimed.books
            books.injected += injected
            books.emitted += emitted
            books.settled += settled
            books.dead += dead
            self._leave(stubs)
            self._load()

        self._writer.tell([(finish, None, None)])

    def _tell_idlers(self) -> None:
        if self._idlers.futures and self._is_idle():
            self._idlers.wake_all()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
