"""Run handlers, under limits and deadlines, so that each harms its own message at most.

Takes states that passed the gate; gives outcomes, in order of completion. Knows no pipeline, no queue and no XML.

A handler never runs in the pump's own task. A task runs handlers one after another until one of them waits: that
one keeps the task to itself from then on, and the next handlers get a new one. A task is also given up when a
handler leaves a mark on it: a cancellation that is still pending, or a changed context variable. So a handler that
does not wait costs no task of its own. What it must not do is keep its task for later: a cancellation of it, once
the handler has returned, may hit another.

A deadline does not wait for the handler to give in: the message's outcome is recorded, its slot is free, and
whatever the handler does later has no effect. Who may not be called yet waits in `lanes.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context, copy_context
from functools import partial
from inspect import isasyncgen, isawaitable
from typing import Any, Final, TypeAlias

from agentserver.errors import AgentServerError, Cancelled, HandlerFailed, HandlerTimedOut, MissingInput
from agentserver.message_bus.audit import LATE_REPLY, audit
from agentserver.message_bus.briefing import Briefing
from agentserver.message_bus.budget import end_quietly, is_ended
from agentserver.message_bus.containment import in_handler
from agentserver.message_bus.deadlines import Deadlines
from agentserver.message_bus.emitting import Emit, emitted, is_emitting
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.handler_metadata import HandlerMetadata
from agentserver.message_bus.lane import Call
from agentserver.message_bus.lanes import HELD, Lanes, Release
from agentserver.message_bus.listener import Handler, Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.orphan_tasks import Report, reporting
from agentserver.message_bus.raised import failure_by, log_raised
from agentserver.message_bus.secrecy import scrubber_of
from agentserver.message_bus.worker_threads import WorkerThreads

logger = logging.getLogger(__name__)

MAX_STREAK: Final = 64
"""Handlers that one task runs before it lets the event loop turn."""
OTHERS_SHARE: Final = 4
"""One in so many places for calls is kept for others by a listener whose calls wait, if they could use it."""
MAX_STUCK: Final = 64
"""Calls of one handler whose deadline passed and that still go on, in a thread or a task: beyond, it is not called."""

Brief: TypeAlias = Callable[[MessageState, Listener, float], HandlerMetadata]
"""Takes a message, its listener and the seconds that the call may take; gives what the handler is told."""

Outcome: TypeAlias = tuple[MessageState, Any]
"""A message that was handled, or failed, and what its handler returned."""


class _Runner:
    """One task and the call that it makes."""

    __slots__ = ("call", "expired", "suspended", "task", "timeout_s")

    def __init__(self) -> None:
        self.task: asyncio.Task[None]
        self.timeout_s = 0.0
        self.call: Call | None = None  # None: there is none, or its outcome is recorded
        self.suspended = False  # its handler waits, or has waited
        self.expired = False  # its outcome was recorded without it

    def report(self) -> Report:
        """Give what tells of a task that its handler starts now and never awaits."""
        state = self.call[0] if self.call is not None and self.call[1].secret_names else None
        return partial(_tell_of_orphan, state, _whose(self.call))

    def whose(self) -> dict[str, str | None]:
        """Say for the audit whose call it is."""
        return _whose(self.call)


class Dispatcher:
    """Call handlers for states that are submitted; collect their outcomes.

    Args:
        max_handlers: Calls at once.
        max_per_agent: Calls at once of one agent that says nothing of them itself.
        timeout_s: Seconds that one call may take of a listener that says nothing of them itself.
        emit: Sends one answer of a handler that goes on; without it, none may.
        brief: Makes what a handler is told about its message.
        expects: Whether messages may be submitted that the pipeline does not bring.
        release: Asks the queue for messages that went back to it, as `lanes.py` says; without it, none do.
        listeners: Gives those that there are.
        max_in_flight: Places in the pipeline, which calls take, too.

    Attributes:
        paused: Names of the listeners that are not called; `look_at` says that one may be again.
    """

    def __init__(
        self,
        max_handlers: int = 20,
        max_per_agent: int = 5,
        timeout_s: float = 60.0,
        *,
        emit: Emit | None = None,
        brief: Brief | None = None,
        expects: Callable[[], bool] = bool,
        release: Release | None = None,
        listeners: Callable[[], Iterable[Listener]] = tuple,
        max_in_flight: int = sys.maxsize,
    ) -> None:
        self.expects = expects
        self._release, self._listeners, self._max_in_flight = release, listeners, max_in_flight
        self.paused: set[str] = set()
        self._emit, self._brief = emit, brief if brief is not None else Briefing().metadata
        self.max_handlers, self.max_per_agent, self.timeout_s = max_handlers, max_per_agent, timeout_s
        self._strays: dict[
            asyncio.Task[None], str
        ] = {}  # with their listeners; the event loop holds tasks but weakly
        self._stuck: Counter[str] = Counter()  # how many strays each listener has
        self._reset()

    def adjust(self, max_handlers: int, max_per_agent: int, timeout_s: float) -> None:
        """Take over other bounds, also those of the listeners; calls that were begun keep the time that they have."""
        self.max_handlers, self.max_per_agent, self.timeout_s = max_handlers, max_per_agent, timeout_s
        self._threads.max_threads = max_handlers + MAX_STUCK
        self._lanes.adjust(max_per_agent, self._listeners())
        if self._context is not None:
            self._start_runner()

    def _reset(self) -> None:
        self.in_flight = 0
        """Messages submitted and not collected yet."""
        self._pending: deque[Call] = deque()
        self._lanes = Lanes(
            self.max_per_agent, self._start_runner, self._release, self.paused, self._is_crowded
        )
        self._places: Counter[str] = Counter()  # taken by calls of each listener that wait for something
        self._running = 0
        self._outcomes: list[Outcome] = []
        self._context: Context | None = (
            None  # the pump's own, in which handlers begin, whoever starts their tasks
        )
        self._fresh: _Runner | None = None  # the runner that has not waited yet
        self._deadlines: Deadlines[_Runner] = Deadlines(self._expire)
        self._waiter: asyncio.Future[None] | None = None
        self._threads = WorkerThreads(self.max_handlers + MAX_STUCK)

    @property
    def occupied(self) -> int:
        """Places in the pipeline that are taken: what waits for a listener that is not called takes none."""
        return self.in_flight - self._lanes.parked

    @property
    def is_still(self) -> bool:
        """Whether nothing is here but what waits for listeners that are paused."""
        return self.in_flight == sum(self._lanes.parked_for(name) for name in self.paused)

    def submit(self, batch: Batch) -> None:
        """Take messages in: those that failed, or leave the organism, are outcomes at once."""
        self.in_flight += len(batch)
        if self._context is None:
            self._context = copy_context()
        for state in batch:
            if state.error is None and state.target_listeners:
                self._pending.append((state, state.target_listeners[0]))
                continue
            if state.error is None and not (state.message and state.message.outbound):
                state.fail("dispatch", MissingInput("no target_listeners to call"))
            self._lanes.came_again(state)
            self._outcomes.append((state, None))
        self._start_runner()

    def collect(self) -> list[Outcome]:
        """Give the outcomes since the last call; `HELD` stands for what a handler returned where none was called."""
        outcomes, self._outcomes = self._outcomes, []
        going_back = self._lanes.going_back
        if going_back:
            outcomes += [(state, HELD) for state in going_back]
            going_back.clear()
        self.in_flight -= len(outcomes)
        return outcomes

    async def wait(self) -> None:
        """Wait until `notify` is called, as it is at each outcome, and when a place in the pipeline is free."""
        if self._outcomes or self._lanes.going_back:
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

    def cancel(self, applies: Callable[[MessageState], bool], failure: AgentServerError) -> None:
        """End the messages for which `applies` holds, handled or not: what their handlers do has no effect."""
        for runner in self._runners():
            if runner.call is not None and applies(runner.call[0]):
                self._give_up(runner, failure)
        ended = self._lanes.withdraw(applies)
        pending, self._pending = self._pending, deque()
        for call in pending:
            if not applies(call[0]):
                self._pending.append(call)
                continue
            self._lanes.came_again(call[0])
            ended.append(call)
        for state in [state for state in self._lanes.going_back if applies(state)]:
            self._lanes.stays_here(state)
            self._outcomes.append((state, None))
        self._outcomes += [(state, None) for state, _ in ended]
        for state, _ in self._outcomes:
            if applies(state):
                state.fail_as_told("cancel", failure)
        self.notify()

    def give_back(self, others: Batch) -> None:
        """Let go back to the queue whatever no handler was called with yet, as none is to be called any more.

        Args:
            others: Messages that are nowhere here, and are to go back, too.
        """
        calls = [*self._lanes.withdraw(lambda _: True), *self._pending]
        self._pending.clear()
        self.in_flight += len(others)
        self._outcomes += [(state, HELD) for state in (*(state for state, _ in calls), *others)]
        self.notify()

    def went_back(self, states: Iterable[MessageState]) -> None:
        """Note that the queue has taken back messages that were `HELD`."""
        self._lanes.went_back(states)

    def forget(self, message_ids: Iterable[str]) -> None:
        """Note that messages which may have gone back to the queue are not there any more."""
        self._lanes.forget(message_ids)
        self._start_runner()

    def look_at(self, listener: str) -> None:
        """Look at what waits for a listener that was paused, or is no more."""
        if self._context is not None:
            self._lanes.look(listener)

    def handled_by(self, listener: str) -> list[MessageState]:
        """Give the messages with which a listener is being called."""
        calls = [runner.call for runner in self._runners() if runner.call is not None]
        return [state for state, called in calls if called.name == listener]

    def submitted(self) -> list[MessageState]:
        """Give the messages whose listener is known, and has not returned yet."""
        calls = [runner.call for runner in self._runners() if runner.call is not None]
        return [state for state, _ in (*calls, *self._pending, *self._lanes)]

    def abort(self) -> None:
        """Cancel every handler and forget every message: their outcomes are nobody's any more. Then begin anew."""
        for runner in self._runners():
            runner.call, runner.expired = None, True
            runner.task.cancel()
        self._deadlines.clear()
        self._lanes.close()
        self._threads.close()
        self._reset()

    def breakers(self) -> dict[str, str]:
        """Return what the breakers of listeners are that are not closed."""
        return self._lanes.breakers()

    def blame(self, task: asyncio.Task[Any] | None) -> dict[str, Any]:
        """Say for the log which call a task makes; nothing when it makes none. May be asked from another thread."""
        call = next((runner.call for runner in self._runners() if runner.task is task), None)
        if call is not None:
            return {"listener": call[1].name, "thread_id": call[0].thread_id}
        listener = self._strays.get(task) if task is not None else None
        return {"listener": listener} if listener is not None else {}

    def _runners(self) -> list[_Runner]:
        fresh = self._fresh
        return [*self._deadlines, *([fresh] if fresh is not None else ())]

    def _start_runner(self) -> None:
        if self._fresh is not None or self._running >= self.max_handlers:
            return
        if not self._pending and not self._lanes.due:
            return
        runner = self._fresh = _Runner()
        loop = asyncio.get_running_loop()
        assert self._context is not None
        runner.task = loop.create_task(self._run(runner), context=self._context.copy())
        runner.task.add_done_callback(lambda _: self._ended(runner))
        loop.call_soon(self._after_first_step, runner)

    def _after_first_step(self, runner: _Runner) -> None:
        """Let a runner whose handler waits have its task to itself, and begin the next."""
        if self._fresh is not runner:
            return
        self._fresh = None
        if runner.call is not None:
            runner.suspended = True
            self._places[runner.call[1].name] += 1
            runner.timeout_s = runner.call[1].timeout_s or self.timeout_s
            self._deadlines.add(runner, runner.timeout_s)
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
        in_handler.set(runner.whose)
        reporting.set(runner.report)
        task, clean = asyncio.current_task(), copy_context()
        assert task is not None
        for _ in range(MAX_STREAK):
            call = runner.call = self._next()
            if call is None:
                return
            state, listener = call
            result: Any = None
            try:
                metadata = self._brief(state, listener, listener.timeout_s or self.timeout_s)
                handler, is_async = listener.call
                if is_async:
                    result = await handler(state.payload, metadata)  # type: ignore[misc]  # is_async says so
                else:
                    result = await self._call_otherwise(runner, handler, state, metadata)
            except BaseException as exc:  # noqa: BLE001  # an edge: SystemExit and all end here, with their message
                if not runner.expired:
                    _fail(state, listener, exc)
            if runner.expired:  # what it does after its deadline has no effect
                if result is not None:
                    _tell_of_late_reply(call)
                return
            runner.call = None
            self._record(runner, state, listener, result)
            if runner.suspended or task.cancelling() or task._must_cancel or copy_context() != clean:  # type: ignore[attr-defined]  # noqa: SLF001  # nothing else tells of a cancel that was uncancelled
                return  # the next handler must not meet what this one left on the task

    async def _call_otherwise(
        self, runner: _Runner, handler: Handler, state: MessageState, metadata: HandlerMetadata
    ) -> Any:
        """Call a handler that is no coroutine function: a plain one in a thread, or one that sends as it goes."""
        result: Any
        if is_emitting(handler):
            result = handler(state.payload, metadata)
        else:
            late = partial(_tell_of_late_reply, runner.call)
            result = await self._threads.call(handler, state.payload, metadata, late=late)
        if isawaitable(result):
            return await result
        if isasyncgen(result) and self._emit is not None:
            return await emitted(result, state, self._emit, lambda: runner.expired)
        return result

    def _next(self) -> Call | None:
        """Take the next call that may be made now."""
        pending, lanes, paused = self._pending, self._lanes, self.paused
        most = min(self.max_handlers, self._max_in_flight)
        unshared = most - most // OTHERS_SHARE
        while self._running < self.max_handlers:
            if lanes.due:
                call = lanes.next()
                if call is None:
                    continue
            elif pending:
                call = pending.popleft()
                name = call[1].name
                has_to_enter = (
                    call[1].bounded or self._running >= unshared or name in lanes.busy or name in paused
                )
                if has_to_enter and not is_ended(call[0]) and not lanes.enter(call):
                    self.notify()  # a place in the pipeline is free
                    continue
            else:
                break
            if is_ended(call[0]):
                lanes.came_again(call[0])
                end_quietly(call[0])
            elif self._stuck and self._stuck[call[1].name] >= self.max_handlers + MAX_STUCK:
                _refuse(*call, self._stuck[call[1].name])
                if call[1].bounded:
                    lanes.leave(call)
            else:
                self._running += 1
                return call
            self._outcomes.append((call[0], None))
            self.notify()
        return None

    def _record(self, runner: _Runner, state: MessageState, listener: Listener, result: Any) -> None:
        self._running -= 1
        if listener.bounded:
            self._lanes.leave((state, listener))
        self._outcomes.append((state, result))
        if self._waiter is not None:
            self.notify()
        if runner.suspended:
            self._deadlines.discard(runner, runner.timeout_s)
            self._leave_place(listener.name)
            self._start_runner()

    def _is_crowded(self, name: str) -> bool:
        """Return whether a listener whose calls wait has to leave the places that are free to others.

        Of the last ones it may have fewer than it leaves; so several that sleep do not take all of them, either.
        """
        most = min(self.max_handlers, self._max_in_flight)
        free = most - self._running
        if free > most // OTHERS_SHARE or self._places[name] < max(free, 1):
            return False
        return any(other.name != name and self._lanes.could_call(other) for other in self._listeners())

    def _leave_place(self, name: str) -> None:
        self._places[name] -= 1
        if not self._places[name]:
            del self._places[name]
        self._lanes.place_is_free()

    def _expire(self, runner: _Runner) -> None:
        """Record a time-out."""
        if runner.call is not None:
            detail = f"no answer within {runner.timeout_s:g} s"
            self._give_up(runner, HandlerTimedOut(runner.call[1].name, detail))

    def _give_up(self, runner: _Runner, failure: AgentServerError) -> None:
        """Record the outcome of a call without it, and cancel its task."""
        assert runner.call is not None
        (state, listener), runner.call, runner.expired = runner.call, None, True
        state.fail_as_told("cancel" if type(failure) is Cancelled else "dispatch", failure)
        self._strays[runner.task] = listener.name
        self._stuck[listener.name] += 1
        runner.task.add_done_callback(self._gave_in)
        runner.task.cancel()
        self._record(runner, state, listener, None)

    def _gave_in(self, task: asyncio.Task[None]) -> None:
        listener = self._strays.pop(task)
        self._stuck[listener] -= 1
        if not self._stuck[listener]:
            del self._stuck[listener]


def _refuse(state: MessageState, listener: Listener, stuck: int) -> None:
    message = (
        f"{stuck} calls of it go on beyond their deadlines, though cancelled; it is not called meanwhile"
    )
    state.fail("dispatch", HandlerFailed(listener.name, message, TimeoutError))


def _whose(call: Call | None) -> dict[str, str | None]:
    if call is None:
        return {}
    state, listener = call
    message = state.message
    message_id = message.id if message is not None else None
    return {"listener": listener.name, "thread_id": state.thread_id, "message_id": message_id}


def _tell_of_late_reply(call: Call | None) -> None:
    audit(LATE_REPLY, "answered after its call was given up; nothing of it is sent", **_whose(call))


def _tell_of_orphan(state: MessageState | None, whose: Mapping[str, str | None], exc: BaseException) -> None:
    scrubber = scrubber_of(state) if state is not None else None
    event = "a task that a handler started raised, and nobody awaited it"
    log_raised(logger, logging.WARNING, event, exc, scrubber, **whose)


def _fail(state: MessageState, listener: Listener, exc: BaseException) -> None:
    scrubber = scrubber_of(state)
    state.fail_as_told(
        "dispatch", failure_by(exc, lambda text: HandlerFailed(listener.name, text, type(exc)), scrubber)
    )
    fields = {"listener": listener.name, "thread_id": state.thread_id}
    log_raised(logger, logging.WARNING, "handler raised", exc, scrubber, **fields)
