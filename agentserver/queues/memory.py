"""The queue in this process's memory: fast, bounded at the door, and gone with the process.

Knows nothing but `QueuedMessage`s. Breadth-first is first in, first out; depth-first serves what handlers emitted
before what comes new from outside, so that a conversation is finished before the next one begins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from agentserver.errors import PumpClosed
from agentserver.queues.protocol import Books, DeadLetter, Delivery, QueuedMessage, Settlement

DEFAULT_MAX_WAITING = 10_000
DEFAULT_MAX_WAITING_BYTES = 256 * 1024 * 1024
DEFAULT_MAX_DEAD_LETTERS = 1_000
DEFAULT_MAX_DEAD_BYTES = 64 * 1024 * 1024


class MemoryQueue:
    """A `MessageQueue` without a file.

    Args:
        max_waiting: Messages waiting before `put` waits too.
        max_waiting_bytes: Bytes of messages waiting before `put` waits too.
        max_dead_letters: Dead letters to keep; older ones stay counted.
        max_dead_bytes: Bytes of dead letters to keep.
        depth_first: Serve a conversation's next hop before new conversations.
    """

    def __init__(
        self,
        max_waiting: int = DEFAULT_MAX_WAITING,
        max_dead_letters: int = DEFAULT_MAX_DEAD_LETTERS,
        *,
        max_waiting_bytes: int = DEFAULT_MAX_WAITING_BYTES,
        max_dead_bytes: int = DEFAULT_MAX_DEAD_BYTES,
        depth_first: bool = False,
    ) -> None:
        self.max_waiting, self.max_waiting_bytes = max_waiting, max_waiting_bytes
        self.max_dead_letters, self.max_dead_bytes = max_dead_letters, max_dead_bytes
        self.books = Books()
        self.dead_letters: deque[DeadLetter] = deque()
        self._dead_bytes = 0
        self._admitted: deque[QueuedMessage] = deque()
        self._emitted: deque[QueuedMessage] = deque() if depth_first else self._admitted
        self._waiting_bytes = 0
        self._taken: dict[Delivery, None] = {}  # in the order in which they were taken
        self._closed = False
        self._takers: deque[asyncio.Future[None]] = deque()
        self._putters: deque[asyncio.Future[None]] = deque()
        self._idlers: deque[asyncio.Future[None]] = deque()

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
        books = self.books
        for message in messages:
            while (
                books.waiting >= self.max_waiting or self._waiting_bytes >= self.max_waiting_bytes
            ) and not self._closed:
                await self._wait(self._putters)
            if self._closed:
                raise PumpClosed("the queue is closed")
            self._admitted.append(message)
            self._waiting_bytes += len(message.data)
            books.injected += 1
            books.waiting += 1
            if self._takers:
                _wake_one(self._takers)
        if self._putters and not self._is_full():
            _wake_one(self._putters)

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for one message, then take what is ready. See `MessageQueue.take`."""
        if limit < 1:
            raise ValueError(f"take({limit}): at least one message is taken")
        while not self.books.waiting and not self._closed:
            await self._wait(self._takers)
        if self._closed:
            return []
        deliveries = self._take_ready(limit)
        if self.books.waiting and self._takers:
            _wake_one(self._takers)
        if self._putters and not self._is_full():
            _wake_one(self._putters)  # who wakes the next, if there is room for it
        return deliveries

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch. Never waits. See `MessageQueue.settle`."""
        books, puts = self.books, outcome.puts
        books.settled += self._forget(outcome.acks)
        for delivery, letter in outcome.dead:
            if self._forget((delivery,)):
                books.dead += 1
                self._bury(letter)
        if puts:
            self._emitted.extend(puts)
            self._waiting_bytes += sum([len(message.data) for message in puts])
            books.emitted += len(puts)
            books.waiting += len(puts)
            if self._takers:
                _wake_one(self._takers)
        if self._idlers and not books.open:
            _wake_all(self._idlers)

    async def known(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the keys that were settled. See `MessageQueue.known`."""
        return {}

    def release(self, lane: str, limit: int) -> int:
        """Let what a lane holds be taken. See `MessageQueue.release`."""
        return 0

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

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is in flight."""
        while self.books.open:
            await self._wait(self._idlers)

    def recover(self) -> int:
        """Put back what was taken and never settled, in its old order, before all else."""
        lost = list(self._taken)
        self._taken.clear()
        for delivery in reversed(lost):
            self._emitted.appendleft(delivery.message)
        self._waiting_bytes += sum(len(delivery.message.data) for delivery in lost)
        self.books.in_flight -= len(lost)
        self.books.waiting += len(lost)
        return len(lost)

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[Delivery]:
        """Take those that wait and for which `applies` holds. See `MessageQueue.withdraw`."""
        deliveries: list[Delivery] = []
        one = self._emitted is self._admitted
        for source in (self._admitted,) if one else (self._emitted, self._admitted):
            waiting = list(source)
            meant = [applies(message) for message in waiting]
            deliveries += [
                Delivery(message) for message, is_meant in zip(waiting, meant, strict=True) if is_meant
            ]
            source.clear()
            source.extend(message for message, is_meant in zip(waiting, meant, strict=True) if not is_meant)
        self._note_taken(deliveries)
        if self._putters and not self._is_full():
            _wake_one(self._putters)
        return deliveries

    def in_flight(self) -> list[Delivery]:
        """Return what was taken and is not settled. See `MessageQueue.in_flight`."""
        return list(self._taken)

    def abandon(self) -> list[Delivery]:
        """Take all that waits, closed or not, as it would be lost with this process."""
        return self._take_ready(self.books.waiting)

    def close(self) -> None:
        """Admit nothing more and give nothing more; wake whoever waits."""
        self._closed = True
        for waiters in (self._takers, self._putters):
            _wake_all(waiters)

    async def aclose(self) -> None:
        """Close. Nothing else is held."""
        self.close()

    def _is_full(self) -> bool:
        return self.books.waiting >= self.max_waiting or self._waiting_bytes >= self.max_waiting_bytes

    def _take_ready(self, limit: int) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for source in (self._emitted, self._admitted):
            count = min(len(source), limit - len(deliveries))
            deliveries += [Delivery(source.popleft()) for _ in range(count)]
        self._note_taken(deliveries)
        return deliveries

    def _note_taken(self, deliveries: list[Delivery]) -> None:
        self._taken.update(dict.fromkeys(deliveries))
        self._waiting_bytes -= sum([len(delivery.message.data) for delivery in deliveries])
        self.books.waiting -= len(deliveries)
        self.books.in_flight += len(deliveries)

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

    async def _wait(self, waiters: deque[asyncio.Future[None]]) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in waiters:
                waiters.remove(future)
            elif waiters is self._putters or self.books.waiting:
                _wake_one(waiters)  # the call came too late for this one: hand it on
            raise


def _wake_one(waiters: deque[asyncio.Future[None]]) -> None:
    while waiters:
        future = waiters.popleft()
        if not future.done():
            future.set_result(None)
            return


def _wake_all(waiters: deque[asyncio.Future[None]]) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(None)
    waiters.clear()
