"""The lanes that wait for a time: one timer for all of them, set to the first.

Takes lanes and the seconds that each has to wait; gives them back when these have passed. A lane waits for one time at
once, the first that it was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from agentserver.message_bus.lane import Lane


class LaneAlarm:
    """Wake lanes.

    Args:
        wake: Is called with the lanes whose time has come.
    """

    __slots__ = ("_sleeping", "_slept", "_timer", "_wake")

    def __init__(self, wake: Callable[[list[Lane]], None]) -> None:
        self._wake = wake
        self._sleeping: list[tuple[float, int, Lane]] = []  # a heap: when each is to be looked at
        self._slept = 0  # so that the heap never compares lanes
        self._timer: asyncio.TimerHandle | None = None

    def set(self, lane: Lane, wait_s: float) -> None:
        """Let a lane sleep for so many seconds, if it does not already."""
        if lane.asleep:
            return
        lane.asleep = True
        loop = asyncio.get_running_loop()
        self._slept += 1
        heappush(self._sleeping, (loop.time() + wait_s, self._slept, lane))
        self._set_timer(loop)

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        first = self._sleeping[0][0]
        if self._timer is not None:
            if self._timer.when() <= first:
                return
            self._timer.cancel()
        self._timer = loop.call_at(first, self._rise, first)

    def _rise(self, first: float) -> None:
        """Wake those whose time has come: those of `first`, though the timer may be a bit early."""
        loop, self._timer = asyncio.get_running_loop(), None
        now = max(first, loop.time())
        awake: list[Lane] = []
        while self._sleeping and self._sleeping[0][0] <= now:
            lane = heappop(self._sleeping)[2]
            lane.asleep = False
            awake.append(lane)
        if self._sleeping:
            self._set_timer(loop)
        self._wake(awake)
