"""Threads for plain `def` handlers: reused, bounded, and never waited for.

`concurrent.futures` joins its threads when the interpreter exits, so one handler that never returns would hang the
daemon. These are daemon threads: a stuck one is left behind.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

Late: TypeAlias = Callable[[], object] | None
"""Is called when a function returned something that nobody waits for any more."""
_Call: TypeAlias = Callable[[], Any]
_Job: TypeAlias = (
    tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], _Call, Late] | None
)


class _Outcome:
    """What a call gave. Has no telling repr: in its debug mode, asyncio logs what futures and callbacks carry."""

    __slots__ = ("_error", "_result")

    def __init__(self, result: Any, error: BaseException | None) -> None:
        self._result, self._error = result, error

    @property
    def is_something(self) -> bool:
        """Whether it returned something."""
        return self._result is not None

    def give(self) -> Any:
        """Return the result, or raise the error."""
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            if isinstance(error, StopIteration):  # which a coroutine cannot raise
                raise RuntimeError(f"handler raised StopIteration({error.value!r})")
            raise error
        finally:
            del error  # its traceback leads to this frame


class WorkerThreads:
    """Call functions in threads, one call a thread at a time.

    Args:
        max_threads: Calls of one function at once, those that are stuck included.
    """

    def __init__(self, max_threads: int) -> None:
        self.max_threads = max_threads
        self._busy: Counter[int] = Counter()  # by the id of the function, which need not be hashable
        self._idle: list[SimpleQueue[_Job]] = []
        self._closed = False

    async def call(self, function: Callable[..., Any], *args: Any, late: Late = None) -> Any:
        """Return what `function(*args)` returns, or raise what it raises.

        Args:
            function: What to call.
            args: With what.
            late: Is called if it returns something after this was cancelled.

        Raises:
            RuntimeError: `max_threads` calls of it are running, most of them beyond their deadlines.
        """
        if self._busy[id(function)] >= self.max_threads:
            raise RuntimeError(f"{self._busy[id(function)]} calls of it are stuck in their threads")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Outcome] = loop.create_future()
        context = contextvars.copy_context()
        inbox = self._idle.pop() if self._idle else self._start()
        self._busy[id(function)] += 1
        inbox.put((loop, future, function, lambda: context.run(function, *args), late))
        return (await future).give()

    def close(self) -> None:
        """Let idle threads end; busy ones end after their call."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    def _start(self) -> SimpleQueue[_Job]:
        inbox: SimpleQueue[_Job] = SimpleQueue()
        threading.Thread(target=self._serve, args=(inbox,), name="agentserver-handler", daemon=True).start()
        return inbox

    def _serve(self, inbox: SimpleQueue[_Job]) -> None:
        while (job := inbox.get()) is not None:
            loop, future, function, call, late = job
            result: Any = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as exc:  # noqa: BLE001  # an edge: whatever a handler raises is its caller's to see
                error = exc
            try:
                outcome = _Outcome(result, error)
                loop.call_soon_threadsafe(self._finish, inbox, function, future, outcome, late)
            except RuntimeError:  # the loop is gone, and with it whoever waited
                return
            del job, call, function, result, error, future, outcome, late

    def _finish(
        self,
        inbox: SimpleQueue[_Job],
        function: Callable[..., Any],
        future: asyncio.Future[_Outcome],
        outcome: _Outcome,
        late: Late,
    ) -> None:
        self._busy[id(function)] -= 1
        if not self._busy[id(function)]:
            del self._busy[id(function)]
        if self._closed:
            inbox.put(None)
        else:
            self._idle.append(inbox)
        if future.done():
            if late is not None and outcome.is_something:  # its message timed out
                late()
            return
        future.set_result(outcome)
