"""The circuit breaker of one listener: after so many failures in a row it is left alone for a while, then tried once.

Closed, every call may begin. Open, none may until its time is up; then one is the probe, and what becomes of it
decides: closed again, or open for as long again. Takes times of a clock that never goes back, and what calls ended
with. Calls nobody, and keeps no message: who waits for it, `lanes.py` says.
"""

from __future__ import annotations

import logging
import math
from typing import Literal

from agentserver.config import BreakerConfig
from agentserver.errors import AgentServerError, BudgetExceeded, Cancelled
from agentserver.message_bus.failure_kinds import is_meant
from agentserver.message_bus.message_state import MessageState

logger = logging.getLogger(__name__)


class Breaker:
    """Keep count of one listener's failures.

    Args:
        listener: Its name, for the log.
        config: When it opens, and for how long.
    """

    __slots__ = ("_failures", "_listener", "_probe", "_until", "config")

    def __init__(self, listener: str, config: BreakerConfig) -> None:
        self._listener, self.config = listener, config
        self._failures = 0  # in a row
        self._until: float | None = None  # when it may be tried; None while it is closed
        self._probe: MessageState | None = None

    def state(self, now: float) -> Literal["closed", "open", "half-open"]:
        """Return what it is: `half-open` once it may be tried, and until what was tried has ended."""
        if self._until is None:
            return "closed"
        return "open" if now < self._until else "half-open"

    def wait_s(self, now: float) -> float:
        """Return the seconds until a call may begin: 0 when it may, infinity when that hangs on the probe."""
        if self._until is None:
            return 0.0
        if self._probe is not None:
            return math.inf
        return max(0.0, self._until - now)

    def begin(self, state: MessageState) -> None:
        """Note that a call begins, as `wait_s` has allowed."""
        if self._until is not None:
            self._probe = state

    def end(self, state: MessageState, now: float) -> None:
        """Note how a call has ended."""
        if self._until is not None and state is not self._probe:
            return  # it began before
        failure = state.failure
        if _tells_nothing(failure):
            self._probe = None
        elif is_meant(failure, self.config.on):
            self._fail(now, failure)
        else:
            if self._until is not None:
                logger.info("breaker closed", extra={"listener": self._listener})
            self._failures, self._until, self._probe = 0, None, None

    def _fail(self, now: float, failure: AgentServerError | None) -> None:
        self._failures += 1
        if self._probe is None and self._failures < self.config.failures:
            return
        self._until, self._probe = now + self.config.open_s, None
        fields = {
            "listener": self._listener,
            "failures": self._failures,
            "open_s": self.config.open_s,
            "code": failure.code if failure is not None else "",
        }
        logger.warning("breaker open: the listener is not called for a while", extra=fields)


def _tells_nothing(failure: AgentServerError | None) -> bool:
    """Return whether a call was ended for a reason that is not the listener's."""
    return isinstance(failure, Cancelled | BudgetExceeded)
