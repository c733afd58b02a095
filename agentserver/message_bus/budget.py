"""What one conversation may use, and what it has used: so that two agents who greet each other for ever come to an end.

A conversation is here what follows from one message from outside. What it has used goes along with its messages, in
one object that they share: it is gone with the last of them, so nothing has to be forgotten, and what became of a
message changes nothing. A message from outside that nobody answers costs nothing at all.

The first answer that would be too much raises `BudgetExceeded`. From then on the conversation is ended: its other
messages fail as they come along, with `ConversationEnded`, and nobody is told of those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from agentserver.config import BudgetConfig
from agentserver.errors import BudgetExceeded, ConversationEnded, RoutingError

if TYPE_CHECKING:
    from agentserver.message_bus.message_state import MessageState
    from agentserver.queues import QueuedMessage


class Spending:
    """What one conversation has used.

    Attributes:
        sent: Messages that handlers have sent in it; `Replies` adds them up.
        began: When it began, by the budget's clock, where that is looked at.
        ended: Why it was ended; None as long as it goes on.
        told: How often refusals were sent, by the thread of who is told and the thread of what; `refusals.py` counts.
    """

    __slots__ = ("began", "ended", "sent", "told")

    def __init__(self, began: float | None = None, sent: int = 0) -> None:
        self.sent, self.began = sent, began
        self.ended: BudgetExceeded | None = None
        self.told: dict[tuple[str, str], int] | None = None  # most conversations need none


class Budget:
    """Keep conversations within their bounds.

    Args:
        bounds: The bounds.
        max_hops: Most messages on one path, by `limits.hops`.
        clock: Seconds, of a clock that never goes back; that of the running event loop when left out.
    """

    __slots__ = ("_clock", "_fan_out", "_max_hops", "_messages", "_path_hops", "_wall_s")

    def __init__(self, bounds: BudgetConfig, max_hops: int, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock if clock is not None else _loop_time
        self.adjust(bounds, max_hops)

    def adjust(self, bounds: BudgetConfig, max_hops: int) -> None:
        """Take over other bounds; conversations that were ended stay so."""
        self._messages, self._fan_out, self._wall_s = bounds.messages, bounds.fan_out, bounds.wall_s
        self._path_hops = max_hops
        self._max_hops = max_hops if bounds.hops is None else min(max_hops, bounds.hops)

    def open(self, message: QueuedMessage) -> None:
        """Begin the conversation of a message from outside, where its time is bounded."""
        if self._wall_s is not None:
            message.spending = Spending(self._clock())

    def divide(self, message: QueuedMessage, parts: Iterable[MessageState]) -> None:
        """Give the parts of an input, which have become messages, the spending that they share.

        Those of one thread are one conversation; in one that goes on already they all are.
        """
        shared: dict[str | None, Spending] = {}
        whole: Spending | None = message.spending
        for part in parts:
            child = part.message
            if child is None:
                continue
            if whole is not None and message.parent_id is not None:  # amid a conversation
                child.spending = whole
            elif part.thread_id not in shared:
                shared[part.thread_id] = child.spending = self._begin(message)
            else:
                child.spending = shared[part.thread_id]

    def stop(self, states: Iterable[MessageState]) -> None:
        """Fail those of the states about to enter the gate whose conversation was ended, or whose time is up."""
        wall_s = self._wall_s
        for state in states:
            delivery = state.delivery
            spending: Spending | None = delivery.message.spending if delivery is not None else None
            if spending is not None and (spending.ended is not None or wall_s is not None):
                try:
                    self._look(spending)
                except (BudgetExceeded, ConversationEnded) as exc:
                    state.fail("budget", exc.with_traceback(None))

    @property
    def wall_s(self) -> float | None:
        """Seconds that a conversation may take; None when that is not bounded."""
        return self._wall_s

    def overdue(self, state: MessageState) -> BudgetExceeded | None:
        """Return what a message fails with whose conversation's time is up, or which was ended before; else None."""
        message = state.message
        if message is None or self._wall_s is None:
            return None
        spending: Spending | None = message.spending
        if spending is None:
            spending = message.spending = self._begin(message)
        try:
            self._look(spending)
        except BudgetExceeded as exc:
            return exc.with_traceback(None)
        return None

    def check(self, message: QueuedMessage | None, count: int, before: int = 0) -> None:
        """Look whether the answer to a message may hold `count` messages, or more; `before` were sent of it already.

        Raises:
            ConversationEnded: The conversation was ended before.
            BudgetExceeded: It would be too many, the path too long, or the time is up. That ends the conversation,
                but for an answer beyond `fan_out`, which fails alone.
            RoutingError: The path is longer than `limits.hops`, which ends the path alone.
        """
        spending: Spending | None = message.spending if message is not None else None
        if spending is None:
            spending = self._begin(message)
            if message is not None:
                message.spending = spending
        if spending.ended is not None or self._wall_s is not None:
            self._look(spending)
        if count + before > self._fan_out:
            raise BudgetExceeded("fan_out", count + before, self._fan_out)
        if spending.sent + count > self._messages:
            raise _end(spending, BudgetExceeded("messages", spending.sent + count, self._messages))
        if message is not None and message.hop >= self._max_hops and count:
            raise self._too_far(spending, message.hop + 1)

    def has_room(self, message: QueuedMessage) -> bool:
        """Return whether one message more may follow from another; whatever it is, nothing ends by it."""
        spending: Spending | None = message.spending
        if spending is None:
            spending = message.spending = self._begin(message)
        return spending.ended is None and spending.sent < self._messages and message.hop < self._max_hops

    def charge(self, message: QueuedMessage) -> bool:
        """Count one more call for a message as one message more; return False, and count nothing, without room."""
        spending: Spending | None = message.spending
        if spending is None:
            spending = message.spending = self._begin(message)
        if spending.ended is not None or spending.sent >= self._messages:
            return False
        spending.sent += 1
        return True

    def undo(self, states: Iterable[MessageState]) -> None:
        """Take back what was charged for states whose settlement was not committed, as they are handled again."""
        for state in states:
            message = state.message
            if message is not None and message.spending is not None:
                spending: Spending = message.spending
                spending.sent -= state.emitted
                if type(state.failure) is BudgetExceeded:
                    spending.ended = None

    def _begin(self, message: QueuedMessage | None) -> Spending:
        """Begin to count; with as many messages as stand before this one, as at least those were sent."""
        if message is None:
            return Spending(self._clock())
        known: Spending | None = message.spending
        began = known.began if known is not None else None
        if began is None and self._wall_s is not None:
            began = self._clock()
        return Spending(began, message.hop)

    def _look(self, spending: Spending) -> None:
        """Raise when the conversation was ended, or its time is up."""
        if spending.ended is not None:
            raise _ended(spending.ended)
        if self._wall_s is not None:
            assert spending.began is not None
            lasted_s = self._clock() - spending.began
            if lasted_s > self._wall_s:
                raise _end(spending, BudgetExceeded("wall_s", lasted_s, self._wall_s))

    def _too_far(self, spending: Spending, hop: int) -> BudgetExceeded | RoutingError:
        if hop > self._path_hops:
            return RoutingError(f"more than {self._path_hops} hops on one path", code="hop-limit")
        return _end(spending, BudgetExceeded("hops", hop, self._max_hops))


def is_ended(state: MessageState) -> bool:
    """Return whether the conversation of a message was ended."""
    delivery = state.delivery
    spending: Spending | None = delivery.message.spending if delivery is not None else None
    return spending is not None and spending.ended is not None


def end_quietly(state: MessageState) -> None:
    """Fail a message whose conversation was ended."""
    message = state.message
    if message is not None and message.spending is not None and message.spending.ended is not None:
        state.fail("budget", _ended(message.spending.ended))


def _end(spending: Spending, error: BudgetExceeded) -> BudgetExceeded:
    spending.ended = error
    return error


def _ended(error: BudgetExceeded) -> ConversationEnded:
    return ConversationEnded(error.bound, error.count, error.limit)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
