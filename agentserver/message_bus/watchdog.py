"""Whoever blocks the event loop gets named: a thread looks at what the loop is at when it does not turn any more.

The thread puts a callback into the loop a few times for each threshold, and waits for it to run; so a loop that has
nothing to do is woken a few times a second, and its own work costs nothing. What it finds it logs, once a blockage, and
once more when it ended. It moves nothing else, and nobody waits for it: it is a daemon thread, and ends on its own.

Nothing is told of a process that was suspended: then the thread, too, comes late, and no processor time was used.
A handler that holds the interpreter's lock (in one call of a C function, as `re.match`) is named when it lets go.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeAlias

logger = logging.getLogger(__name__)

LOOKS: Final = 4
"""How often the loop is looked at within the threshold, so that a blockage is told at most a quarter late."""
MAX_FRAMES: Final = 12
"""Innermost frames to tell, where a handler is at."""

Blame: TypeAlias = "Callable[[asyncio.Task[Any] | None], dict[str, Any]]"
"""Say for the log what a task is at; called from the watchdog's thread."""


@contextmanager
def watching(threshold_s: float, blame: Blame) -> Iterator[None]:
    """Watch the running event loop while the block lasts; with a threshold of 0 do nothing."""
    watchdog = Watchdog(threshold_s, blame) if threshold_s > 0 else None
    try:
        yield
    finally:
        if watchdog is not None:
            watchdog.stop()


class Watchdog:
    """Watch the running event loop, from now until `stop`.

    Args:
        threshold_s: Seconds for which the loop may be blocked, more than 0.
        blame: Tells whose the task is that blocks it.
        clock: Seconds, of a clock that never goes back.
        cpu_clock: Seconds of processor time that the process has used.
    """

    def __init__(
        self,
        threshold_s: float,
        blame: Blame,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._threshold_s, self._blame = threshold_s, blame
        self._clock, self._cpu_clock = clock, cpu_clock
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._stopped = threading.Event()
        self._turned = threading.Event()
        threading.Thread(target=self._watch, name="agentserver-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no more. Does not wait."""
        self._stopped.set()
        self._turned.set()

    def _watch(self) -> None:
        pause_s = self._threshold_s / LOOKS
        try:
            while True:
                began = self._now()
                if self._stopped.wait(pause_s):
                    return
                # who holds the interpreter's lock holds up this thread, too, and may be caught as it lets go
                held_up = self._now()[0] - began[0] > pause_s + self._threshold_s
                self._look(began if held_up else self._now(), held_up=held_up)
        except RuntimeError:  # the loop was closed under it
            return

    def _look(self, began: tuple[float, float], *, held_up: bool) -> None:
        """Wait until the loop turns; log it if that takes too long, or took too long already."""
        self._turned = turned = threading.Event()
        place = self._place() if held_up else {}
        self._loop.call_soon_threadsafe(turned.set)
        if self._stopped.is_set() or (not held_up and turned.wait(self._threshold_s)):
            return
        if self._was_suspended(*began) or not self._loop.is_running():
            return
        place = place or self._place()
        if self._stopped.is_set() or (not held_up and turned.is_set()):
            return  # it went on while we looked
        logger.warning("the event loop is blocked", extra=place)
        while not turned.wait(self._threshold_s) and not self._stopped.is_set():
            if self._loop.is_closed():
                return
        if not self._stopped.is_set():
            del place["stack"]
            lasted_s = round(self._clock() - began[0], 3)
            logger.warning("the event loop goes on", extra={**place, "blocked_s": lasted_s})

    def _was_suspended(self, began_s: float, began_cpu_s: float) -> bool:
        """Tell whether this thread came far too late, while nothing was computed that could have held it up."""
        late_s = self._clock() - began_s - self._threshold_s
        return late_s > self._threshold_s / 2 and self._cpu_clock() - began_cpu_s < self._threshold_s / 2

    def _now(self) -> tuple[float, float]:
        return self._clock(), self._cpu_clock()

    def _place(self) -> dict[str, Any]:
        """Say where the loop's thread is, and in whose task."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # there is no other way
        try:
            task = asyncio.current_task(self._loop)
        except RuntimeError:
            task = None
        frames = _innermost(frame)
        place: dict[str, Any] = self._blame(task)
        return place | {"at": frames[0] if frames else "", "stack": frames}


def _innermost(frame: FrameType | None) -> list[str]:
    """Describe frames, the innermost first."""
    places: list[str] = []
    while frame is not None and len(places) < MAX_FRAMES:
        module = frame.f_globals.get("__name__", "?")
        if module == "asyncio.events":
            break  # the loop itself, and who runs it
        places.append(f"{module}.{frame.f_code.co_qualname}, line {frame.f_lineno}")
        frame = frame.f_back
    return places
