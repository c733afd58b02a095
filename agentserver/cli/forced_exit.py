"""The way out that always works: end this process at a time, whatever its event loop is doing then.

A handler may block the event loop, or swallow its cancellation and never return; neither may keep the daemon alive.
The timer runs in a thread of its own and ends the process with `os._exit`: nothing is flushed, no cleanup runs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from typing import Final, NoReturn

logger = logging.getLogger(__name__)

LAST_WORDS_S: Final = 0.5


class ForcedExit:
    """A timer that ends the process; arm it again to replace it."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def arm(self, after_s: float, code: int, reason: str) -> None:
        """End the process with `code` in `after_s` seconds, unless disarmed."""
        self.disarm()
        self._timer = threading.Timer(after_s, self.leave, (code, reason))
        self._timer.daemon = True
        self._timer.start()

    def disarm(self) -> None:
        """Let the process live."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self, code: int, reason: str) -> NoReturn:
        """End the process now."""
        told = {"reason": reason, "exit_code": code}
        telling = threading.Thread(target=_say, args=(told,), daemon=True)
        telling.start()
        telling.join(LAST_WORDS_S)  # whoever reads the logs may be stuck too
        os._exit(code)


def _say(told: Mapping[str, object]) -> None:
    logger.error("forced exit", extra=told)
    for handler in logging.getLogger().handlers:
        handler.flush()
