"""How a pump comes to its end: wait until all is handled, and bury what would be lost otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from agentserver.errors import NotHandled
from agentserver.message_bus.message_state import MessageState
from agentserver.queues import DeadLetter, MessageQueue, Settlement

logger = logging.getLogger(__name__)


async def idle_or_stopped(queue: MessageQueue, running: asyncio.Task[Any], timeout_s: float | None) -> None:
    """Wait until the queue is idle, the time is up, or the pump has stopped for another reason.

    Args:
        queue: The pump's queue.
        running: The pump's task.
        timeout_s: Seconds to wait; None waits without an end.
    """
    idle = asyncio.create_task(queue.idle())
    try:
        await asyncio.wait((idle, running), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        idle.cancel()
    if queue.books.open and timeout_s is not None:
        logger.warning(
            "not drained in time",
            extra={
                "waiting": queue.books.waiting,
                "in_flight": queue.books.in_flight,
                "timeout_s": timeout_s,
            },
        )


async def bury(queue: MessageQueue, clock: Callable[[], float]) -> list[MessageState]:
    """Make dead letters of what would be lost with this process.

    Args:
        queue: A queue from which nobody takes any more.
        clock: Seconds since the epoch.

    Returns:
        One failed state for each.
    """
    settlement, states = Settlement(), []
    for delivery in queue.abandon():
        message = delivery.message
        state = MessageState(
            message.data, thread_id=message.thread_id, from_id=message.sender, delivery=delivery
        )
        state.fail("shutdown", NotHandled("the pump was shut down before it was handled"))
        letter = DeadLetter(
            message,
            "shutdown",
            NotHandled.code,
            state.error or "",
            message.sender,
            message.thread_id,
            clock(),
        )
        settlement.dead.append((delivery, letter))
        states.append(state)
    if states:
        logger.warning("messages were not handled before shutdown", extra={"count": len(states)})
        await queue.settle(settlement)
    return states
