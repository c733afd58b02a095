"""What waits, as far as it is kept in memory; of the rest, the numbers under which the file has it.

Takes messages; gives what the schedule says is next. Up to a bound everything is here. Beyond it a conversation that
has some messages here already leaves its further ones in the file, so that one conversation with very many does not
shut out another; they are loaded in their order, as those before them are taken. Reads no file: it says what it wants
to have loaded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from agentserver.queues.protocol import QueuedMessage
from agentserver.queues.schedule import Schedule

KEPT: Final = 64
"""Messages of one conversation that are kept in memory even if there are too many in all."""
LOADED: Final = 256
"""Messages that are loaded at once."""
MOST_BOUND: Final = 1_000
"""Claims of whom messages are bound for, for which some are kept in memory though it is full."""


class WorkingSet:
    """The schedule, and what is not in it yet.

    Args:
        max_messages: Messages in memory, about; twice as many at most.
        max_bytes: Bytes of messages in memory, about.
        depth_first: As of `Schedule`.
        steady: As of `Schedule`.

    Attributes:
        schedule: What is in memory. Add nothing to it but what was taken from it, or has to wait for its time.
        away: How many messages are only in the file.
        counts: Whether it counts what is in memory, by conversation: while any are away, or may soon be.
    """

    def __init__(
        self, max_messages: int, max_bytes: int, *, depth_first: bool, steady: Callable[[], float]
    ) -> None:
        self.max_messages, self.max_bytes = max_messages, max_bytes
        self.schedule = Schedule(depth_first=depth_first, steady=steady)
        self.away = 0
        self.counts = False
        self._away: dict[str, deque[int]] = {}  # numbers, by conversation
        self._here: dict[str, int] = {}  # how many of each are ready in memory, while that is counted
        self._bound: Counter[str] = (
            Counter()
        )  # how many of each claim are ready in memory, while that is counted
        self._short: dict[
            str, None
        ] = {}  # conversations of which more is to be loaded, first come first served
        self._loading: dict[str, list[int]] = {}  # numbers that are being loaded, by conversation

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self.schedule) + self.away

    def add(self, message: QueuedMessage, seq: int) -> bool:
        """Let a message wait; return whether it is kept in memory."""
        schedule = self.schedule
        if not self.away:
            if len(schedule) < self.max_messages and schedule.bytes < self.max_bytes:
                schedule.add(message)
                if self.counts:
                    self._stop_counting()
                return True
            if not self.counts:
                self._count()
        if message.deliver_at:
            schedule.add(message)
            return True
        conversation = _conversation(message)
        here = self._here.get(conversation, 0)
        full = len(schedule) >= self.max_messages or schedule.bytes >= self.max_bytes
        if (
            conversation in self._away
            or conversation in self._loading
            or (full and (here >= KEPT or (self._is_overfull() and not self._is_first_for(message))))
        ):
            self.leave(conversation, seq)
            return False
        self._here[conversation] = here + 1
        if message.bound_for is not None:
            self._bound[message.bound_for] += 1
        schedule.add(message)
        return True

    def add_all(self, messages: Sequence[QueuedMessage]) -> bool:
        """Let messages wait, all of them in memory; return False, and do nothing, where not all may be."""
        schedule = self.schedule
        if (
            self.away
            or schedule.ready + len(messages) > self.max_messages
            or schedule.bytes >= self.max_bytes
        ):
            return False
        add = schedule.add
        for message in messages:
            add(message)
        return True

    def leave(self, conversation: str, seq: int) -> None:
        """Note a message that is only in the file."""
        self.counts = True
        away = self._away.get(conversation)
        if away is None:
            away = self._away[conversation] = deque()
            if self._here.get(conversation, 0) < KEPT:
                self._short[conversation] = None
        away.append(seq)
        self.away += 1

    def taken(self, messages: Iterable[QueuedMessage]) -> None:
        """Note what was taken from the schedule, to want more of its conversations."""
        if not self.counts:
            return
        for message in messages:
            conversation = _conversation(message)
            left = self._here.get(conversation, 0) - 1
            if left > 0:
                self._here[conversation] = left
            else:
                self._here.pop(conversation, None)
            if left < KEPT and conversation in self._away:
                self._short[conversation] = None
            if message.bound_for is not None and message.bound_for in self._bound:
                self._bound[message.bound_for] -= 1

    def wanted(self) -> list[int]:
        """Return the numbers of the messages to load now; none while others are being loaded."""
        if not self._short or self._loading or (self._is_overfull() and self.schedule.ready):
            return []
        count, loading = 0, self._loading
        while self._short and count < LOADED:
            conversation = next(iter(self._short))
            del self._short[conversation]
            away = self._away[conversation]
            loading[conversation] = [away.popleft() for _ in range(min(len(away), 2 * KEPT))]
            count += len(loading[conversation])
            if not away:
                del self._away[conversation]
        return [seq for seqs in loading.values() for seq in seqs]

    def is_loading(self, seqs: list[int]) -> bool:
        """Return whether it still waits for what was wanted under these numbers."""
        return seqs == [seq for own in self._loading.values() for seq in own] != []

    def loaded(self, messages: Iterable[QueuedMessage]) -> None:
        """Add what was wanted, behind all else of its conversations; what is not here now, will never be."""
        for message in messages:
            if not message.deliver_at:
                conversation = _conversation(message)
                self._here[conversation] = self._here.get(conversation, 0) + 1
            self.schedule.add(message)
        for conversation, seqs in self._loading.items():
            self.away -= len(seqs)
            if conversation in self._away and self._here.get(conversation, 0) < KEPT:
                self._short[conversation] = None
        self._loading.clear()

    def not_loaded(self) -> None:
        """Want later what could not be loaded now."""
        for conversation, seqs in self._loading.items():
            self._away.setdefault(conversation, deque()).extendleft(reversed(seqs))
            self._short[conversation] = None
        self._loading.clear()

    def take_away(self) -> list[int]:
        """Take the numbers of all that is only in the file, to load it at once; what is being loaded as well."""
        self.not_loaded()
        seqs = sorted(seq for away in self._away.values() for seq in away)
        for kept in (self._away, self._short):
            kept.clear()
        self.away = 0
        self._stop_counting()
        return seqs

    def _is_overfull(self) -> bool:
        return len(self.schedule) >= 2 * self.max_messages or self.schedule.bytes >= 2 * self.max_bytes

    def _is_first_for(self, message: QueuedMessage) -> bool:
        """Return whether hardly anything here is bound for whom a message is: it is not to wait for a crowd."""
        bound_for = message.bound_for
        return bound_for is not None and self._bound[bound_for] < KEPT and len(self._bound) < MOST_BOUND

    def _stop_counting(self) -> None:
        self.counts = False
        self._here.clear()
        self._bound.clear()

    def _count(self) -> None:
        self._stop_counting()
        self.counts = True
        for message in self.schedule:
            if not message.deliver_at:
                conversation = _conversation(message)
                self._here[conversation] = self._here.get(conversation, 0) + 1
                if message.bound_for is not None:
                    self._bound[message.bound_for] += 1


def _conversation(message: QueuedMessage) -> str:
    return message.conversation_id or ""
