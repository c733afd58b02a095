"""What became of a batch, written in one change, and what then holds of what waits and of the books.

Takes settlements; a delivery that is not this process's to settle, or that was settled before, is left alone, with all
that was emitted for it, since whoever has it will emit the same.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from agentserver.queues.protocol import Delivery, QueuedMessage, Settlement
from agentserver.queues.sqlite.changes import Change, End, Written
from agentserver.queues.sqlite.desk import Desk
from agentserver.queues.sqlite.rows import Row

logger = logging.getLogger(__name__)

_made: Final = tuple.__new__
"""Half the time of a call of a named tuple's class."""


class Settlements:
    """Settle batches.

    Args:
        desk: The queue's state.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch, and wait until it is on the disk."""
        desk, finished, gone = self._desk, list[Delivery](), set[str]()
        ends = self._ends(outcome, finished, gone)
        retries = list[tuple[Row, QueuedMessage]]()
        for delivery, message in outcome.retries:
            row = desk.hand.begin(delivery)
            if row is not None:
                finished.append(delivery)
                retries.append((row, message))
        if outcome.held:
            self._give_back(outcome.held)
        puts = outcome.puts
        if gone:
            puts = [put for put in puts if put.parent_id not in gone]
        if puts or ends or retries or outcome.keys:
            change = Change(puts, ends=ends, retries=retries, keys=outcome.keys)
            await desk.write(change, partial(self._settled, finished))

    def _ends(self, outcome: Settlement, finished: list[Delivery], gone: set[str]) -> list[End]:
        """Return what has ended; add the deliveries to `finished`, and ids of those left alone to `gone`."""
        desk, ends = self._desk, list[End]()
        records = {record[0]: record for record in outcome.records}
        for delivery, row in zip(outcome.acks, desk.hand.begin_all(outcome.acks), strict=True):
            message = delivery.message
            if row is None:
                gone.add(message.id)
                continue
            finished.append(delivery)
            record = records.get(message.id) or desk.record(delivery, "done")
            ends.append(_made(End, (row, message, record, None)))
        for delivery, letter in outcome.dead:
            row, message = desk.hand.begin(delivery), delivery.message
            if row is None:
                gone.add(message.id)
                continue
            finished.append(delivery)
            record = records.get(message.id) or desk.record(delivery, "dead", letter)
            ends.append(End(row, message, record, letter))
        return ends

    def _settled(self, finished: list[Delivery], change: Change, written: Written) -> None:
        desk, ends = self._desk, change.ends
        books = desk.books
        if change.puts:
            books.emitted += desk.enqueue(change, written)
        buried = sum([end[3] is not None for end in ends])
        books.settled += len(ends) - buried
        books.dead += buried
        books.in_flight -= len(finished)
        if change.retries:
            self._retry(finished[len(ends) :], change)
        desk.hand.end(finished)
        desk.tell_takers()  # a suspect may have waited for these to end
        if written.lost:
            self._forget(change, written.lost)
        desk.tell_idlers()

    def _retry(self, deliveries: list[Delivery], change: Change) -> None:
        desk = self._desk
        for delivery, (_, message) in zip(deliveries, change.retries, strict=True):
            desk.hand.keep(delivery)
            desk.schedule.add(message)
        desk.books.waiting += len(deliveries)
        if desk.takers.futures:
            desk.takers.wake_one()  # who sees to it that somebody comes back when they are due

    def _give_back(self, held: list[tuple[Delivery, str]]) -> None:
        """Let wait in lanes what is not to be handled yet; nothing of that is written."""
        desk = self._desk
        mine = [(delivery, lane) for delivery, lane in held if desk.hand.begin(delivery) is not None]
        for delivery, lane in mine:
            desk.hand.keep(delivery)
            desk.schedule.hold(delivery.message, lane, delivery.place)
        desk.hand.end([delivery for delivery, _ in mine])
        desk.books.in_flight -= len(mine)
        desk.books.waiting += len(mine)
        desk.tell_takers()
        desk.tell_idlers()

    def _forget(self, change: Change, lost: frozenset[int]) -> None:
        """Take out of the books what another process has taken over, and settles."""
        books = self._desk.books
        for end in change.ends:
            if end.row.seq in lost:
                books.injected -= 1
                books.settled -= end.letter is None
                books.dead -= end.letter is not None
                logger.error("a message was settled by another process", extra={"message_id": end.message.id})
