"""The door of the queue: who may put something in, who waits, and what goes into one change.

Messages that come in the same turn of the event loop are written as one change: however many programs inject, the
writer has one thing to do. Raises `QueueFull` for those who do not want to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from agentserver.errors import PumpClosed, QueueFull
from agentserver.queues.protocol import QueuedMessage
from agentserver.queues.sqlite.changes import Change, Written
from agentserver.queues.sqlite.desk import Desk
from agentserver.queues.waiters import Waiters

MAX_PUT: Final = 500
"""Messages of one `put` that go into one change."""


class Entrance:
    """Admit messages.

    Args:
        desk: The queue's state.
        max_waiting: Messages waiting before others have to wait outside.
        max_bytes: Bytes of messages waiting in memory before others have to.
    """

    def __init__(self, desk: Desk, max_waiting: int, max_bytes: int) -> None:
        self._desk, self.max_waiting, self.max_bytes = desk, max_waiting, max_bytes
        self._putters = Waiters()
        self._futures: list[asyncio.Future[None]] = []  # who waits for what goes into the next change
        self._messages: list[QueuedMessage] = []

    async def put(self, messages: Sequence[QueuedMessage]) -> None:
        """Admit messages, as there is room for them."""
        start, count = 0, len(messages)
        while start < count:
            while self._is_full() and not self._desk.closed:
                await self._putters.wait()
            self._refuse_closed()
            most = max(1, min(MAX_PUT, self._room()))
            part = messages if count <= most else messages[start : start + most]
            start += len(part)
            await self._enter(part)
        if self._putters.futures:
            self.tell()

    async def put_at_once(self, messages: Sequence[QueuedMessage]) -> None:
        """Admit messages, all of them, or refuse them."""
        self._refuse_closed()
        trouble, schedule = self._desk.writer.trouble, self._desk.schedule
        if trouble is not None:
            raise QueueFull(f"nothing can be written at the moment: {trouble}")
        if len(messages) > self._room() or self._is_full():
            waiting = self._desk.books.waiting + self._desk.arriving
            raise QueueFull(
                f"{waiting} messages wait, with {schedule.bytes} bytes in memory; the limits are {self.max_waiting} "
                f"and {self.max_bytes} bytes: try again later, let inject wait, or raise limits.queue_messages"
            )
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send([future], list(messages), may_wait=False)
        await future

    def tell(self) -> None:
        """Wake one who waits outside, if there is room; that one wakes the next."""
        if self._putters.futures and not self._is_full():
            self._putters.wake_one()

    def close(self) -> None:
        """Wake all who wait outside, in vain."""
        self._putters.wake_all()

    def _refuse_closed(self) -> None:
        if self._desk.closed:
            raise PumpClosed("the queue is closed")
        if self._desk.writer.fault is not None:
            raise self._desk.writer.fault

    def _room(self) -> int:
        return self.max_waiting - self._desk.books.waiting - self._desk.arriving

    def _is_full(self) -> bool:
        return self._room() <= 0 or self._desk.schedule.bytes >= self.max_bytes

    def _enter(self, messages: Sequence[QueuedMessage]) -> asyncio.Future[None]:
        """Have messages put in together with all others that come in the same turn of the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._futures:
            loop.call_soon(self._send_all)
        self._futures.append(future)
        self._messages += messages
        self._desk.arriving += len(messages)
        return future

    def _send_all(self) -> None:
        futures, messages = self._futures, self._messages
        self._futures, self._messages = [], []
        self._desk.arriving -= len(messages)  # which `_send` counts
        self._send(futures, messages, may_wait=True)

    def _send(
        self, futures: list[asyncio.Future[None]], messages: list[QueuedMessage], *, may_wait: bool
    ) -> None:
        desk, change = self._desk, Change(messages, is_admission=True, may_wait=may_wait)

        def finish(written: Written | None, exc: Exception | None) -> None:
            desk.arriving -= len(messages)
            if written is not None:
                desk.books.injected += desk.enqueue(change, written)
            for future in futures:
                if not future.done():
                    if exc is None:
                        future.set_result(None)
                    else:
                        future.set_exception(exc)

        desk.arriving += len(messages)
        desk.writer.submit(change, finish)
