"""A step of the user's own in the pipeline: any function of a state, sync or async.

The guard stands around it as around ours. It gives back the state it was given, changed in place or not, or another
that takes its place; anything else is a bug of the step, and fails that message. It may raise an error of ours to
refuse a message, or write the state's `error`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from agentserver.errors import AgentServerError, GateError
from agentserver.message_bus.guard import Batch, fail_by_bug
from agentserver.message_bus.listener import is_async
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.secrecy import veiled
from agentserver.queues import Delivery

_Receipt: TypeAlias = "tuple[Delivery | None, Delivery | None]"
StepFunction: TypeAlias = Callable[[MessageState], "MessageState | Awaitable[MessageState]"]


class CustomStep:
    """A stage made of a user's function.

    Args:
        function: Takes a state and returns one, or a coroutine of one if it is an `async def`.
        name: What it is called in errors; the function's own name when left out.
        timeout_s: Seconds that an asynchronous one may take for one message: the pipeline waits for it.
    """

    __slots__ = ("_function", "_timeout_s", "name", "over")

    def __init__(self, function: StepFunction, name: str = "", timeout_s: float = 60.0) -> None:
        self._function = function
        self._timeout_s = timeout_s
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.over: Callable[[Batch], Any] = self._over_async if is_async(function) else self._over_sync

    def _over_sync(self, batch: Batch) -> Batch:
        return [self._apply(state) if state.error is None else state for state in batch]

    async def _over_async(self, batch: Batch) -> Batch:
        return list(await asyncio.gather(*(self._apply_async(state) for state in batch)))

    def _apply(self, state: MessageState) -> MessageState:
        receipt = state.delivery, state.part_of
        try:
            return self._checked(state, self._function(state), receipt)
        except BaseException as exc:  # noqa: BLE001  # an edge: the user's code, sys.exit and all
            return self._failed(state, exc, receipt)

    async def _apply_async(self, state: MessageState) -> MessageState:
        if state.error is not None:
            return state
        receipt = state.delivery, state.part_of
        try:
            result: Any = self._function(state)
            async with asyncio.timeout(self._timeout_s):
                return self._checked(state, await result, receipt)
        except BaseException as exc:  # an edge: the user's code, sys.exit and all
            task = asyncio.current_task()
            if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is the pump that is cancelled
            return self._failed(state, exc, receipt)

    def _checked(self, state: MessageState, result: Any, receipt: _Receipt) -> MessageState:
        state.delivery, state.part_of = receipt  # which are the queue's, whatever a step does to them
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("returned a coroutine: make the step itself an `async def`")
        if not isinstance(result, MessageState):
            raise TypeError(f"returned {type(result).__name__}, a step returns the MessageState")
        if result is not state:
            if result.delivery is not None or result.part_of is not None:
                raise TypeError("returned the state of another message")
            result.delivery, result.part_of = receipt
        texts: tuple[object, ...] = (result.thread_id, result.from_id, result.to_id)
        for text in texts:
            if text is not None and not isinstance(text, str):
                state.thread_id = state.from_id = state.to_id = None
                raise TypeError(
                    f"set a thread_id, from_id or to_id to {type(text).__name__}, they are texts or None"
                )
        result.secret_names = state.secret_names
        if result.error is not None and result.failure is None:
            refusal = GateError(str(result.error), code="refused")
            result.stage, result.failure = self.name, veiled(result, refusal)
            if result.failure is not refusal:
                result.error = str(result.failure)
        return result

    def _failed(self, state: MessageState, exc: BaseException, receipt: _Receipt) -> MessageState:
        state.delivery, state.part_of = receipt
        if isinstance(exc, AgentServerError):
            state.fail(self.name, exc)
        else:
            fail_by_bug(state, self.name, exc)
        return state
