"""Tasks that a handler starts and never awaits: what they raise is logged as what the handler itself raises.

asyncio would tell of it by the event loop's exception handler, with the exception whole: the message's secrets may be
in it, and nobody could tell which listener it was. So these tasks tell it themselves, when they are gone and nobody has
asked for their exception, by the report that the pump made for their call. Nothing is told of a task whose exception
somebody took. A task of another factory than asyncio's own is none of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

Report: TypeAlias = Callable[[BaseException], None]
"""Tells of what a task raised, without the secrets of the message whose handler started it."""

reporting: Final[ContextVar[Callable[[], Report] | None]] = ContextVar("agentserver_reporting", default=None)
"""Makes the report for a task that is created now, within a handler; tasks inherit it."""


class HandlerTask(asyncio.Task[Any]):
    """A task that a handler started, or such a task.

    Attributes:
        report: What to do about an exception that nobody asked for; None leaves it to asyncio.
    """

    report: Report | None = None

    def __del__(self) -> None:
        """Tell of an exception that nobody took."""
        report = self.report
        if report is not None and self._log_traceback:  # nothing else says whether
            raised = self.exception()  # from here on asyncio takes it as told
            if raised is not None:
                with suppress(Exception):  # at the end of the interpreter, anything may be gone
                    report(raised)
        super().__del__()
