"""One listener's lane: what waits for it, how often it is being called, and the bounds that it has.

Only holds these; what may be called when, `lanes.py` says.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from agentserver.config import RateConfig
from agentserver.message_bus.breaker import Breaker
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.rate import TokenBucket

Call: TypeAlias = tuple[MessageState, Listener]
"""A message and the listener that is to be called with it."""


class Lane:
    """What waits for one listener, and how often it is being called."""

    __slots__ = (
        "asleep", "away", "breaker", "bucket", "calls", "due", "leaving", "most", "name", "rate", "waiting",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: deque[Call] = deque()
        self.calls = 0
        self.most: int | None = None
        self.rate: RateConfig | None = None
        self.bucket: TokenBucket | None = None
        self.breaker: Breaker | None = None
        self.due = False  # it stands among the lanes to look at
        self.asleep = False  # it waits for a time, and is looked at then
        self.away = 0  # messages that went back to the queue and did not come again yet
        self.leaving = 0  # those of them that the queue does not know of yet

    def bind(self, listener: Listener, most: int | None) -> None:
        """Keep the listener's bounds, which a reload may have changed."""
        self.most = most
        if self.rate != listener.rate:
            rate = self.rate = listener.rate
            self.bucket = TokenBucket(rate.per_s, rate.most_at_once) if rate is not None else None
        breaker = listener.breaker
        if (self.breaker.config if self.breaker is not None else None) != breaker:
            self.breaker = Breaker(self.name, breaker) if breaker is not None else None
