"""Bounds that a configuration sets: how often a listener is called, and how much one conversation may use.

Plain values, checked when they are made, so that those built in code are held to the same as those of a file. Knows no
YAML, no clock and no pump; `message_bus` keeps the bounds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from agentserver.errors import ConfigError, ConfigFault

MAX_PER_S: Final = 1_000_000.0
"""More calls a second than one process can make."""
MIN_PER_S: Final = 1 / 86_400
"""One call a day."""
MAX_BURST: Final = 1_000_000
MAX_BUDGET: Final = 1_000_000_000
"""Most that a budget may say of messages, hops or fan-out."""
MAX_WALL_S: Final = 31_536_000.0
"""A year."""

_RATE: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?) ?/ ?(s|min|h|day)")
_UNIT_S: Final = MappingProxyType({"s": 1, "min": 60, "h": 3_600, "day": 86_400})


@dataclass(frozen=True, slots=True)
class RateConfig:
    """How often a listener is called.

    Args:
        per_s: Calls a second, on average.
        burst: Calls that may begin at once after a pause; None takes as many as `per_s` allows in a second, at least 1.
    """

    per_s: float
    burst: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no listener could be held to.

        Raises:
            ConfigError: A bound is out of its range.
        """
        faults = []
        if not _is_number(self.per_s) or not MIN_PER_S <= self.per_s <= MAX_PER_S:
            faults.append(
                f"per_s: found {self.per_s!r}, expected a number from one a day (1/day) to {MAX_PER_S:,.0f}"
            )
        if self.burst is not None and (type(self.burst) is not int or not 1 <= self.burst <= MAX_BURST):
            faults.append(f"burst: found {self.burst!r}, expected a whole number from 1 to {MAX_BURST:,}")
        _raise_if_any("rate", faults)

    @property
    def most_at_once(self) -> int:
        """Calls that may begin at once."""
        return self.burst if self.burst is not None else max(1, math.floor(self.per_s))

    @classmethod
    def parse(cls, text: str) -> RateConfig:
        """Read `10/s`, `90/min`, `100/h` or `5/day`.

        Raises:
            ValueError: It is not written so.
            ConfigError: It is out of its range.
        """
        match = _RATE.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"found {text[:40]!r}, expected a number and a unit, as 10/s, 90/min, 100/h or 5/day"
            )
        return cls(float(match[1]) / _UNIT_S[match[2]])


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """What one conversation may use: all that follows from one message from outside.

    Args:
        messages: Messages that handlers may send in it.
        hops: Messages on one path of it, where that is to be less than `limits.hops`.
        wall_s: Seconds from its first message; None sets no bound.
        fan_out: Messages that one call of a handler may send.
    """

    messages: int = 10_000
    hops: int | None = None
    wall_s: float | None = None
    fan_out: int = 1_000

    def __post_init__(self) -> None:
        """Refuse what no conversation could keep to.

        Raises:
            ConfigError: A bound is out of its range.
        """
        faults = []
        for name in ("messages", "hops", "fan_out"):
            value = getattr(self, name)
            if name == "hops" and value is None:
                continue
            if type(value) is not int or not 1 <= value <= MAX_BUDGET:
                faults.append(f"{name}: found {value!r}, expected a whole number from 1 to {MAX_BUDGET:,}")
        if self.wall_s is not None and not (_is_number(self.wall_s) and 0 < self.wall_s <= MAX_WALL_S):
            faults.append(f"wall_s: found {self.wall_s!r}, expected more than 0, at most {MAX_WALL_S:,.0f}")
        _raise_if_any("budget", faults)


DEFAULT_JOIN_TIMEOUT_S: Final = 300.0
"""Seconds that the answers to one reply wait for each other, where a listener has them joined."""


def listener_faults(timeout_s: Any, max_concurrent: Any, rate: Any, join_timeout_s: Any) -> list[str]:
    """Return what is wrong with the bounds of one listener."""
    faults = []
    if timeout_s is not None and not (_is_number(timeout_s) and 0 < timeout_s <= 86_400):
        faults.append(f"timeout_s: found {timeout_s!r}, expected more than 0, at most 86,400 seconds")
    if not (_is_number(join_timeout_s) and 0 < join_timeout_s <= 86_400):
        faults.append(
            f"join_timeout_s: found {join_timeout_s!r}, expected more than 0, at most 86,400 seconds"
        )
    if max_concurrent is not None and (type(max_concurrent) is not int or max_concurrent < 1):
        faults.append(f"max_concurrent: found {max_concurrent!r}, expected a whole number of at least 1")
    if rate is not None and not isinstance(rate, RateConfig):
        faults.append(f"rate: found {rate!r}, expected a RateConfig, as RateConfig.parse('10/s') gives")
    return faults


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]  # its type was just looked at


def _raise_if_any(place: str, faults: list[str]) -> None:
    if faults:
        raise ConfigError([ConfigFault(place, 0, 0, fault) for fault in faults])
