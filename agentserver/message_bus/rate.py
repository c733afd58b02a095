"""How often something may be done: a token bucket.

Holds one number, the time at which the bucket will be full again, so that neither a timer nor a thread fills it. Takes
times from the caller, of any clock that never goes back; knows no clock itself.
"""

from __future__ import annotations

from typing import Final

EARLY_S: Final = 1e-6
"""How much too early a token may be taken: timers are as exact as that, and nobody should be woken twice for one."""


class TokenBucket:
    """Tokens that come at a steady rate, of which some may be saved up. Full at first.

    Args:
        per_s: Tokens a second.
        burst: Most tokens that are saved up, at least 1.
    """

    __slots__ = ("_full_at", "_interval_s", "_saved_s", "burst", "per_s")

    def __init__(self, per_s: float, burst: int) -> None:
        self.per_s, self.burst = per_s, burst
        self._interval_s = 1.0 / per_s
        self._saved_s = (burst - 1) * self._interval_s  # with more to fill than this, it is empty
        self._full_at = float("-inf")

    def take(self, now: float) -> float:
        """Take a token.

        Args:
            now: The time, in seconds.

        Returns:
            0 when there was one; else the seconds until there will be, and nothing was taken.
        """
        full_at = self._full_at
        if full_at < now:
            full_at = now
        wait_s = full_at - now - self._saved_s
        if wait_s > EARLY_S:
            return wait_s
        self._full_at = full_at + self._interval_s
        return 0.0
