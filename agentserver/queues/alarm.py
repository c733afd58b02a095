"""A call when the next message that waits for its time is due: one timer, set again when an earlier one comes.

In the event loop alone. Knows how long to wait, not what for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

MAX_LOOK_S: Final = 60.0
"""Longest that the timer runs, as the clock by which messages wait may have been set meanwhile."""


class Alarm:
    """One timer.

    Args:
        ring: Is called when it is time to look again.
    """

    __slots__ = ("_ring", "_timer")

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def is_due(self, wait_s: float | None) -> bool:
        """Return whether nothing is to be waited for any more; see to a call when that is so.

        Args:
            wait_s: Seconds until something is due; 0 when it is, None when nothing ever will be.
        """
        if wait_s is None:
            return False
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            when = loop.time() + min(wait_s, MAX_LOOK_S)
            if self._timer is None or self._timer.when() > when:
                self.cancel()
                self._timer = loop.call_at(when, self._rang)
        return wait_s == 0

    def cancel(self) -> None:
        """Call nobody."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rang(self) -> None:
        self._timer = None
        self._ring()
