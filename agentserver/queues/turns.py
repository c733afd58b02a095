"""Whose turn it is among conversations: messages of one rank, and which of them is next.

Takes messages in the order in which they came. Where conversations take turns, each gives one message and goes to the
end of the round; else the first gives all that it has before the next does. Either way a conversation's messages keep
their order. Sorts nothing as long as all that is here is taken at once, as then there is nothing to be fair about:
what fits into one `take` is given in the order in which it came. Knows no priorities and no times; not thread-safe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from agentserver.queues.protocol import QueuedMessage

_Key: TypeAlias = str | tuple[str]
"""A conversation; a message without one is its own."""


class Turns:
    """The messages of one rank.

    Args:
        in_turns: Whether conversations take turns.
    """

    __slots__ = ("_in_turns", "_round", "_sorted", "_waiting", "fresh")

    def __init__(self, *, in_turns: bool) -> None:
        self._in_turns = in_turns
        self.fresh: deque[QueuedMessage] = deque()
        """Messages that nobody has looked at, behind all others: add what is new here."""
        self._round: deque[tuple[int, _Key]] = deque()  # since when each waits for its turn, and who
        self._waiting: dict[_Key, QueuedMessage | deque[QueuedMessage]] = {}
        self._sorted = 0  # messages that are not `fresh`

    def __len__(self) -> int:
        """Return how many wait."""
        return self._sorted + len(self.fresh)

    def __iter__(self) -> Iterator[QueuedMessage]:
        """Give what waits, conversation by conversation."""
        for _, key in self._round:
            waiting = self._waiting[key]
            if isinstance(waiting, QueuedMessage):
                yield waiting
            else:
                yield from waiting
        yield from self.fresh

    def since(self, now: int) -> int:
        """Return since when the next message waits for its turn; there has to be one."""
        self._sort(now)
        return self._round[0][0]

    def take(self, limit: int, now: int) -> list[QueuedMessage]:
        """Take the next messages.

        Args:
            limit: Most of them.
            now: A count that never goes down, for `since`.
        """
        fresh = self.fresh
        if not self._round and len(fresh) <= limit:
            taken = list(fresh)
            fresh.clear()
            return taken
        self._sort(now)
        return self._take_sorted(min(limit, self._sorted), now)

    def _take_sorted(self, count: int, now: int) -> list[QueuedMessage]:
        taken: list[QueuedMessage] = []
        if len(self._round) == 1:
            return self._take_from_one(count, now)
        add, waiting, turns, in_turns = taken.append, self._waiting, self._round, self._in_turns
        self._sorted -= count
        for _ in range(count):
            key = turns[0][1]
            own = waiting[key]
            if isinstance(own, QueuedMessage):
                add(own)
                del waiting[key]
                turns.popleft()
                continue
            add(own.popleft())
            if not own:
                del waiting[key]
                turns.popleft()
            elif in_turns:
                turns.popleft()
                turns.append((now, key))
            else:
                turns[0] = (now, key)
        return taken

    def _take_from_one(self, count: int, now: int) -> list[QueuedMessage]:
        """Take from the only conversation that there is."""
        key = self._round[0][1]
        own = self._waiting[key]
        if count < self._sorted:
            self._sorted -= count
            self._round[0] = (now, key)
            return [own.popleft() for _ in range(count)] if not isinstance(own, QueuedMessage) else []
        self._round.clear()
        del self._waiting[key]
        self._sorted = 0
        return [own] if isinstance(own, QueuedMessage) else list(own)

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[QueuedMessage]:
        """Take those for which `applies` holds, which is asked once of each."""
        everything = list(self)
        meant = [applies(message) for message in everything]
        if True not in meant:
            return []
        withdrawn = {id(message) for message, is_meant in zip(everything, meant, strict=True) if is_meant}
        for key, own in list(self._waiting.items()):
            messages = (own,) if isinstance(own, QueuedMessage) else own
            left = deque(message for message in messages if id(message) not in withdrawn)
            if left:
                self._waiting[key] = left
            else:
                del self._waiting[key]
        self._round = deque(turn for turn in self._round if turn[1] in self._waiting)
        self.fresh = deque(message for message in self.fresh if id(message) not in withdrawn)
        self._sorted = len(everything) - len(withdrawn) - len(self.fresh)
        return [message for message, is_meant in zip(everything, meant, strict=True) if is_meant]

    def _sort(self, now: int) -> None:
        """Give what is fresh to its conversations."""
        fresh, waiting, turns = self.fresh, self._waiting, self._round
        if not fresh:
            return
        self._sorted += len(fresh)
        for message in fresh:
            chain = message.chain
            key: _Key | None = chain[0].thread_id if chain else message.thread_id
            if key is None:
                key = (message.id,)
            own = waiting.get(key)
            if own is None:
                waiting[key] = message
                turns.append((now, key))
            elif isinstance(own, QueuedMessage):
                waiting[key] = deque((own, message))
            else:
                own.append(message)
        fresh.clear()
