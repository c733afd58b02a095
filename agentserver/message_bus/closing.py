"""How a pump comes to its end: wait until all is handled, and bury what would be lost otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

from agentserver.errors import NotHandled
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.pausing import Pausing
from agentserver.queues import DeadLetter, Delivery, MessageQueue, Settlement

logger = logging.getLogger(__name__)

LOOK_S: Final = 0.05
"""Seconds after which a pump that is ending looks again for what it can give back."""


async def idle_or_stopped(queue: MessageQueue, running: asyncio.Task[Any]) -> None:
    """Wait until the queue is idle, or the pump has stopped.

    Args:
        queue: The pump's queue.
        running: The pump's task.
    """
    idle = asyncio.create_task(queue.idle())
    try:
        await asyncio.wait((idle, running), return_when=asyncio.FIRST_COMPLETED)
    finally:
        idle.cancel()


async def last_answers(
    queue: MessageQueue, give_back: Callable[[], object], settled: asyncio.Event
) -> AsyncIterator[list[Delivery]]:
    """Give what a pump still handles once its queue is closed: what leaves, of that which is being handled.

    Whoever waits outside for an answer gets it, and nobody else's message is begun.

    Args:
        queue: A queue that outlives the process.
        give_back: Lets go back to the queue what was taken and not begun.
        settled: Is set whenever something was settled.
    """
    while True:
        give_back()
        is_last = not queue.books.in_flight
        deliveries = queue.withdraw(lambda message: message.outbound)
        if deliveries:
            yield deliveries
        elif is_last:
            return
        else:
            settled.clear()
            with suppress(
                TimeoutError
            ):  # in which something may have come through the gate, to be given back
                async with asyncio.timeout(LOOK_S):
                    await settled.wait()


async def finished_or_late(
    queue: MessageQueue, running: asyncio.Task[Any], pausing: Pausing, timeout_s: float
) -> None:
    """Wait until what a shutdown finishes is finished, the time is up, or the pump has stopped for another reason.

    What nobody can handle in that time is not waited for: what is for a listener that is paused, or for a later time.

    Args:
        queue: The pump's queue. One that outlives the process is closed, so that what waits in it is kept.
        running: The pump's task.
        pausing: Says when nothing can be handled any more.
        timeout_s: Seconds to wait.
    """
    if not queue.outlives_process:
        await pausing.until_still(running, timeout_s)
        if queue.books.open:
            waiting, in_flight = queue.books.waiting, queue.books.in_flight
            fields = {"waiting": waiting, "in_flight": in_flight, "timeout_s": timeout_s}
            logger.warning("not drained in time", extra=fields)
        return
    queue.close()
    pausing.end()
    if running is not asyncio.current_task():
        await asyncio.wait((running,), timeout=timeout_s)  # what is paused is given back, in `last_answers`
    if not running.done() and queue.books.in_flight:
        fields = {"in_flight": queue.books.in_flight, "timeout_s": timeout_s}
        logger.warning("not finished in time; what is left is handled at the next start", extra=fields)


async def bury(queue: MessageQueue, clock: Callable[[], float]) -> list[MessageState]:
    """Make dead letters of what would be lost with this process.

    Args:
        queue: A queue from which nobody takes any more.
        clock: Seconds since the epoch.

    Returns:
        One failed state for each.
    """
    settlement, states = Settlement(), []
    now = clock()
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
            now,
            to_id=message.to_id,
        )
        settlement.dead.append((delivery, letter))
        states.append(state)
    if states:
        logger.warning("messages were not handled before shutdown", extra={"count": len(states)})
        await queue.settle(settlement)
    return states
