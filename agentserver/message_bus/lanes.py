"""Who waits for a listener that may not be called more often, or more at once: lanes, one for each such listener.

Takes calls in the order in which they came and gives them back when they may be made, in that order. What waits in a
lane takes no handler's place from others. One timer wakes the lanes that wait for their rate; nothing is polled. Runs
no handler, and never drops a call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TypeAlias

from agentserver.config import RateConfig
from agentserver.message_bus.budget import is_ended
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.rate import TokenBucket

Call: TypeAlias = tuple[MessageState, Listener]
"""A message and the listener that is to be called with it."""


class _Lane:
    """What waits for one listener, and how often it is being called."""

    __slots__ = ("asleep", "bucket", "calls", "due", "most", "rate", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Call] = deque()
        self.calls = 0
        self.most: int | None = None
        self.rate: RateConfig | None = None
        self.bucket: TokenBucket | None = None
        self.due = False  # it stands among the lanes to look at
        self.asleep = False  # it waits for its rate, and is looked at then

    def bind(self, listener: Listener, most: int | None) -> None:
        """Keep the listener's bounds, which a reload may have changed."""
        self.most = most
        if self.rate != listener.rate:
            rate = self.rate = listener.rate
            self.bucket = TokenBucket(rate.per_s, rate.most_at_once) if rate is not None else None


class Lanes:
    """The lanes of the listeners that have bounds of their own.

    Args:
        max_per_agent: Calls at once of an agent that says nothing of them itself.
        wake: Is called when a lane may have a call to make.
    """

    def __init__(self, max_per_agent: int, wake: Callable[[], None]) -> None:
        self._max_per_agent, self._wake = max_per_agent, wake
        self._lanes: dict[str, _Lane] = {}  # by listener; as many as there are names
        self._sleeping: list[tuple[float, int, _Lane]] = []  # a heap: when its rate lets each begin
        self._slept = 0
        self._timer: asyncio.TimerHandle | None = None
        self.due: deque[_Lane] = deque()
        """Lanes that may have a call to make."""
        self.parked = 0
        """Calls that wait in lanes."""

    def adjust(self, max_per_agent: int) -> None:
        """Take over another bound; who waits already is looked at by it once the next call comes or ends."""
        self._max_per_agent = max_per_agent

    def enter(self, call: Call) -> bool:
        """Count a call that is about to be made and return True, or let it wait and return False."""
        listener = call[1]
        lane = self._lanes.get(listener.name)
        if lane is None:
            lane = self._lanes[listener.name] = _Lane()
        lane.bind(listener, self._most(listener))
        wait_s = 0.0
        if not lane.waiting and (lane.most is None or lane.calls < lane.most):
            wait_s = lane.bucket.take(_now()) if lane.bucket is not None else 0.0
            if not wait_s:
                lane.calls += 1
                return True
        lane.waiting.append(call)
        self.parked += 1
        if wait_s:
            self._sleep(lane, wait_s)
        return False

    def next(self) -> Call | None:
        """Give a call that waited and is counted now, or one whose conversation was ended, which is not.

        Returns:
            The call; None when no lane that is due has one to make.
        """
        while self.due:
            lane = self.due.popleft()
            lane.due = False
            call = self._first(lane)
            if call is not None:
                if lane.waiting:
                    self._look_at(lane)  # behind the others: they take turns
                return call
        return None

    def withdraw(self, applies: Callable[[MessageState], bool]) -> list[Call]:
        """Take out the calls that wait with messages for which `applies` holds."""
        calls: list[Call] = []
        for lane in self._lanes.values():
            waiting, lane.waiting = lane.waiting, deque()
            for call in waiting:
                (calls if applies(call[0]) else lane.waiting).append(call)
        self.parked -= len(calls)
        return calls

    def leave(self, listener: Listener) -> None:
        """Note that a call of a listener has ended."""
        lane = self._lanes[listener.name]
        lane.calls -= 1
        if lane.waiting and not lane.asleep:
            self._look_at(lane)

    def close(self) -> None:
        """Forget every call."""
        if self._timer is not None:
            self._timer.cancel()

    def _most(self, listener: Listener) -> int | None:
        if listener.max_concurrent is not None:
            return listener.max_concurrent
        return self._max_per_agent if listener.is_agent else None

    def _first(self, lane: _Lane) -> Call | None:
        """Take the first call of a lane if it may be made now."""
        if not lane.waiting:
            return None
        if not is_ended(lane.waiting[0][0]):
            if lane.most is not None and lane.calls >= lane.most:
                return None  # until `leave`
            wait_s = lane.bucket.take(_now()) if lane.bucket is not None else 0.0
            if wait_s:
                self._sleep(lane, wait_s)
                return None
            lane.calls += 1
        self.parked -= 1
        return lane.waiting.popleft()

    def _look_at(self, lane: _Lane) -> None:
        if not lane.due:
            lane.due = True
            self.due.append(lane)

    def _sleep(self, lane: _Lane, wait_s: float) -> None:
        if lane.asleep:
            return
        lane.asleep = True
        loop = asyncio.get_running_loop()
        self._slept += 1  # so that the heap never compares lanes
        heappush(self._sleeping, (loop.time() + wait_s, self._slept, lane))
        self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        first = self._sleeping[0][0]
        if self._timer is not None:
            if self._timer.when() <= first:
                return
            self._timer.cancel()
        self._timer = loop.call_at(first, self._rise, first)

    def _rise(self, first: float) -> None:
        """Let the lanes whose time has come be looked at: those of `first`, though the timer may be a bit early."""
        loop, self._timer = asyncio.get_running_loop(), None
        now = max(first, loop.time())
        while self._sleeping and self._sleeping[0][0] <= now:
            lane = heappop(self._sleeping)[2]
            lane.asleep = False
            self._look_at(lane)
        if self._sleeping:
            self._set_timer(loop)
        self._wake()


def _now() -> float:
    return asyncio.get_running_loop().time()
