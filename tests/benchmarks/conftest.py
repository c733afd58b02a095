import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest

from agentserver.cli.measure import Line

Turn = Callable[[int], float]
"""Have an open line handle so many inputs; gives seconds."""


@pytest.fixture
def open_line() -> Iterator[Callable[[Line], Turn]]:
    """Open lines in an event loop of their own, so that a benchmark, which is no coroutine, can call them."""
    with asyncio.Runner() as runner, _closing(runner) as stack:

        def opened(line: Line) -> Turn:
            timed = runner.run(stack.enter_async_context(line.opened()))
            return lambda count: runner.run(_awaited(timed(count)))

        yield opened


@contextmanager
def _closing(runner: asyncio.Runner) -> Iterator[AsyncExitStack]:
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        runner.run(stack.aclose())


async def _awaited(seconds: Awaitable[float]) -> float:
    return await seconds
