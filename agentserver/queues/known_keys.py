"""The keys under which messages were settled, for as long as a window lasts and as many as there is room for.

Takes keys, each with the id of the message that was handled under it. The first one stands. Times are passed in, from
a clock that never goes back. A queue that outlives its process keeps its keys where it keeps the rest, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

DEFAULT_WINDOW_S: Final = 86_400.0
MAX_KEYS: Final = 100_000
"""Keys to remember; the oldest are forgotten before their time when there are more."""


class KnownKeys:
    """A window on keys.

    Args:
        window_s: Seconds for which a key is known.
        most: How many to remember.
    """

    __slots__ = ("_known", "_most", "window_s")

    def __init__(self, window_s: float = DEFAULT_WINDOW_S, most: int = MAX_KEYS) -> None:
        self.window_s, self._most = window_s, most
        self._known: dict[str, tuple[str, float]] = {}  # oldest first

    def note(self, keys: Iterable[tuple[str, str]], now: float) -> None:
        """Know keys from now on, but those that are known already."""
        self._forget_old(now)
        for key, message_id in keys:
            self._known.setdefault(key, (message_id, now))
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def among(self, keys: Sequence[str], now: float) -> dict[str, str]:
        """Return those of `keys` that are known, each with the id of the message that was handled under it."""
        self._forget_old(now)
        return {key: self._known[key][0] for key in keys if key in self._known}

    def _forget_old(self, now: float) -> None:
        while self._known:
            key = next(iter(self._known))
            if now - self._known[key][1] < self.window_s:
                return
            del self._known[key]
