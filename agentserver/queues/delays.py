"""Messages whose time has not come: which of them is due, and when the next one is.

Takes messages with a `deliver_at` and, at each look, the time of day; gives those that are due, earliest first. Is
right whatever is done to the clock: a message is due once the clock shows its time, or once as many seconds have
passed as there were to wait for when it was first looked at. So a clock that is set back delays nothing, and one that
is set forward, or was asleep with its machine, lets go what it has passed. Sets no timer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from agentserver.queues.protocol import QueuedMessage

JUMP_S: Final = 0.5
"""Seconds by which a clock may stray from the steady one before that counts as set forward."""
EARLY_S: Final = 1e-6
"""Seconds by which a message may be early: a timer is no finer, and a time of day hardly is."""


class Delays:
    """A heap of messages.

    Args:
        steady: Seconds, from a clock that nobody can set.
    """

    __slots__ = ("_added", "_ahead_s", "_heap", "_new", "_steady")

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._new: list[QueuedMessage] = []  # added since the last look
        self._heap: list[tuple[float, int, QueuedMessage]] = []  # when each is due, by the steady clock
        self._added = 0  # so that the heap never compares messages
        self._ahead_s = 0.0  # how far the clock was ahead of the steady one at the last look

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._heap) + len(self._new)

    def __iter__(self) -> Iterator[QueuedMessage]:
        """Give what waits, in no order."""
        for _, _, message in self._heap:
            yield message
        yield from self._new

    def add(self, message: QueuedMessage) -> None:
        """Let a message wait for its time."""
        self._new.append(message)

    def due(self, now: float) -> list[QueuedMessage]:
        """Take what is due.

        Args:
            now: The time of day, in seconds since the epoch.
        """
        steady = self._look(now)
        due: list[QueuedMessage] = []
        while self._heap and self._heap[0][0] <= steady + EARLY_S:
            due.append(heappop(self._heap)[2])
        return due

    def next_s(self, now: float) -> float | None:
        """Return the seconds until the next one is due, 0 when it is; None when there is none."""
        steady = self._look(now)
        if not self._heap:
            return None
        wait_s = self._heap[0][0] - steady
        return wait_s if wait_s > EARLY_S else 0.0

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[QueuedMessage]:
        """Take those for which `applies` holds, which is asked once of each."""
        everything = list(self)
        withdrawn = {id(message): message for message in everything if applies(message)}
        if withdrawn:
            self._heap = [entry for entry in self._heap if id(entry[2]) not in withdrawn]
            heapify(self._heap)
            self._new = [message for message in self._new if id(message) not in withdrawn]
        return list(withdrawn.values())

    def _look(self, now: float) -> float:
        """Reckon with what is new, and with a clock that was set forward; return the steady time."""
        steady = self._steady()
        ahead_s = now - steady
        if self._heap and ahead_s > self._ahead_s + JUMP_S:
            self._heap = [
                (min(due, message.deliver_at - ahead_s), number, message)
                for due, number, message in self._heap
            ]
            heapify(self._heap)
        self._ahead_s = ahead_s
        for message in self._new:
            self._added += 1
            heappush(self._heap, (message.deliver_at - ahead_s, self._added, message))
        self._new.clear()
        return steady
