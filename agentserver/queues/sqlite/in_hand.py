"""What this process has in hand: where the file keeps each message, what was taken, and who is suspected.

Takes messages and deliveries; says which of them may be settled. A *suspect* is a message that was being handled when
a process died. One of them at a time is handed out, so that the next crash, if there is one, tells which it was; the
others wait in a lane. Marks what is taken in the memory of the lock, for whoever comes after a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from agentserver.queues.protocol import Delivery, QueuedMessage
from agentserver.queues.schedule import Schedule
from agentserver.queues.sqlite.owners import OwnerLock
from agentserver.queues.sqlite.rows import Row

_SUSPECTS: Final = "\0suspects"


class InHand:
    """The messages whose rows are known, those that are taken, and the suspect that is handed out.

    Args:
        lock: Where to mark what is taken.
        schedule: Where suspects wait for each other.
    """

    __slots__ = ("_lock", "_schedule", "_suspect", "_suspects", "_taken", "rows")

    def __init__(self, lock: OwnerLock, schedule: Schedule) -> None:
        self._lock, self._schedule = lock, schedule
        self.rows: dict[str, Row] = {}
        """By id; of what is in memory or taken."""
        self._taken: dict[Delivery, int] = {}  # its mark; below 0 once it is being settled
        self._suspect: str | None = None  # the id of the one that is handed out, or about to be
        self._suspects: deque[QueuedMessage] = deque()

    def all_taken(self) -> list[Delivery]:
        """Return what was taken and is not settled, in the order in which it was taken."""
        return list(self._taken)

    def take(self, messages: Sequence[QueuedMessage]) -> list[Delivery]:
        """Note what is handed out."""
        mark, rows, taken, released = self._lock.mark, self.rows, self._taken, self._schedule.released
        deliveries = []
        for message in messages:
            delivery = Delivery(message)
            taken[delivery] = mark(rows[message.id].seq)
            if released:
                delivery.place = released.pop(message.id, 0)
            deliveries.append(delivery)
        return deliveries

    def begin(self, delivery: Delivery) -> Row | None:
        """Begin to settle a delivery; return its row, or None when it is not this process's to settle."""
        mark = self._taken.get(delivery, -1)
        if mark < 0:
            return None
        self._taken[delivery] = -1 - mark
        return self.rows[delivery.message.id]

    def end(self, deliveries: Iterable[Delivery]) -> None:
        """Note deliveries that are settled, or given back."""
        taken, clear, suspect = self._taken, self._lock.clear, self._suspect
        for delivery in deliveries:
            mark = taken.pop(delivery, 0)
            clear(mark if mark >= 0 else -1 - mark)
            if suspect is not None and delivery.message.id == suspect:
                self._suspect = None
        if suspect is not None and self._suspect is None:
            self._next_suspect()

    def put_back(self) -> list[QueuedMessage]:
        """Take back what was taken and is not being settled; return it in its old order."""
        back = [delivery for delivery, mark in self._taken.items() if mark >= 0]
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
