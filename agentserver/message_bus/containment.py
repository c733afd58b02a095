"""What a handler starts cannot end the process: `sys.exit` in a task of its is an error of that task alone.

asyncio lets SystemExit and KeyboardInterrupt of any task out of the event loop, whoever awaits it. So tasks that are
created while a handler runs, or by such tasks, get a coroutine around theirs that turns those two into `TaskExited`.
Tasks of anybody else stay as they are. What remains are bare callbacks, as of `loop.call_soon`, which no task holds.
Nor can it stop the event loop, which is everybody's: `loop.stop()` raises there.

One factory serves all pumps of an event loop, in front of the one that the loop had before.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

from agentserver.errors import TaskExited
from agentserver.message_bus.orphan_tasks import HandlerTask, Report, reporting

logger = logging.getLogger(__name__)

Whose: TypeAlias = Callable[[], Mapping[str, str | None]]
"""Gives the `listener`, the `thread_id` and the `message_id` of a call; nothing when it is over."""

in_handler: Final[ContextVar[Whose | None]] = ContextVar("agentserver_in_handler", default=None)
"""Whose the code is that runs, where it belongs to a handler; tasks inherit it from who creates them."""


class ContainingFactory:
    """Create the tasks of one event loop.

    Args:
        inner: What creates them in the end; None is asyncio itself.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.pumps = 0
        """How many pumps want it."""

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        """Return the task, as `loop.set_task_factory` has it."""
        context = options.get("context")
        whose = in_handler.get() if context is None else context.get(in_handler)
        if whose is not None and inspect.iscoroutine(coro):
            make = reporting.get() if context is None else context.get(reporting)
            report = make() if make is not None else None
            coro = _contained(coro, whose(), report)
            if self.inner is None:
                task = HandlerTask(coro, loop=loop, **options)
                task.report = report
                return task
        if self.inner is not None:
            return self.inner(loop, coro, **options)
        return asyncio.Task(coro, loop=loop, **options)


@contextmanager
def containing(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Contain the tasks of handlers while the block lasts.

    Args:
        loop: The running event loop. A factory that somebody sets meanwhile stays, and decides alone.
    """
    before: Any = loop.get_task_factory()
    factory = before if isinstance(before, ContainingFactory) else ContainingFactory(before)
    if factory is not before:
        loop.set_task_factory(factory)
        _keep_going(loop)
    factory.pumps += 1
    try:
        yield
    finally:
        factory.pumps -= 1
        if not factory.pumps and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.inner)
            with suppress(AttributeError):
                del loop.stop


def _keep_going(loop: asyncio.AbstractEventLoop) -> None:
    """Let nobody stop an event loop who is a handler; one that is not written in Python is left as it is."""
    stop = loop.stop

    def refuse_handlers() -> None:
        if in_handler.get() is not None:
            logger.warning("a handler tried to stop the event loop", extra=dict((in_handler.get() or dict)()))
            raise RuntimeError("a handler cannot stop the event loop, which others run in as well")
        stop()

    with suppress(AttributeError):
        loop.stop = refuse_handlers  # type: ignore[method-assign]  # of this one alone, and only for a while


async def _contained(
    coro: Coroutine[Any, Any, Any], whose: Mapping[str, str | None], report: Report | None
) -> Any:
    in_handler.set(lambda: whose)  # the task that created this one may go on with another handler
    reporting.set((lambda: report) if report is not None else None)
    try:
        return await coro
    except (SystemExit, KeyboardInterrupt) as exc:
        name = getattr(coro, "__qualname__", "")
        logger.warning("a task that a handler started tried to end the process", extra={"task": name})
        raise TaskExited(name, type(exc).__name__) from exc
