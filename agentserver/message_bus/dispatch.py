"""Run handlers, under limits and deadlines, so that each harms its own message at most.

Takes states that passed the gate; gives outcomes, in order of completion. Knows no pipeline, no queue and no XML.

A handler never runs in the pump's own task. A task runs handlers one after another until one of them waits: that
one keeps the task to itself from then on, and the next handlers get a new one. A task is also given up when a
handler leaves a mark on it: a cancellation that is still pending, or a changed context variable. So a handler that
does not wait costs no task of its own. What it must not do is keep its task for later: a cancellation of it, once
the handler has returned, may hit another.

A deadline does not wait for the handler to give in: the message's outcome is recorded, its slot is free, and
whatever the handler does later has no effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import copy_context
from inspect import isawaitable
from typing import Any, Final, TypeAlias

from agentserver.errors import HandlerFailed, HandlerTimedOut, MissingInput, told
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import HandlerMetadata, MessageState
from agentserver.message_bus.worker_threads import WorkerThreads

logger = logging.getLogger(__name__)

MAX_STREAK: Final = 64
"""Handlers that one task runs before it lets the event loop turn."""
MAX_PARKED: Final = 1_000
"""Messages waiting for agents at their limit that take no place in the pipeline from others; further ones do."""
MAX_STUCK_THREADS: Final = 64
"""Calls of one plain function whose deadline passed and that still block their threads: beyond, it is not called."""

Outcome: TypeAlias = tuple[MessageState, Any]
"""A message that was handled, or failed, and what its handler returned."""

_Call: TypeAlias = tuple[MessageState, Listener]


class _Runner:
    """One task and the call that it makes."""

    __slots__ = ("call", "expired", "suspended", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None]
        self.call: _Call | None = None  # None: there is none, or its outcome is recorded
        self.suspended = False  # its handler waits, or has waited
        self.expired = False  # its outcome was recorded without it


class Dispatcher:
    """Call handlers for states that are submitted; collect their outcomes.

    Args:
        max_handlers: Calls at once.
        max_per_agent: Calls at once of one agent.
        timeout_s: Seconds that one call may take.
    """

    def __init__(self, max_handlers: int = 20, max_per_agent: int = 5, timeout_s: float = 60.0) -> None:
        self.max_handlers, self.max_per_agent, self.timeout_s = max_handlers, max_per_agent, timeout_s
        self._strays: set[asyncio.Task[None]] = set()  # held, as the event loop itself holds tasks but weakly
        self._reset()

    def _reset(self) -> None:
        self.in_flight = 0
        """Messages submitted and not collected yet."""
        self._pending: deque[_Call] = deque()
        self._lanes: dict[str, deque[_Call]] = {}  # what waits for one agent alone
        self._parked = 0  # how much that is
        self._agent_calls: dict[str, int] = {}
        self._running = 0
        self._outcomes: list[Outcome] = []
        self._fresh: _Runner | None = None  # the runner that has not waited yet
        self._deadlines: dict[_Runner, float] = {}  # in order of time, as all have the same timeout
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._threads = WorkerThreads(self.max_handlers + MAX_STUCK_THREADS)

    @property
    def occupied(self) -> int:
        """Places in the pipeline that are taken: what waits for an agent at its limit takes none."""
        return self.in_flight - min(self._parked, MAX_PARKED)

    def submit(self, batch: Batch) -> None:
        """Take messages in: those that failed, or leave the organism, are outcomes at once."""
        self.in_flight += len(batch)
        for state in batch:
            if state.error is None and state.target_listeners:
                self._pending.append((state, state.target_listeners[0]))
                continue
            if state.error is None and not (state.message and state.message.outbound):
                state.fail("dispatch", MissingInput("no target_listeners to call"))
            self._outcomes.append((state, None))
        self._start_runner()

    def collect(self) -> list[Outcome]:
        """Give the outcomes since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        self.in_flight -= len(outcomes)
        return outcomes

    async def wait(self) -> None:
        """Wait until `notify` is called, as it is at each outcome, and when a place in the pipeline is free."""
        if self._outcomes:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def notify(self, _: object = None) -> None:
        """Wake whoever is in `wait`."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def abort(self) -> None:
        """Cancel every handler and forget every message: their outcomes are nobody's any more. Then begin anew."""
        if self._timer is not None:
            self._timer.cancel()
        for runner in (*self._deadlines, *([self._fresh] if self._fresh is not None else ())):
            runner.call, runner.expired = None, True
            runner.task.cancel()
        self._threads.close()
        self._reset()

    def _start_runner(self) -> None:
        if self._fresh is not None or not self._pending or self._running >= self.max_handlers:
            return
        runner = self._fresh = _Runner()
        loop = asyncio.get_running_loop()
        runner.task = loop.create_task(self._run(runner))
        runner.task.add_done_callback(lambda _: self._ended(runner))
        loop.call_soon(self._after_first_step, runner)

    def _after_first_step(self, runner: _Runner) -> None:
        """Let a runner whose handler waits have its task to itself, and begin the next."""
        if self._fresh is not runner:
            return
        self._fresh = None
        if runner.call is not None:
            runner.suspended = True
            self._arm(runner)
        self._start_runner()

    def _ended(self, runner: _Runner) -> None:
        """Record the outcome of a task that ended without one, as when it was cancelled before it began."""
        if self._fresh is runner:
            self._fresh = None
        if runner.call is not None:
            (state, listener), runner.call = runner.call, None
            state.fail("dispatch", HandlerFailed(listener.name, "its task was ended from outside"))
            self._record(runner, state, listener, None)
        self._start_runner()

    async def _run(self, runner: _Runner) -> None:
        task, clean = asyncio.current_task(), copy_context()
        assert task is not None
        for _ in range(MAX_STREAK):
            call = runner.call = self._next()
            if call is None:
                return
            state, listener = call
            sender = state.from_id or ""
            result: Any = None
            try:
                metadata = HandlerMetadata(
                    state.thread_id or "", sender, listener.own_name, sender == listener.name
                )
                handler, is_async = listener.call
                if is_async:
                    result = await handler(state.payload, metadata)  # type: ignore[misc]  # is_async says so
                else:
                    result = await self._threads.call(handler, state.payload, metadata)
                    if isawaitable(result):
                        result = await result
            except BaseException as exc:  # noqa: BLE001  # an edge: SystemExit and all end here, with their message
                if not runner.expired:
                    _fail(state, listener, exc)
            if runner.expired:  # what it does after its deadline has no effect
                return
            runner.call = None
            self._record(runner, state, listener, result)
            if runner.suspended or task.cancelling() or task._must_cancel or copy_context() != clean:  # type: ignore[attr-defined]  # noqa: SLF001  # nothing else tells of a cancel that was uncancelled
                return  # the next handler must not meet what this one left on the task

    def _next(self) -> _Call | None:
        """Take the next call that may be made now."""
        pending = self._pending
        while pending and self._running < self.max_handlers:
            call = pending.popleft()
            if call[1].is_agent and not self._admit(call):
                continue
            self._running += 1
            return call
        return None

    def _admit(self, call: _Call) -> bool:
        """Count a call of an agent, or put it into the agent's lane."""
        agent = call[1].name
        calls = self._agent_calls.get(agent, 0)
        if calls >= self.max_per_agent:
            self._lanes.setdefault(agent, deque()).append(call)
            self._parked += 1
            self.notify()  # a place in the pipeline is free
            return False
        self._agent_calls[agent] = calls + 1
        return True

    def _record(self, runner: _Runner, state: MessageState, listener: Listener, result: Any) -> None:
        self._running -= 1
        if listener.is_agent:
            self._free_agent(listener.name)
        self._outcomes.append((state, result))
        if self._waiter is not None:
            self.notify()
        if runner.suspended:
            self._deadlines.pop(runner, None)
            self._start_runner()

    def _free_agent(self, name: str) -> None:
        self._agent_calls[name] -= 1
        if not self._agent_calls[name]:
            del self._agent_calls[name]
        lane = self._lanes.get(name)
        if lane:
            self._pending.appendleft(lane.popleft())
            self._parked -= 1
            if not lane:
                del self._lanes[name]

    def _arm(self, runner: _Runner) -> None:
        loop = asyncio.get_running_loop()
        self._deadlines[runner] = loop.time() + self.timeout_s
        if self._timer is None:
            self._timer = loop.call_later(self.timeout_s, self._expire)

    def _expire(self) -> None:
        """Record time-outs, and set the timer for the next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for runner, deadline in list(self._deadlines.items()):
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._expire)
                return
            assert runner.call is not None
            (state, listener), runner.call, runner.expired = runner.call, None, True
            state.fail("dispatch", HandlerTimedOut(listener.name, f"no answer within {self.timeout_s:g} s"))
            self._strays.add(runner.task)
            runner.task.add_done_callback(self._strays.discard)
            runner.task.cancel()
            self._record(runner, state, listener, None)


def _fail(state: MessageState, listener: Listener, exc: BaseException) -> None:
    failure = HandlerFailed(listener.name, told(exc))
    failure.__cause__ = exc
    state.fail("dispatch", failure)
    logger.warning(
        "handler raised", exc_info=exc, extra={"listener": listener.name, "thread_id": state.thread_id}
    )
