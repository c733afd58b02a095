"""The way out: who is told of messages that leave the organism, and of those that failed.

Takes finished states after their settlement was committed. A callback that raises is logged, and harms nobody. A
subscriber that does not keep up loses its subscription, not the pump's memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeAlias

from agentserver.errors import PumpError
from agentserver.message_bus.message_state import MessageState

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
        self._told: set[str] = set()

    def add(self, outlet: Outlet, thread_id: str | None = None) -> Callable[[], None]:
        """Tell `outlet` of what leaves on `thread_id`, or of everything when that is None; return how to stop it."""
        self._by_thread.setdefault(thread_id, []).append(outlet)

        def remove() -> None:
            outlets = self._by_thread.get(thread_id, [])
            if outlet in outlets:
                outlets.remove(outlet)
            if not outlets:
                self._by_thread.pop(thread_id, None)

        return remove

    def leave(self, state: MessageState, conversation_id: str | None, *, awaited: bool = False) -> None:
        """Tell of a message that left or failed.

        Args:
            state: The message.
            conversation_id: Its root thread.
            awaited: Whether somebody else is told of it, so that it is not unclaimed.
        """
        outlets = [*self._by_thread.get(None, ())]
        if conversation_id is not None:
            outlets += self._by_thread.get(conversation_id, ())
        if not outlets and not awaited and state.error is None:
            self._count_unclaimed(state)
        for outlet in outlets:
            try:
                outlet(state)
            except Exception:
                logger.exception("an outlet raised", extra={"thread_id": state.thread_id})

    def _count_unclaimed(self, state: MessageState) -> None:
        self.unclaimed += 1
        name = state.to_id or ""
        if name not in self._told and len(self._told) < DEFAULT_BUFFER:
            self._told.add(name)
            logger.warning(
                "a reply left that nobody listens for; further ones to this name are counted only",
                extra={"to_id": name, "thread_id": state.thread_id},
            )


class Subscription:
    """The messages that leave on one thread, and those that fail on it, in order. Iterate it.

    Args:
        buffer: Messages to keep for a reader that is slower than the pump.

    Raises:
        PumpError: From the iteration, when the reader fell more than `buffer` messages behind.
    """

    def __init__(self, buffer: int = DEFAULT_BUFFER) -> None:
        self._waiting: asyncio.Queue[MessageState] = asyncio.Queue(buffer)
        self._overflowed = False

    def put(self, state: MessageState) -> None:
        """Add a message; the subscription is over when the buffer is full."""
        if self._waiting.full():
            self._overflowed = True
            return
        self._waiting.put_nowait(state)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> MessageState:
        if self._overflowed and self._waiting.empty():
            raise PumpError(f"the subscriber fell more than {self._waiting.maxsize} messages behind")
        return await self._waiting.get()
