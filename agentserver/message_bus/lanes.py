"""Who waits for a listener that may not be called now: lanes, one for each such listener.

Takes calls in the order in which they came and gives them back when they may be made, in that order. A listener may be
at its own bound, beyond its rate, paused, left alone by its breaker, or have more calls going on than leaves places to
others. What waits in a lane takes no handler's place from others, and no place in the pipeline. A lane is short: what
does not fit goes back to the queue, under the lane's name, and is asked for again when there is room. One timer wakes
the lanes that wait for a time; nothing is polled. Runs no handler, and never drops a call.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Final, TypeAlias

from agentserver.message_bus.budget import is_ended
from agentserver.message_bus.lane import Call, Lane
from agentserver.message_bus.lane_alarm import LaneAlarm
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState

Release: TypeAlias = Callable[[str, int], int]
"""Has the queue give so many of those again that it keeps for a lane; says how many are left. See `MessageQueue`."""

HELD: Final = object()
"""In the place of what a handler returned: it was not called, and the message goes back to the queue."""
MAX_PARKED: Final = 100
"""Messages that one lane holds itself; further ones are in the queue meanwhile."""


class Lanes:
    """The lanes of the listeners that cannot be called whenever there is something for them.

    Args:
        max_per_agent: Calls at once of an agent that says nothing of them itself.
        wake: Is called when a lane may have a call to make.
        release: Asks the queue for what went back to it.
        paused: Names of the listeners that are not to be called at all.
        is_crowded: Whether a listener has to leave the places that are free to others.
    """

    def __init__(
        self,
        max_per_agent: int,
        wake: Callable[[], None],
        release: Release | None = None,
        paused: Container[str] = (),
        is_crowded: Callable[[str], bool] = bool,
    ) -> None:
        self._max_per_agent, self._wake = max_per_agent, wake
        self._release, self._paused, self._is_crowded = release, paused, is_crowded
        self._lanes: dict[str, Lane] = {}  # by listener; as many as there are names
        self._alarm = LaneAlarm(self._rise)
        self._crowded: list[Lane] = []  # those that wait for a place
        self._away: dict[str, Lane] = {}  # by the id of a message that went back to the queue
        self.due: deque[Lane] = deque()
        """Lanes that may have a call to make."""
        self.busy: set[str] = set()
        """Listeners whose calls have to enter, whatever their bounds: something of theirs waits already."""
        self._waiting = 0
        self._extra: set[MessageState] = set()  # those of them that no queue would take back
        self.going_back: list[MessageState] = []
        """Messages that are to go back to the queue; whoever sees to that takes them out."""

    @property
    def parked(self) -> int:
        """Calls that wait in lanes, and take no place in the pipeline."""
        return self._waiting - len(self._extra)

    def adjust(self, max_per_agent: int, listeners: Iterable[Listener]) -> None:
        """Take over other bounds, by which who waits already is looked at anew."""
        self._max_per_agent = max_per_agent
        for listener in listeners:
            lane = self._lanes.get(listener.name)
            if lane is not None:
                lane.bind(listener, self._most(listener))
                self._look_at(lane)

    def enter(self, call: Call) -> bool:
        """Count a call that is about to be made and return True, or let it wait and return False."""
        state, listener = call
        lane = self._lane(listener.name)
        lane.bind(listener, self._most(listener))
        came_again = self.came_again(state)
        if not lane.waiting and (came_again or not lane.away) and self._may(lane, call):
            if came_again:
                self._refill(lane)
            return True
        self.busy.add(lane.name)
        if len(lane.waiting) < MAX_PARKED and (came_again or not lane.away):
            self._park(lane, call)
        elif self._can_go_back(state):
            self._send_back(lane, state)
        else:
            self._park(lane, call)
            if state.delivery is None:
                self._extra.add(state)
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

    def came_again(self, state: MessageState) -> bool:
        """Note that a message is in the pipeline, and return whether it had gone back to the queue before."""
        if not self._away or state.message is None:
            return False
        return self._strike(state.message.id) is not None

    def forget(self, message_ids: Iterable[str]) -> None:
        """Expect messages no more that may have gone back to the queue: they are gone from there."""
        lanes = {lane.name: lane for id_ in message_ids if (lane := self._strike(id_)) is not None}
        for lane in lanes.values():
            self._refill(lane)

    def stays_here(self, state: MessageState) -> None:
        """Note that a message does not go back after all, as it was ended meanwhile."""
        message = state.message
        lane = self._away.get(message.id) if message is not None else None
        if message is not None and lane is not None:
            lane.leaving -= 1
            self.going_back.remove(state)
            self._strike(message.id)
            self._refill(lane)

    def went_back(self, states: Iterable[MessageState]) -> None:
        """Note that the queue holds messages now that went back to it, and ask for them if there is room already."""
        lanes: dict[str, Lane] = {}
        for state in states:
            lane = self._away.get(state.message.id) if state.message is not None else None
            if lane is not None:
                lane.leaving -= 1
                lanes[lane.name] = lane
        for lane in lanes.values():
            self._refill(lane)

    def withdraw(self, applies: Callable[[MessageState], bool]) -> list[Call]:
        """Take out the calls that wait with messages for which `applies` holds."""
        calls: list[Call] = []
        for lane in self._lanes.values():
            waiting, lane.waiting = lane.waiting, deque()
            for call in waiting:
                (calls if applies(call[0]) else lane.waiting).append(call)
            self._refill(lane)
        self._waiting -= len(calls)
        self._extra.difference_update(state for state, _ in calls)
        return calls

    def leave(self, call: Call) -> None:
        """Note that a call has ended."""
        state, listener = call
        lane = self._lanes[listener.name]
        lane.calls -= 1
        if lane.breaker is not None:
            lane.breaker.end(state, _now())
        if (lane.waiting or lane.away) and not lane.asleep:
            self._look_at(lane)

    def look(self, name: str) -> None:
        """Look at the lane of a listener that may be called again."""
        lane = self._lanes.get(name)
        if lane is not None:
            self._look_at(lane)
            self._wake()

    def place_is_free(self) -> None:
        """Look at the lanes that waited for a place."""
        crowded, self._crowded = self._crowded, []
        for lane in crowded:
            self._look_at(lane)

    def parked_for(self, name: str) -> int:
        """Return how many calls wait in the lane of a listener."""
        lane = self._lanes.get(name)
        return len(lane.waiting) if lane is not None else 0

    def __iter__(self) -> Iterator[Call]:
        """Give all calls that wait."""
        for lane in self._lanes.values():
            yield from lane.waiting

    def breakers(self) -> dict[str, str]:
        """Return what the breakers are that are not closed, by listener."""
        now = _now()
        states = {
            lane.name: lane.breaker.state(now) for lane in self._lanes.values() if lane.breaker is not None
        }
        return {name: state for name, state in states.items() if state != "closed"}

    def could_call(self, listener: Listener) -> bool:
        """Return whether a listener that there is a message for could be called, as far as its own bound goes."""
        most = self._most(listener)
        lane = self._lanes.get(listener.name) if most is not None else None
        return lane is None or most is None or lane.calls < most

    def close(self) -> None:
        """Forget every call."""
        self._alarm.close()

    def _lane(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name)
        return lane

    def _most(self, listener: Listener) -> int | None:
        if listener.max_concurrent is not None:
            return listener.max_concurrent
        return self._max_per_agent if listener.is_agent else None

    def _may(self, lane: Lane, call: Call) -> bool:
        """Return whether a call may be made now, which counts it; see to it that its lane is looked at when it may."""
        if lane.name in self._paused:
            return False  # until `look`
        if lane.most is not None and lane.calls >= lane.most:
            return False  # until `leave`
        if self._is_crowded(lane.name):
            self._crowded.append(lane)
            return False
        wait_s = lane.breaker.wait_s(_now()) if lane.breaker is not None else 0.0
        if not wait_s and lane.bucket is not None:
            wait_s = lane.bucket.take(_now())
        if wait_s:
            if not math.isinf(wait_s):  # else until `leave`
                self._alarm.set(lane, wait_s)
            return False
        if call[1].bounded:
            lane.calls += 1
        if lane.breaker is not None:
            lane.breaker.begin(call[0])
        return True

    def _first(self, lane: Lane) -> Call | None:
        """Take the first call of a lane if it may be made now."""
        if not lane.waiting:
            self._refill(lane)
            return None
        call = lane.waiting[0]
        if not is_ended(call[0]) and not self._may(lane, call):
            return None
        lane.waiting.popleft()
        self._waiting -= 1
        self._extra.discard(call[0])
        self._refill(lane)
        return call

    def _can_go_back(self, state: MessageState) -> bool:
        """Return whether a message can be given back; what was joined would have to be joined anew."""
        message = state.message
        return (
            self._release is not None and message is not None and not state.joined and message.joint is None
        )

    def _park(self, lane: Lane, call: Call) -> None:
        lane.waiting.append(call)
        self._waiting += 1

    def _send_back(self, lane: Lane, state: MessageState) -> None:
        assert state.message is not None
        self._away[state.message.id] = lane
        lane.away += 1
        lane.leaving += 1
        self.going_back.append(state)

    def _strike(self, message_id: str) -> Lane | None:
        """Expect a message no more that went back to the queue; return its lane, if it had."""
        lane = self._away.pop(message_id, None)
        if lane is not None:
            lane.away -= 1
            self._look_whether_busy(lane)
        return lane

    def _refill(self, lane: Lane) -> None:
        """Ask the queue for what went back to it, when half of the lane is empty."""
        if self._look_whether_busy(lane) and lane.away and lane.name not in self._paused:
            assert self._release is not None
            held = self._release(lane.name, 0)
            coming = lane.away - lane.leaving - held
            room = MAX_PARKED - len(lane.waiting) - coming
            if held and room >= min(held, MAX_PARKED // 2):
                self._release(lane.name, room)

    def _look_whether_busy(self, lane: Lane) -> bool:
        is_busy = bool(lane.waiting or lane.away)
        if not is_busy:
            self.busy.discard(lane.name)
        return is_busy

    def _rise(self, lanes: list[Lane]) -> None:
        for lane in lanes:
            self._look_at(lane)
        self._wake()

    def _look_at(self, lane: Lane) -> None:
        if not lane.due:
            lane.due = True
            self.due.append(lane)


def _now() -> float:
    return asyncio.get_running_loop().time()
