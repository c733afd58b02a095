"""Handlers that send as they go: async generators, of which each `yield` is sent before the next is asked for.

Takes what such a handler gave when it was called, and whom to hand its answers to; gives the answer that could not be
sent, if that is how it ended. What was sent before an end of any kind stays sent. Knows no queue, and not what
becomes of an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from inspect import isasyncgenfunction
from typing import Any, TypeAlias

from agentserver.message_bus.message_state import MessageState

Emit: TypeAlias = Callable[[MessageState, Any], Awaitable[None]]
"""Send one answer to a message that is being handled; fail the message where that is not possible."""


def is_emitting(handler: Callable[..., Any]) -> bool:
    """Return whether calling `handler` gives an async generator, as far as can be told beforehand."""
    return isasyncgenfunction(handler) or isasyncgenfunction(getattr(handler, "__call__", None))  # noqa: B004  # looks for such a __call__


async def emitted(
    answers: AsyncGenerator[Any, Any], state: MessageState, emit: Emit, is_given_up: Callable[[], bool]
) -> Any:
    """Send each answer of a handler as it comes.

    Args:
        answers: What the handler gave; it is closed at the end, whatever the end is.
        state: The message that it handles.
        emit: Sends one answer.
        is_given_up: Says whether what the handler does has no effect any more.

    Returns:
        The answer that could not be sent, for which the message has failed, or which came too late; None when there
        is none.

    Raises:
        BaseException: Whatever the handler raises.
    """
    try:
        async for answer in answers:
            if is_given_up():
                return answer
            if answer is not None:
                await emit(state, answer)
            if state.error is not None:
                return answer
            await asyncio.sleep(
                0
            )  # so that a handler that never waits lets it go, and others have their turn
        return None
    finally:
        await answers.aclose()
