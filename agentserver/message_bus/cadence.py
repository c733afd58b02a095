"""When something is to be done that is done every so often: at whole multiples of an interval since the epoch.

Takes the time of day and the time of a clock that nobody can set; says which tick is due. What was missed is skipped:
after a pause, or a clock that was set forward, one tick is due, not all. A clock that is set back holds up nothing: the
ticks go on, with numbers that were not used before. Waits for nothing by itself.
"""

from __future__ import annotations

import math
from typing import Final

JUMP_S: Final = 0.5
"""Seconds by which the clocks may drift apart between two ticks before that counts as set."""
EARLY_S: Final = 0.001
"""Seconds by which a tick may be early: timers are no finer."""


class Cadence:
    """The ticks of one interval.

    Args:
        every_s: Seconds between two.
        now: The time of day, in seconds since the epoch.
        steady: Seconds, of the clock that nobody can set.
        at_start: Whether the tick before now is due at once.
    """

    __slots__ = ("_due", "_every_s", "_tick")

    def __init__(self, every_s: float, now: float, steady: float, *, at_start: bool = False) -> None:
        self._every_s = every_s
        self._tick = self._tick_at(now) - at_start  # the last one that was due
        self._due = steady if at_start else steady + self._until_next(now)

    def wait_s(self, steady: float) -> float:
        """Return the seconds until the next tick, as long as nobody sets the clock."""
        return max(0.0, self._due - steady)

    def look(self, now: float, steady: float) -> int | None:
        """Return the number of the tick that is due; None when none is.

        Args:
            now: The time of day, in seconds since the epoch.
            steady: Seconds, of the clock that nobody can set.
        """
        ahead_s = (self._tick + 1) * self._every_s - now
        if self._due - steady > EARLY_S:
            if ahead_s > self._due - steady + JUMP_S:  # set back
                self._due = min(self._due, steady + self._until_next(now))
                return None
            if ahead_s > EARLY_S:
                self._due = steady + min(ahead_s, self._due - steady)
                return None
        self._tick = max(self._tick + 1, self._tick_at(now))
        ahead_s = (self._tick + 1) * self._every_s - now
        if not ahead_s <= 1.5 * self._every_s:  # it was set back
            ahead_s = self._until_next(now)
        self._due = steady + ahead_s
        return self._tick

    def _tick_at(self, now: float) -> int:
        return math.floor((now + EARLY_S) / self._every_s)

    def _until_next(self, now: float) -> float:
        return (self._tick_at(now) + 1) * self._every_s - now
