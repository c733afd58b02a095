"""The life of an organism in a process: start, serve, drain, stop. Reads from top to bottom.

Takes a pump with its listeners registered, and work that is done beside it: feeding it, say. Serving ends when any
of the work ends, when SIGTERM or SIGINT asks for it, or when the time is up. A second signal ends the process at
once, and so does a drain that takes longer than it may, even while a handler blocks the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from agentserver import StreamPump
from agentserver.cli import exit_codes
from agentserver.cli.failures import PumpDied
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.service_manager import ServiceManager
from agentserver.cli.stop_signals import borrowed_signals

logger = logging.getLogger(__name__)

Reload: TypeAlias = Callable[[], Awaitable[None]]

GRACE_S: Final = 3.0
"""Seconds beyond the drain deadline until the process is ended by force: the pump takes one to cancel handlers."""

CLEANUP_S: Final = 1.0
"""Seconds that handlers have, after everything, to take notice of their cancellation."""


class Ending(NamedTuple):
    """How serving ended.

    Args:
        reason: The work was done, a signal came, or time was up.
        drained: Whether every message was handled to its end.
        signal: The signal; 0 when none came.
    """

    reason: Literal["finished", "signal", "timeout"]
    drained: bool
    signal: int = 0


class _StopRequest:
    """What signals set: the first asks, the second forces, SIGHUP does neither. Called in the thread that listens."""

    def __init__(self, drain_timeout_s: float, forced_exit: ForcedExit) -> None:
        self.signal: signal.Signals | None = None
        self.came, self.hung_up = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._drain_timeout_s, self._forced_exit = drain_timeout_s, forced_exit

    def __call__(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            self._loop.call_soon_threadsafe(self.hung_up.set)
            return
        if self.signal is not None:
            self._forced_exit.leave(exit_codes.FAILED, f"a second signal, {number.name}")
        self.signal = number
        logger.info("stopping", extra={"signal": number.name, "drain_timeout_s": self._drain_timeout_s})
        self._forced_exit.arm(
            self._drain_timeout_s + GRACE_S,
            exit_codes.FAILED,
            "a handler blocks the event loop, or never ends",
        )
        self._loop.call_soon_threadsafe(self.came.set)


async def serve(
    pump: StreamPump,
    *work: Coroutine[Any, Any, None],
    forced_exit: ForcedExit,
    drain_timeout_s: float,
    timeout_s: float | None = None,
    reload: Reload | None = None,
    manager: ServiceManager | None = None,
) -> Ending:
    """Run a pump until one piece of the work is done, or until it is told to stop; then drain it and shut it down.

    Args:
        pump: A pump that is not running.
        work: What is done beside it. Cancelled when serving ends.
        forced_exit: Armed by the first signal, until the pump is shut down.
        drain_timeout_s: Seconds to finish what is in flight, after a signal.
        timeout_s: Seconds to serve; None is for ever.
        reload: Is called when SIGHUP comes, and once more for all that came meanwhile; without it, SIGHUP does what
            it did before.
        manager: Is told of reloads and of the end, and that the event loop turns.

    Raises:
        PumpDied: The pump ended by a bug.
        Exception: What the work raised.
    """
    stop = _StopRequest(drain_timeout_s, forced_exit)
    with borrowed_signals(stop, *((signal.SIGHUP,) if reload is not None else ())):
        pumping = asyncio.create_task(pump.run(), name="agentserver-pump")
        working = [asyncio.create_task(each, name="agentserver-work") for each in work]
        if reload is not None:
            working.append(
                asyncio.create_task(
                    _reload_when_asked(stop.hung_up, reload, manager), name="agentserver-reload"
                )
            )
        if manager is not None:
            working.append(asyncio.create_task(manager.keep_alive(), name="agentserver-alive"))
        stopping = asyncio.create_task(stop.came.wait())

        done, _ = await asyncio.wait(
            {pumping, stopping, *working}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        await _cancel(stopping, *working)
        if manager is not None:
            manager.stopping()

        drained = await pump.shutdown(drain_timeout_s if stop.signal else 0.0)
        await _cancel(pumping)
        forced_exit.disarm()
    if pumping in done or _failure(pumping) is not None:
        raise _death(_failure(pumping))
    for failure in filter(None, map(_failure, working)):
        raise failure
    if stop.signal is not None:
        return Ending("signal", drained, stop.signal)
    return Ending("finished" if done else "timeout", drained)


async def _reload_when_asked(asked: asyncio.Event, reload: Reload, manager: ServiceManager | None) -> None:
    while True:
        await asked.wait()
        asked.clear()
        if manager is not None:
            manager.reloading()
        await reload()
        if manager is not None:
            manager.ready("reloaded")


def run_to_end(main: Coroutine[Any, Any, int], forced_exit: ForcedExit) -> int:
    """Run a command's coroutine and return its exit code; handlers that do not end are left behind.

    Raises:
        PumpDied: A step of the pipeline called `sys.exit`, which ends the event loop.
    """
    try:
        return asyncio.run(_then_clean_up(main, forced_exit))
    except SystemExit as exc:
        raise PumpDied(f"the pump died: SystemExit: {exc.code}") from exc
    finally:
        forced_exit.disarm()


async def _then_clean_up(main: Coroutine[Any, Any, int], forced_exit: ForcedExit) -> int:
    code = exit_codes.INTERNAL
    try:
        code = await main
    finally:
        forced_exit.arm(CLEANUP_S, code, "a handler does not end, though it was cancelled")
    return code


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CLEANUP_S)


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def _death(cause: BaseException | None) -> PumpDied:
    logger.critical("the pump died", exc_info=cause)
    death = PumpDied(
        f"the pump died: {type(cause).__name__}: {cause}" if cause else "the pump ended by itself"
    )
    death.__cause__ = cause
    return death
