"""Deadlines of many things at once, with one timer for all of them.

Things with the same time to live stand in one row, in the order in which they came, so that the first of a row is the
next to expire; there are as many rows as there are different times, which are few. The timer is not moved when a thing
is done in time: it looks for what is next when it fires. Knows nothing of what it times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """Call `expire` with each thing whose time is up.

    Args:
        expire: Is called in the event loop; the thing is not timed any more then.
    """

    def __init__(self, expire: Callable[[T], None]) -> None:
        self._expire = expire
        self._rows: dict[float, dict[T, float]] = {}  # by time to live; when each expires, in order
        self._timer: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[T]:
        """Give all that is timed. May be called from another thread: a row is copied in one go."""
        for row in tuple(self._rows.values()):
            yield from tuple(row)

    def add(self, thing: T, timeout_s: float) -> None:
        """Time a thing from now on."""
        loop = asyncio.get_running_loop()
        row = self._rows.get(timeout_s)
        if row is None:
            row = self._rows[timeout_s] = {}
        row[thing] = deadline = loop.time() + timeout_s
        if self._timer is None or deadline < self._timer.when():
            self._set_timer(loop, deadline)

    def discard(self, thing: T, timeout_s: float) -> None:
        """Time it no more, if it is timed."""
        row = self._rows.get(timeout_s)
        if row is not None:
            row.pop(thing, None)

    def clear(self) -> None:
        """Time nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rows.clear()

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._look)

    def _look(self) -> None:
        loop, self._timer = asyncio.get_running_loop(), None
        now, due = loop.time(), []
        for timeout_s, row in list(self._rows.items()):
            while row:
                thing = next(iter(row))
                if row[thing] > now:
                    break
                del row[thing]
                due.append(thing)
            if not row:
                del self._rows[timeout_s]
        if self._rows:
            self._set_timer(loop, min(next(iter(row.values())) for row in self._rows.values()))
        for thing in due:
            self._expire(thing)
