"""What a configuration says of handlers that fail: when a message is tried again, and when a listener is left alone.

Plain values, checked when they are made, so that those built in code are held to the same as those of a file. Knows no
clock and no pump; `message_bus/retrying.py` and `message_bus/breaker.py` keep to them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from agentserver.errors import ConfigError, ConfigFault

Backoff = Literal["exponential", "fixed"]

FAILURES: Final = ("error", "timeout", "crashed")
"""Kinds of failures of a handler: it raised; it took too long; it ended its task otherwise, as by `sys.exit`."""
MAX_ATTEMPTS: Final = 1_000
MAX_WAIT_S: Final = 604_800.0
"""A week: longest pause between two attempts, or of a listener whose breaker is open."""
MAX_FAILURES: Final = 1_000_000
MAX_KINDS: Final = 100

_CLASS: Final = re.compile(r"(?:[^\W\d]\w*\.)*[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How often a message is tried whose handler fails, and when.

    Args:
        attempts: Most calls for one message, the first included.
        backoff: Whether the pause doubles from attempt to attempt, or stays.
        base_s: Seconds before the second attempt.
        max_s: Longest pause in seconds, where it doubles.
        jitter: Part of a pause by which it is shortened at random, 0 to 1, so that not all come back at once.
        on: Failures after which it is tried again: of `FAILURES`, or names of exception classes, with or without
            their module, which stand for their subclasses, too.
    """

    attempts: int = 3
    backoff: Backoff = "exponential"
    base_s: float = 0.5
    max_s: float = 60.0
    jitter: float = 0.1
    on: tuple[str, ...] = ("error", "timeout")

    def __post_init__(self) -> None:
        """Refuse what could not be kept to.

        Raises:
            ConfigError: A bound is out of its range, or a word is none of those known.
        """
        faults = [_out_of("attempts", self.attempts, MAX_ATTEMPTS)]
        if self.backoff not in get_args(Backoff):
            faults.append(f"backoff: found {self.backoff!r}, expected one of {', '.join(get_args(Backoff))}")
        for name, lowest, highest in (("base_s", 0, MAX_WAIT_S), ("max_s", 0, MAX_WAIT_S), ("jitter", 0, 1)):
            value = getattr(self, name)
            if not (is_number(value) and lowest <= value <= highest):
                faults.append(f"{name}: found {value!r}, expected {lowest} to {highest:,g}")
        faults += failure_faults(self.on)
        _raise_if_any("retry", faults)


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """When a listener is not called for a while, as it keeps failing.

    Args:
        failures: Calls that failed in a row, after which it is not called.
        open_s: Seconds until one message is tried; when that fails, it takes as long again.
        on: Failures that count, as in `RetryConfig`.
    """

    failures: int = 5
    open_s: float = 30.0
    on: tuple[str, ...] = FAILURES

    def __post_init__(self) -> None:
        """Refuse what could not be kept to.

        Raises:
            ConfigError: A bound is out of its range, or a word is none of those known.
        """
        faults = [_out_of("failures", self.failures, MAX_FAILURES)]
        if not (is_number(self.open_s) and 0 < self.open_s <= MAX_WAIT_S):
            faults.append(f"open_s: found {self.open_s!r}, expected more than 0, at most {MAX_WAIT_S:,g}")
        faults += failure_faults(self.on)
        _raise_if_any("breaker", faults)


def is_failure(word: str) -> bool:
    """Return whether a word names failures: one of `FAILURES`, or what can be the name of an exception class."""
    if word in FAILURES:
        return True
    return bool(_CLASS.fullmatch(word)) and ("." in word or not word[0].islower())


def failure_faults(words: Any) -> list[str]:
    """Return what is wrong with an `on`."""
    if not isinstance(words, tuple) or not 1 <= len(words) <= MAX_KINDS:
        return [f"on: found {words!r}, expected a tuple of 1 to {MAX_KINDS} words"]
    wrong = [word for word in words if not (isinstance(word, str) and is_failure(word))]
    return [f"on: found {word!r}, expected {', '.join(FAILURES)} or an exception class" for word in wrong]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]  # its type was just looked at


def _out_of(name: str, value: Any, highest: int) -> str:
    if type(value) is int and 1 <= value <= highest:
        return ""
    return f"{name}: found {value!r}, expected a whole number from 1 to {highest:,}"


def _raise_if_any(place: str, faults: list[str]) -> None:
    found = [ConfigFault(place, 0, 0, fault) for fault in faults if fault]
    if found:
        raise ConfigError(found)
