"""What this process has in hand: where the file keeps each message, what was taken, and who is suspected.

Takes messages and deliveries; says which of them may be settled. A *suspect* is a message that was being handled when
a process died. One of them at a time is handed out, so that the next crash, if there is one, tells which it was; the
others wait in a lane. Marks what is taken in the memory of the lock, for whoever comes after a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from agentserver.queues.protocol import Delivery, QueuedMessage
from agentserver.queues.schedule import Schedule
from agentserver.queues.sqlite.owners import OwnerLock
from agentserver.queues.sqlite.rows import Row

_SUSPECTS: Final = "\0suspects"

_Held: TypeAlias = tuple[Row, int]
"""The row of a delivery, and its mark."""


class InHand:
    """The messages whose rows are known, those that are taken, and the suspect that is handed out.

    Args:
        lock: Where to mark what is taken.
        schedule: Where suspects wait for each other.
    """

    __slots__ = ("_lock", "_schedule", "_settling", "_suspect", "_suspects", "_taken", "rows")

    def __init__(self, lock: OwnerLock, schedule: Schedule) -> None:
        self._lock, self._schedule = lock, schedule
        self.rows: dict[str, Row] = {}
        """By id, of what waits in memory."""
        self._taken: dict[Delivery, _Held] = {}
        self._settling: dict[Delivery, _Held] = {}
        self._suspect: str | None = None  # the id of the one that is handed out, or about to be
        self._suspects: deque[QueuedMessage] = deque()

    def all_taken(self) -> list[Delivery]:
        """Return what was taken and is not settled: first what is being settled."""
        return [*self._settling, *self._taken]

    def take(self, messages: Sequence[QueuedMessage]) -> list[Delivery]:
        """Note what is handed out."""
        take_row = self.rows.pop
        deliveries = [Delivery(message) for message in messages]
        rows = [take_row(message.id) for message in messages]
        marks = self._lock.mark([row[0] for row in rows])
        self._taken.update(zip(deliveries, zip(rows, marks, strict=True), strict=True))
        released = self._schedule.released
        if released:
            for delivery in deliveries:
                delivery.place = released.pop(delivery.message.id, 0)
        return deliveries

    def begin(self, delivery: Delivery) -> Row | None:
        """Begin to settle a delivery; return its row, or None when it is not this process's to settle."""
        held = self._taken.pop(delivery, None)
        if held is None:
            return None
        self._settling[delivery] = held
        return held[0]

    def begin_all(self, deliveries: Sequence[Delivery]) -> list[Row | None]:
        """Begin to settle many."""
        taken, settling, rows = self._taken, self._settling, list[Row | None]()
        for delivery in deliveries:
            held = taken.pop(delivery, None)
            if held is None:
                rows.append(None)
            else:
                settling[delivery] = held
                rows.append(held[0])
        return rows

    def end(self, deliveries: Sequence[Delivery]) -> None:
        """Note deliveries that are settled, or given back, whose settling was begun."""
        take = self._settling.pop
        ended = [take(delivery) for delivery in deliveries]
        self._lock.clear([mark for _, mark in ended])
        suspect = self._suspect
        if suspect is not None and any(delivery.message.id == suspect for delivery in deliveries):
            self._suspect = None
            self._next_suspect()

    def keep(self, delivery: Delivery) -> None:
        """Know the row of a delivery, whose settling was begun, as that of a message that will wait again."""
        self.rows[delivery.message.id] = self._settling[delivery][0]

    def set_aside(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was taken is not being handled, but waits for others: those may be suspects themselves."""
        for delivery in deliveries:
            if delivery in self._taken:
                row, mark = self._taken[delivery]
                self._lock.clear([mark])
                self._taken[delivery] = row, 0
                if self._suspect == delivery.message.id:
                    self._suspect = None
                    self._next_suspect()

    def take_up(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was set aside is being handled."""
        for delivery in deliveries:
            if delivery in self._taken and not self._taken[delivery][1]:
                row = self._taken[delivery][0]
                self._taken[delivery] = row, self._lock.mark([row[0]])[0]

    def put_back(self) -> list[QueuedMessage]:
        """Take back what was taken and is not being settled; return it in its old order."""
        back = list(self._taken)
        self._settling |= self._taken
        self._taken.clear()
        for delivery in back:
            self.keep(delivery)
        self.end(back)
        return [delivery.message for delivery in back]

    def suspect(self, message: QueuedMessage) -> None:
        """Let a suspect wait until those before it are settled."""
        if self._suspect is None:
            self._suspect = message.id
            self._schedule.add(message)
        else:
            self._suspects.append(message)
            self._schedule.hold(message, _SUSPECTS)

    def _next_suspect(self) -> None:
        """Hand out the next; one that was withdrawn meanwhile is passed over."""
        while self._suspects and self._suspect is None:
            message = self._suspects.popleft()
            before = self._schedule.ready
            self._schedule.release(_SUSPECTS, 1)
            if self._schedule.ready > before:
                self._suspect = message.id
