"""What is next: messages by priority, conversation, time and lane. One for every queue that keeps what waits in memory.

Takes messages; gives those that are ready, in the order in which they are to be handled. Breadth-first, conversations
take turns; depth-first, what handlers emitted comes before what is new from outside, and one conversation's before the
next one's. Priority 0 is first and 9 last; but who waits for a turn counts as one priority higher with every
`AGING` messages that were taken since, so that nobody waits for ever. Some wait for their time, some in lanes until
they are released. Counts; never waits, sets no timer, and asks nobody for the time but the steady clock it was given.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from agentserver.queues.delays import Delays
from agentserver.queues.protocol import DEFAULT_PRIORITY, QueuedMessage
from agentserver.queues.turns import Turns

AGING: Final = 50
"""Messages taken after which one that waits counts as one priority higher."""
LOWEST_PRIORITY: Final = 9


class Schedule:
    """What waits in a queue.

    Args:
        depth_first: Serve a conversation's next hop before new conversations.
        steady: Seconds, from a clock that nobody can set; for messages that wait for their time.

    Attributes:
        bytes: How long the data of all that waits is.
        ready: How many wait for nothing but their turn.
        released: By id, the place that a message had in its lane. Whoever takes a message that is named here takes
            its place along, out of this dict, and gives both to `hold` if the message has to go back.
    """

    __slots__ = (
        "_delays", "_depth_first", "_held", "_holds", "_parked", "_ranks", "_returned", "_taken", "_usual", "bytes",
        "ready", "released",
    )  # fmt: skip

    def __init__(self, *, depth_first: bool = False, steady: Callable[[], float] = time.monotonic) -> None:
        self._depth_first = depth_first
        # two ranks for each priority: what was emitted, then all else; breadth-first, the first is never used
        self._ranks = [Turns(in_turns=not depth_first) for _ in range(2 * (LOWEST_PRIORITY + 1))]
        self._usual = self._ranks[2 * DEFAULT_PRIORITY + 1]
        self._returned: deque[QueuedMessage] = deque()  # what was taken before, and comes before all else
        self._delays = Delays(steady)
        self._held: dict[str, list[tuple[int, QueuedMessage]]] = {}  # a heap for each lane
        self._holds = 0  # so that they keep their order
        self._parked = 0  # how many are held
        self._taken = 0
        self.bytes = 0
        self.ready = 0
        self.released: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many wait: ready, for their time, or in lanes."""
        return self.ready + len(self._delays) + self._parked

    def __iter__(self) -> Iterator[QueuedMessage]:
        """Give all that waits."""
        yield from self._returned
        for rank in self._ranks:
            yield from rank
        yield from self._delays
        for lane in self._held.values():
            for _, message in sorted(lane, key=_place):
                yield message

    @property
    def held(self) -> dict[str, int]:
        """How many messages each lane holds; only lanes that hold any."""
        return {lane: len(messages) for lane, messages in self._held.items()}

    def add(self, message: QueuedMessage) -> None:
        """Let a message wait for its turn, or for its time first."""
        self.bytes += len(message.data)
        if message.deliver_at:
            self._delays.add(message)
            return
        self.ready += 1
        if message.priority == DEFAULT_PRIORITY and not self._depth_first:
            self._usual.fresh.append(message)
        else:
            self._rank_of(message).fresh.append(message)

    def add_first(self, messages: Iterable[QueuedMessage]) -> None:
        """Let messages wait that were taken before, in this order: before all others."""
        first = list(messages)
        self._returned.extendleft(reversed(first))
        self.ready += len(first)
        self.bytes += sum([len(message.data) for message in first])

    def take(self, limit: int, now: float) -> list[QueuedMessage]:
        """Take what is ready.

        Args:
            limit: Most messages to take.
            now: The time of day, in seconds since the epoch.
        """
        if self._delays:
            self._rise(now)
        messages = self._take_returned(limit) if self._returned else []
        count = min(limit - len(messages), self.ready - len(messages))
        if len(self._usual) == self.ready - len(messages):
            messages += self._usual.take(count, self._taken)
        else:
            messages += self._take_by_priority(count)
        self.ready -= len(messages)
        self._taken += count
        self.bytes -= sum([len(message.data) for message in messages])
        return messages

    def next_due(self, now: float) -> float | None:
        """Return the seconds until a message that waits for its time is due; None when there is none."""
        return self._delays.next_s(now) if self._delays else None

    def hold(self, message: QueuedMessage, lane: str, place: int = 0) -> None:
        """Keep a message that was taken until its lane is released.

        Args:
            message: The message.
            lane: The lane.
            place: Where it stood when it was there before; 0 is behind all others.
        """
        self.bytes += len(message.data)
        if not place:
            self._holds += 1
            place = self._holds
        self._parked += 1
        heappush(self._held.setdefault(lane, []), (place, message))

    def release(self, lane: str, limit: int) -> int:
        """Let the first messages of a lane be taken, before all others but those that were released before.

        Args:
            lane: The lane.
            limit: Most messages to release.

        Returns:
            How many are left in it.
        """
        held = self._held.get(lane)
        if held is None:
            return 0
        count = min(max(limit, 0), len(held))
        for _ in range(count):
            place, message = heappop(held)
            self.released[message.id] = place
            self._returned.append(message)
        if not held:
            del self._held[lane]
        self._parked -= count
        self.ready += count
        return len(held)

    def release_all(self) -> None:
        """Let everything be taken that a lane holds, as whoever would have released it is gone."""
        for lane in list(self._held):
            self.release(lane, len(self._held[lane]))
        self.released.clear()

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[QueuedMessage]:
        """Take those for which `applies` holds, wherever they wait; it is asked once of each."""
        withdrawn = self._withdraw_returned(applies) if self._returned else []
        for rank in self._ranks:
            if rank:
                withdrawn += rank.withdraw(applies)
        self.ready -= len(withdrawn)
        withdrawn += self._delays.withdraw(applies)
        for lane, held in list(self._held.items()):
            meant = [applies(message) for _, message in held]
            if True in meant:
                withdrawn += [entry[1] for entry, is_meant in zip(held, meant, strict=True) if is_meant]
                left = [entry for entry, is_meant in zip(held, meant, strict=True) if not is_meant]
                self._parked -= len(held) - len(left)
                self._held[lane] = sorted(left, key=_place)  # a sorted list is a heap
                if not left:
                    del self._held[lane]
        for message in withdrawn:
            self.bytes -= len(message.data)
            self.released.pop(message.id, None)
        return withdrawn

    def take_all(self) -> list[QueuedMessage]:
        """Take everything, ready or not."""
        return self.withdraw(lambda _: True)

    def _rank_of(self, message: QueuedMessage) -> Turns:
        is_emitted = self._depth_first and message.hop > 0
        return self._ranks[2 * min(max(message.priority, 0), LOWEST_PRIORITY) + (not is_emitted)]

    def _withdraw_returned(self, applies: Callable[[QueuedMessage], bool]) -> list[QueuedMessage]:
        returned, self._returned = self._returned, deque()
        withdrawn: list[QueuedMessage] = []
        for message in returned:
            (withdrawn if applies(message) else self._returned).append(message)
        return withdrawn

    def _take_returned(self, limit: int) -> list[QueuedMessage]:
        return [self._returned.popleft() for _ in range(min(limit, len(self._returned)))]

    def _rise(self, now: float) -> None:
        """Make ready what is due."""
        for message in self._delays.due(now):
            self.ready += 1
            self._rank_of(message).fresh.append(message)

    def _take_by_priority(self, count: int) -> list[QueuedMessage]:
        """Take the next messages where they are not all of one rank."""
        pairs = {
            priority: (self._ranks[2 * priority], self._ranks[2 * priority + 1])
            for priority in range(LOWEST_PRIORITY + 1)
            if self._ranks[2 * priority] or self._ranks[2 * priority + 1]
        }
        messages: list[QueuedMessage] = []
        if len(pairs) == 1:
            for turns in next(iter(pairs.values())):
                messages += turns.take(count - len(messages), self._taken)
            return messages
        counts_as = {
            priority: self._counts_as(priority, pair, self._taken) for priority, pair in pairs.items()
        }
        for now in range(self._taken, self._taken + count):
            first = min(counts_as, key=counts_as.__getitem__)  # of several, the one with the best priority
            pair = pairs[first]
            messages += (pair[0] or pair[1]).take(1, now)
            if pair[0] or pair[1]:
                counts_as[first] = self._counts_as(first, pair, now + 1)
            else:
                del counts_as[first]
        return messages

    @staticmethod
    def _counts_as(priority: int, pair: tuple[Turns, Turns], now: int) -> int:
        """Return when a message of priority 0 would have had to come to be as good as the next one of these."""
        return AGING * priority + min(turns.since(now) for turns in pair if turns)


def _place(entry: tuple[int, QueuedMessage]) -> int:
    return entry[0]
