"""An event loop whose time passes when nothing else is left to do, so that seconds cost nothing in a test.

Takes coroutines; gives what they return. While a thread works for the loop, time passes as it really does, as nothing
tells how long that thread will take. Sockets and processes are not waited for: a test in virtual time has none.
Knows nothing of organisms.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LOOK_S: Final = 0.05
"""Real seconds after which the loop looks at its timers again while a thread works."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its clock begins at 0 and jumps to the next timer whenever the loop would wait.

    Attributes:
        now: Seconds since it was made.
        threads_at_work: How many threads work for it.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.threads_at_work = 0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        """Return the virtual time."""
        return self.now

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let time pass as it really does while the block lasts, as a thread works in it."""
        self.threads_at_work += 1
        try:
            yield
        finally:
            self.threads_at_work -= 1

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # as loose as it gets
        """Call `func` in a thread, as `asyncio.to_thread` does."""
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: object) -> None:
        self.threads_at_work -= 1


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        loop = self._loop
        if loop.threads_at_work and timeout is not None and timeout > 0:
            began = time.monotonic()
            ready = super().select(min(timeout, LOOK_S))
            loop.now += min(timeout, time.monotonic() - began)
            return ready
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None and timeout > 0:
            loop.now += timeout
        return ready


def in_virtual_time(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


def virtual_time(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make of an `async def` test a plain one that runs in virtual time, with any test runner."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return in_virtual_time(function(*args, **kwargs))

    return run
