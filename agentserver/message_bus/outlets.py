"""The way out: who is told of messages that leave the organism, and of those that failed.

Takes finished states after their settlement was committed. A callback that raises is logged, and harms nobody. A
subscriber that does not keep up loses its subscription, not the pump's memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from agentserver.errors import PumpError
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import log_raised
from agentserver.message_bus.secrecy import scrubber_of

logger = logging.getLogger(__name__)

Outlet: TypeAlias = Callable[[MessageState], None]
"""Is told of one message: `error` is set on one that failed; else `payload`, `from_id`, `thread_id` are."""

DEFAULT_BUFFER: Final = 1_000


class Outlets:
    """Whom to tell, by thread or of everything."""

    def __init__(self) -> None:
        self.unclaimed = 0
        """Messages that left the organism while nobody listened for them."""
        self._by_thread: dict[str | None, list[Outlet]] = {}
        self._of_refusals: dict[str | None, list[Outlet]] = {}
        self._told: set[str] = set()
        self._at_end: list[Callable[[], None]] = []

    def add(
        self, outlet: Outlet, thread_id: str | None = None, *, refusals: bool = False
    ) -> Callable[[], None]:
        """Tell `outlet` of what leaves on `thread_id`, or of everything when that is None; return how to stop it.

        Args:
            outlet: Whom to tell.
            thread_id: The root thread.
            refusals: Whether it is also told of the refusals that leave.
        """
        lists = [self._by_thread, *([self._of_refusals] if refusals else ())]
        for by_thread in lists:
            by_thread.setdefault(thread_id, []).append(outlet)

        def remove() -> None:
            for by_thread in lists:
                outlets = by_thread.get(thread_id, [])
                if outlet in outlets:
                    outlets.remove(outlet)
                if not outlets:
                    by_thread.pop(thread_id, None)

        return remove

    def takes_refusals(self, thread_id: str) -> bool:
        """Return whether somebody is to be told of the refusals that leave on a root thread."""
        return None in self._of_refusals or thread_id in self._of_refusals

    @property
    def any_takes_refusals(self) -> bool:
        """Whether anybody is to be told of refusals that leave."""
        return bool(self._of_refusals)

    def at_end(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when nothing more will leave; return how to stop that."""
        self._at_end.append(callback)
        return lambda: self._at_end.remove(callback) if callback in self._at_end else None

    def close(self) -> None:
        """Tell that nothing more will leave."""
        for callback in list(self._at_end):
            callback()

    def leave(self, state: MessageState, conversation_id: str | None, *, awaited: bool = False) -> None:
        """Tell of a message that left or failed.

        Args:
            state: The message.
            conversation_id: Its root thread.
            awaited: Whether somebody else is told of it, so that it is not unclaimed.
        """
        refusal = state.error is None and is_refusal(state)
        by_thread = self._of_refusals if refusal else self._by_thread
        outlets = [*by_thread.get(None, ())]
        if conversation_id is not None:
            outlets += by_thread.get(conversation_id, ())
        if not outlets and not awaited and state.error is None and not refusal:
            self._count_unclaimed(state)
        for outlet in outlets:
            try:
                outlet(state)
            except Exception as exc:  # noqa: BLE001  # an edge: the subscriber's code
                scrubber = scrubber_of(state)
                log_raised(
                    logger, logging.ERROR, "an outlet raised", exc, scrubber, thread_id=state.thread_id
                )

    def _count_unclaimed(self, state: MessageState) -> None:
        self.unclaimed += 1
        name = state.to_id or ""
        if name not in self._told and len(self._told) < DEFAULT_BUFFER:
            self._told.add(name)
            logger.warning(
                "a reply left that nobody listens for; further ones to this name are counted only",
                extra={"to_id": name, "thread_id": state.thread_id},
            )


def is_refusal(state: MessageState) -> bool:
    """Return whether a message is a refusal, which the pump itself sends."""
    if state.from_id != "system":  # which costs next to nothing
        return False
    message = state.message
    return message is not None and message.feedback > 0


class Subscription:
    """The messages that leave on one thread, and those that fail on it, in order. Iterate it.

    The iteration ends when the pump is shut down, behind the last message.

    Args:
        buffer: Messages to keep for a reader that is slower than the pump.

    Raises:
        PumpError: From the iteration, once the reader fell more than `buffer` messages behind: it is over then.
    """

    def __init__(self, buffer: int = DEFAULT_BUFFER) -> None:
        self._buffer = buffer
        self._waiting: deque[MessageState] = deque()
        self._ready = asyncio.Event()
        self._overflowed = False
        self._closed = False

    def put(self, state: MessageState) -> None:
        """Add a message; the subscription is over when the buffer is full."""
        if len(self._waiting) >= self._buffer:
            self._overflowed = True
        if not self._overflowed:
            self._waiting.append(state)
        self._ready.set()

    def close(self) -> None:
        """End the iteration behind what is there."""
        self._closed = True
        self._ready.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> MessageState:
        while not self._waiting:
            if self._overflowed:
                raise PumpError(f"the subscriber fell more than {self._buffer} messages behind")
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()
