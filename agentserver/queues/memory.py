"""The queue in this process's memory: fast, bounded at the door, and gone with the process.

Knows nothing but `QueuedMessage`s. What is next, `schedule.py` says. It does not look whether the id of a message is
in it already: whoever puts sees to that.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from agentserver.errors import PumpClosed, QueueFull
from agentserver.queues.alarm import Alarm
from agentserver.queues.known_keys import DEFAULT_WINDOW_S, KnownKeys
from agentserver.queues.protocol import Books, DeadLetter, Delivery, QueuedMessage, Settlement
from agentserver.queues.schedule import Schedule
from agentserver.queues.waiters import Waiters

DEFAULT_MAX_WAITING = 10_000
DEFAULT_MAX_WAITING_BYTES = 256 * 1024 * 1024
DEFAULT_MAX_DEAD_LETTERS = 1_000
DEFAULT_MAX_DEAD_BYTES = 64 * 1024 * 1024


class MemoryQueue:
    """A `MessageQueue` without a file.

    Args:
        max_waiting: Messages waiting before `put` waits too.
        max_dead_letters: Dead letters to keep; older ones stay counted.
        max_waiting_bytes: Bytes of messages waiting before `put` waits too.
        max_dead_bytes: Bytes of dead letters to keep.
        depth_first: Serve a conversation's next hop before new conversations.
        key_window_s: Seconds for which the key of a message that was settled is known.
        clock: Seconds since the epoch, for messages that wait for their time.
    """

    def __init__(
        self,
        max_waiting: int = DEFAULT_MAX_WAITING,
        max_dead_letters: int = DEFAULT_MAX_DEAD_LETTERS,
        *,
        max_waiting_bytes: int = DEFAULT_MAX_WAITING_BYTES,
        max_dead_bytes: int = DEFAULT_MAX_DEAD_BYTES,
        depth_first: bool = False,
        key_window_s: float = DEFAULT_WINDOW_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_waiting, self.max_waiting_bytes = max_waiting, max_waiting_bytes
        self.max_dead_letters, self.max_dead_bytes = max_dead_letters, max_dead_bytes
        self.books = Books()
        self.dead_letters: deque[DeadLetter] = deque()
        self._dead_bytes = 0
        self._schedule = Schedule(depth_first=depth_first, steady=_loop_time)
        self._keys = KnownKeys(key_window_s)
        self._clock = clock
        self._taken: dict[Delivery, None] = {}  # in the order in which they were taken
        self._closed = False
        self._takers, self._putters, self._idlers = Waiters(), Waiters(), Waiters()
        self._alarm = Alarm(self._takers.wake_one)

    @property
    def keeps_history(self) -> bool:
        """It keeps none."""
        return False

    @property
    def outlives_process(self) -> bool:
        """It does not."""
        return False

    async def put(self, messages: Sequence[QueuedMessage], *, wait: bool = True) -> None:
        """Admit messages; wait while the queue is full. See `MessageQueue.put`."""
        books, schedule = self.books, self._schedule
        if not wait:
            self._refuse_without_room(messages)
        elif self._putters.futures or self._putters.woken:
            await self._putters.wait()  # behind the others
        for message in messages:
            while (
                books.waiting >= self.max_waiting or schedule.bytes >= self.max_waiting_bytes
            ) and not self._closed:
                await self._putters.wait()
            if self._closed:
                raise PumpClosed("the queue is closed")
            schedule.add(message)
            books.injected += 1
            books.waiting += 1
            if self._takers.futures:
                self._takers.wake_one()
        self._tell_putters()

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for one message, then take what is ready. See `MessageQueue.take`."""
        if limit < 1:
            raise ValueError(f"take({limit}): at least one message is taken")
        while not self._schedule.ready and not self._closed and not self._is_due():
            await self._takers.wait()
        if self._closed:
            return []
        messages = self._schedule.take(limit, self._clock())
        deliveries = self._note_taken(messages)
        if self._schedule.ready and self._takers.futures:
            self._takers.wake_one()
        self._tell_putters()
        return deliveries

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch. Never waits. See `MessageQueue.settle`."""
        books, puts = self.books, outcome.puts
        books.settled += self._forget(outcome.acks)
        for delivery, letter in outcome.dead:
            if self._forget((delivery,)):
                books.dead += 1
                self._bury(letter)
        if outcome.retries or outcome.held:
            self._give_back(outcome)
        if outcome.keys:
            self._keys.note(outcome.keys, _loop_time())
        if puts:
            add = self._schedule.add
            for message in puts:
                add(message)
            books.emitted += len(puts)
            books.waiting += len(puts)
            if self._takers.futures:
                self._takers.wake_one()
        if self._idlers.futures and not books.open:
            self._idlers.wake_all()

    async def known(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the keys that were settled. See `MessageQueue.known`."""
        return self._keys.among(keys, _loop_time())

    def opener(self, thread_id: str) -> str | None:
        """Return nobody, as nothing was there before. See `MessageQueue.opener`."""
        return None

    def release(self, lane: str, limit: int) -> int:
        """Let what a lane holds be taken. See `MessageQueue.release`."""
        left = self._schedule.release(lane, limit)
        if self._schedule.ready:
            self._takers.wake_one()
        return left

    async def split(self, delivery: Delivery, parts: Sequence[QueuedMessage]) -> list[Delivery]:
        """Replace a delivery by its parts, taken already. See `MessageQueue.split`."""
        if not self._forget((delivery,)):
            return []
        self.books.settled += 1
        self.books.emitted += len(parts)
        self.books.in_flight += len(parts)
        deliveries = [Delivery(part) for part in parts]
        self._taken.update(dict.fromkeys(deliveries))
        return deliveries

    def due_in(self) -> float | None:
        """Return when something will be ready. See `MessageQueue.due_in`."""
        return 0.0 if self._schedule.ready else self._schedule.next_due(self._clock())

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is in flight."""
        while self.books.open:
            await self._idlers.wait()

    def recover(self) -> int:
        """Put back what was taken and never settled, in its old order, before all else."""
        lost = [delivery.message for delivery in self._taken]
        self._taken.clear()
        self._schedule.release_all()
        self._schedule.add_first(lost)
        self.books.in_flight -= len(lost)
        self.books.waiting += len(lost)
        return len(lost)

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[Delivery]:
        """Take those that wait and for which `applies` holds. See `MessageQueue.withdraw`."""
        deliveries = self._note_taken(self._schedule.withdraw(applies))
        self._tell_putters()
        return deliveries

    def set_aside(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: no message of this queue is there after a crash. See `MessageQueue.set_aside`."""

    def take_up(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing. See `MessageQueue.take_up`."""

    def in_flight(self) -> list[Delivery]:
        """Return what was taken and is not settled. See `MessageQueue.in_flight`."""
        return list(self._taken)

    def abandon(self) -> list[Delivery]:
        """Take all that waits, closed or not, as it would be lost with this process."""
        return self._note_taken(self._schedule.take_all())

    def close(self) -> None:
        """Admit nothing more and give nothing more; wake whoever waits."""
        self._closed = True
        self._alarm.cancel()
        self._takers.wake_all()
        self._putters.wake_all()

    async def aclose(self) -> None:
        """Close. Nothing else is held."""
        self.close()

    def _refuse_without_room(self, messages: Sequence[QueuedMessage]) -> None:
        if self._closed:
            raise PumpClosed("the queue is closed")
        waiting = self.books.waiting
        if waiting + len(messages) > self.max_waiting:
            raise QueueFull(
                f"{waiting} messages wait, and the limit is {self.max_waiting}: try again later, let inject wait, "
                "or raise limits.queue_messages"
            )
        if self._schedule.bytes >= self.max_waiting_bytes:
            raise QueueFull(
                f"{waiting} messages wait with {self._schedule.bytes} bytes, and the limit is "
                f"{self.max_waiting_bytes} bytes: try again later, or let inject wait"
            )

    def _tell_putters(self) -> None:
        """Wake one who waits to put, if there is room: that one wakes the next."""
        if (
            self._putters.futures
            and not self._putters.woken
            and (self.books.waiting < self.max_waiting and self._schedule.bytes < self.max_waiting_bytes)
        ):
            self._putters.wake_one()

    def _is_due(self) -> bool:
        """Return whether a message that waited for its time is due; see to a call when the next one is."""
        return self._alarm.is_due(self._schedule.next_due(self._clock()))

    def _note_taken(self, messages: list[QueuedMessage]) -> list[Delivery]:
        deliveries = [Delivery(message) for message in messages]
        released = self._schedule.released
        if released:
            for delivery in deliveries:
                delivery.place = released.pop(delivery.message.id, 0)
        self._taken.update(dict.fromkeys(deliveries))
        self.books.waiting -= len(deliveries)
        self.books.in_flight += len(deliveries)
        return deliveries

    def _give_back(self, outcome: Settlement) -> None:
        """Let wait again what is to be tried again, or what a lane holds."""
        schedule, books = self._schedule, self.books
        for delivery, message in outcome.retries:
            if self._forget((delivery,)):
                schedule.add(message)
                books.waiting += 1
        for delivery, lane in outcome.held:
            if self._forget((delivery,)):
                schedule.hold(delivery.message, lane, delivery.place)
                books.waiting += 1
        self._takers.wake_one()

    def _forget(self, deliveries: Sequence[Delivery]) -> int:
        """Strike out deliveries that are in flight; return how many of them were."""
        taken, before = self._taken, len(self._taken)
        for delivery in deliveries:
            taken.pop(delivery, None)
        count = before - len(taken)
        self.books.in_flight -= count
        return count

    def _bury(self, letter: DeadLetter) -> None:
        self.dead_letters.append(letter)
        self._dead_bytes += len(letter.message.data)
        while self.dead_letters and (
            len(self.dead_letters) > self.max_dead_letters or self._dead_bytes > self.max_dead_bytes
        ):
            self._dead_bytes -= len(self.dead_letters.popleft().message.data)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
