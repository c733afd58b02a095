"""What the parts of the queue have in common: what waits, what is in hand, the books, and the way to the writer.

In the event loop alone. Changes the books and what waits together, in one step, once a commit is over: so the books
balance at every moment, whoever looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from agentserver.queues.alarm import Alarm
from agentserver.queues.protocol import Books, DeadLetter, Delivery, QueuedMessage, Record
from agentserver.queues.sqlite.changes import Change, Written
from agentserver.queues.sqlite.in_hand import InHand
from agentserver.queues.sqlite.working_set import WorkingSet
from agentserver.queues.sqlite.writer import Writer
from agentserver.queues.waiters import Waiters

SOON_S: Final = 1.0
"""Seconds for which `idle` waits for a message that is not due yet."""


class Desk:
    """The queue's state.

    Args:
        writer: Writes the file.
        working: What waits.
        hand: What is taken.
        books: The counts.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        writer: Writer,
        working: WorkingSet,
        hand: InHand,
        books: Books,
        clock: Callable[[], float],
    ) -> None:
        self.writer, self.working, self.hand, self.books, self.clock = writer, working, hand, books, clock
        self.schedule = working.schedule
        self.arriving = 0
        """Messages that were admitted, and are not on the disk yet."""
        self.closed = False
        self.takers, self.idlers = Waiters(), Waiters()
        self._alarm = Alarm(self.takers.wake_one)

    def write(self, change: Change, effect: Callable[[Change, Written], Any]) -> asyncio.Future[Any]:
        """Have a change written; the future has what `effect` returns, which is called as soon as it is."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def finish(written: Written | None, exc: Exception | None) -> None:
            if written is not None:
                result = effect(change, written)
                if not future.done():
                    future.set_result(result)
            elif not future.done():
                assert exc is not None
                future.set_exception(exc)

        self.writer.submit(change, finish)
        return future

    def take(self, messages: Sequence[QueuedMessage]) -> list[Delivery]:
        """Hand out what was taken from the schedule."""
        deliveries = self.hand.take(messages)
        self.books.waiting -= len(deliveries)
        self.books.in_flight += len(deliveries)
        return deliveries

    def enqueue(self, change: Change, written: Written) -> int:
        """Let wait what was put in; return how many that are."""
        puts, rows, known = change.puts, written.rows, self.hand.rows
        if None not in rows and self.working.add_all(puts):
            known.update(zip([put.id for put in puts], rows, strict=True))  # type: ignore[arg-type]  # none is None
            count = len(rows)
        else:
            count = self._enqueue_singly(change, written)
        self.books.waiting += count
        if count and self.takers.futures:
            self.takers.wake_one()
        return count

    def record(self, delivery: Delivery, outcome: str, letter: DeadLetter | None = None) -> Record:
        """Return what the history says of a message of which nobody said more."""
        message, now = delivery.message, self.clock()
        return Record(
            message.id, outcome, letter.canonical if letter is not None else None, message.conversation_id,
            message.thread_id, message.sender, message.to_id, message.target, None,
            letter.code if letter is not None else "", delivery.taken_at or now, now,
        )  # fmt: skip

    def is_idle(self) -> bool:
        """Return whether nothing is in flight and nothing waits, but for a time to come or in a lane."""
        if self.books.in_flight or self.schedule.ready or self.working.away or self.arriving:
            return False
        due_s = self.schedule.next_due(self.clock())
        return due_s is None or due_s > SOON_S

    def tell_idlers(self) -> None:
        """Wake who waits for that, if it is so."""
        if self.idlers.futures and self.is_idle():
            self.idlers.wake_all()

    def tell_takers(self) -> None:
        """Wake one who waits for a message, if one is ready."""
        if self.takers.futures and self.schedule.ready:
            self.takers.wake_one()

    def is_due(self) -> bool:
        """Return whether a message that waited for its time is due; see to a call when the next one is."""
        return self._alarm.is_due(self.schedule.next_due(self.clock()))

    def close(self) -> None:
        """Give nothing more; wake whoever waits for it."""
        self.closed = True
        self._alarm.cancel()
        self.takers.wake_all()

    def _enqueue_singly(self, change: Change, written: Written) -> int:
        count, known, add = 0, self.hand.rows, self.working.add
        for message, row in zip(change.puts, written.rows, strict=True):
            if row is not None:
                count += 1
                if add(message, row[0]):
                    known[message.id] = row
        return count
