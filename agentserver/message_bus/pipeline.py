"""The road of every message, in one place: source, gate, dispatch, replies, settle.

The only file that knows aiostream. What goes through the stages are batches (lists of states), since a stage costs
the same for one message as for fifty; each stage maps one function over them. Handlers run in an operator of our
own, which takes new batches while handlers are busy and gives outcomes as they complete. Another operator commits
them, and what handlers emitted is back in the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from aiostream import pipable_operator, pipe, stream, streamcontext
from aiostream.core import Stream

from agentserver.message_bus.dispatch import Dispatcher, Outcome
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.settling import Handled, Settling

Adopt: TypeAlias = Callable[[Batch], Awaitable[None]]
Settle: TypeAlias = Callable[[Handled], Awaitable[None]]
T = TypeVar("T")
Pipeline: TypeAlias = Stream[Batch]
"""Iterate its `stream()` to drive it: it gives batches of finished states."""


MAX_ARRIVING_S: Final = 0.5
"""Seconds that settlements have to arrive in the queue when the pipeline is ended from outside."""


class Stage(Protocol):
    """One stage of the gate: a name, and what it does to a batch."""

    @property
    def name(self) -> str:
        """What other stages are placed before or after."""

    @property
    def over(self) -> Callable[[Batch], Any]:
        """Take a batch and give one, at once or when awaited."""


def build_pipeline(
    source: AsyncIterable[Batch | MessageState],
    stages: Sequence[Stage],
    dispatcher: Dispatcher,
    settling: Settling,
    *,
    adopt: Adopt,
    settle: Settle,
    max_in_flight: int,
    max_settling: int = 1,
    enter: Callable[[Batch], object] = len,
) -> Pipeline:
    """Compose the pipeline; iterating its stream drives it.

    Args:
        source: Batches of states, or single ones, that bring `raw_bytes`.
        stages: The gate, in order.
        dispatcher: Runs handlers.
        settling: Makes settlements of what they return.
        adopt: Tells the queue that one input became several messages.
        settle: Commits a settlement.
        max_in_flight: Messages in the pipeline at once; no more are taken from the source then.
        max_settling: Settlements on their way to the queue at once.
        enter: Is shown each batch before its first stage.

    Returns:
        A stream of batches of finished states.
    """

    def begin(item: Batch | MessageState, *_: Batch | MessageState) -> Batch:
        batch = [item] if isinstance(item, MessageState) else item
        enter(batch)
        return batch

    xs: Stream[Any] = stream.iterate(source) | pipe.map(begin)
    over_outcomes: Any = settling.over  # aiostream's types want functions of any number of sources
    for stage in stages:
        over: Any = stage.over
        xs |= pipe.map(over, task_limit=1) if asyncio.iscoroutinefunction(over) else pipe.map(over)
    return (
        xs
        | dispatch.pipe(dispatcher, adopt, max_in_flight)
        | pipe.map(over_outcomes)
        | settled.pipe(settle, max_settling)
    )


@pipable_operator
async def dispatch(
    source: AsyncIterable[Batch], dispatcher: Dispatcher, adopt: Adopt, max_in_flight: int
) -> AsyncIterator[list[Outcome]]:
    """Run the handlers of each batch; give outcomes as they complete, in batches."""
    async with streamcontext(source) as streamer:
        batches = aiter(streamer)
        pull: asyncio.Task[Batch | None] | None = None
        exhausted = False
        try:
            while True:
                if pull is not None and pull.done():
                    batch, pull = pull.result(), None
                elif pull is None and not exhausted and not dispatcher.in_flight and not dispatcher.expects():
                    batch = await anext(batches, None)  # nothing else can happen meanwhile
                else:
                    batch = []
                    if outcomes := dispatcher.collect():
                        yield outcomes
                    elif exhausted and not dispatcher.in_flight:
                        return
                    else:
                        if pull is None and not exhausted and dispatcher.occupied < max_in_flight:
                            pull = asyncio.create_task(_next(batches))
                            pull.add_done_callback(dispatcher.notify)
                        await dispatcher.wait()
                if batch is None:
                    exhausted = True
                elif batch:
                    await adopt(batch)
                    dispatcher.submit(batch)
        finally:
            if pull is not None:
                pull.cancel()
                await asyncio.wait([pull])


async def _next(batches: AsyncIterator[T]) -> T | None:
    return await anext(batches, None)


@pipable_operator
async def settled(source: AsyncIterable[Handled], settle: Settle, max_settling: int) -> AsyncIterator[Batch]:
    """Commit each settlement, then let its states go, in order; so many may be on their way at once."""
    async with streamcontext(source) as streamer:
        if max_settling == 1:
            async for handled in streamer:
                await settle(handled)
                yield handled.states
            return
        going: deque[tuple[asyncio.Task[None], Batch]] = deque()
        batches, exhausted = aiter(streamer), False
        pull: asyncio.Task[Handled | None] | None = None
        try:
            while going or not exhausted:
                if pull is None and not exhausted and len(going) < max_settling:
                    pull = asyncio.create_task(_next(batches))
                waited = [going[0][0]] if going else []
                await asyncio.wait((*waited, *([pull] if pull else ())), return_when=asyncio.FIRST_COMPLETED)
                if pull is not None and pull.done():
                    next_one, pull = pull.result(), None
                    exhausted = next_one is None
                    if next_one is not None:
                        going.append((asyncio.create_task(_settle(settle, next_one)), next_one.states))
                while going and going[0][0].done():
                    task, states = going.popleft()
                    task.result()
                    yield states
        finally:
            await _end([pull] if pull else [], [task for task, _ in going])


async def _settle(settle: Settle, handled: Handled) -> None:
    await settle(handled)


async def _end(pulls: list[asyncio.Task[Handled | None]], settling: list[asyncio.Task[None]]) -> None:
    """Take nothing more, and let what is on its way to the queue arrive, if that takes no longer than a moment."""
    for pull in pulls:
        pull.cancel()
    if pulls or settling:
        await asyncio.wait((*pulls, *settling), timeout=MAX_ARRIVING_S)
    for task in settling:
        task.cancel()
