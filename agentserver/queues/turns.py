"""Whose turn it is among conversations: messages of one rank, and which of them is next.

Takes messages in the order in which they came. Where conversations take turns, each gives one message and goes to the
end of its round; else the first gives all that it has before the next does. Either way a conversation's messages keep
their order. Conversations that say whom they are bound for are a round with their like, and rounds take turns, too: so
ten thousand conversations with one listener do not hold up one with another. Sorts nothing as long as all that is here
is taken at once, as then there is nothing to be fair about: what fits into one `take` is given in the order in which it
came. Knows no priorities and no times; not thread-safe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from agentserver.queues.protocol import QueuedMessage

_Key: TypeAlias = str | tuple[str]
"""A conversation; a message without one is its own."""
_Round: TypeAlias = deque[tuple[int, _Key]]
"""Conversations, each with the time since when it waits for its turn."""


class Turns:
    """The messages of one rank.

    Args:
        in_turns: Whether conversations take turns.
    """

    __slots__ = ("_by_bound", "_in_turns", "_rounds", "_sorted", "_waiting", "fresh")

    def __init__(self, *, in_turns: bool) -> None:
        self._in_turns = in_turns
        self.fresh: deque[QueuedMessage] = deque()
        """Messages that nobody has looked at, behind all others: add what is new here."""
        self._rounds: deque[tuple[str | None, _Round]] = (
            deque()
        )  # each with whom it is bound for; none is empty
        self._by_bound: dict[str | None, _Round] = {}
        self._waiting: dict[_Key, QueuedMessage | deque[QueuedMessage]] = {}
        self._sorted = 0  # messages that are not `fresh`

    def __len__(self) -> int:
        """Return how many wait."""
        return self._sorted + len(self.fresh)

    def __iter__(self) -> Iterator[QueuedMessage]:
        """Give what waits, conversation by conversation."""
        for _, turns in self._rounds:
            for _, key in turns:
                waiting = self._waiting[key]
                if isinstance(waiting, QueuedMessage):
                    yield waiting
                else:
                    yield from waiting
        yield from self.fresh

    def since(self, now: int) -> int:
        """Return since when a message waits for its turn, the one that does for longest; there has to be one."""
        self._sort(now)
        return min(turns[0][0] for _, turns in self._rounds)

    def take(self, limit: int, now: int) -> list[QueuedMessage]:
        """Take the next messages.

        Args:
            limit: Most of them.
            now: A count that never goes down, for `since`.
        """
        fresh = self.fresh
        if not self._rounds and len(fresh) <= limit:
            taken = list(fresh)
            fresh.clear()
            return taken
        self._sort(now)
        count = min(limit, self._sorted)
        if len(self._rounds) == 1:
            return self._take_from_first(count, now)
        taken = []
        for _ in range(count):
            rounds = len(self._rounds)
            taken += self._take_from_first(1, now)
            if len(self._rounds) == rounds:
                self._rounds.rotate(-1)
        return taken

    def _take_from_first(self, count: int, now: int) -> list[QueuedMessage]:
        """Take from the first round, which goes when it is over."""
        bound_for, turns = self._rounds[0]
        self._sorted -= count
        take = self._take_from_one if len(turns) == 1 else self._take_in_turns
        taken = take(turns, count, now)
        if not turns:
            self._rounds.popleft()
            del self._by_bound[bound_for]
        return taken

    def _take_from_one(self, turns: _Round, count: int, now: int) -> list[QueuedMessage]:
        """Take from the only conversation of a round."""
        key = turns[0][1]
        own = self._waiting[key]
        if isinstance(own, QueuedMessage):
            if not count:
                return []
            taken = [own]
        elif count < len(own):
            turns[0] = (now, key)
            return [own.popleft() for _ in range(count)]
        else:
            taken = list(own)
        turns.clear()
        del self._waiting[key]
        return taken

    def _take_in_turns(self, turns: _Round, count: int, now: int) -> list[QueuedMessage]:
        taken: list[QueuedMessage] = []
        add, waiting, in_turns = taken.append, self._waiting, self._in_turns
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
        rounds = [
            (bound_for, deque(turn for turn in turns if turn[1] in self._waiting))
            for bound_for, turns in self._rounds
        ]
        self._rounds = deque(each for each in rounds if each[1])
        self._by_bound = dict(self._rounds)
        self.fresh = deque(message for message in self.fresh if id(message) not in withdrawn)
        self._sorted = len(everything) - len(withdrawn) - len(self.fresh)
        return [message for message, is_meant in zip(everything, meant, strict=True) if is_meant]

    def _sort(self, now: int) -> None:
        """Give what is fresh to its conversations."""
        fresh, waiting = self.fresh, self._waiting
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
                self._round_for(message.bound_for).append((now, key))
            elif isinstance(own, QueuedMessage):
                waiting[key] = deque((own, message))
            else:
                own.append(message)
        fresh.clear()

    def _round_for(self, bound_for: str | None) -> _Round:
        if not self._in_turns:
            bound_for = None
        turns = self._by_bound.get(bound_for)
        if turns is None:
            turns = self._by_bound[bound_for] = deque()
            self._rounds.append((bound_for, turns))
        return turns
