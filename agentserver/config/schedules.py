"""What a configuration says of messages that the organism sends by the clock.

Plain values, checked when they are made, so that those built in code are held to the same as those of a file. Knows no
clock, no XML and no pump; `schedule_check.py` looks at payloads, and `message_bus/schedules.py` sends them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from agentserver.errors import ConfigError, ConfigFault

MIN_EVERY_S: Final = 0.1
MAX_EVERY_S: Final = 2_678_400.0
"""31 days."""
MAX_PAYLOAD_CHARS: Final = 100_000
DEFAULT_SENDER: Final = "clock"
MIDDLE_PRIORITY: Final = 5
NAME_WORDS: Final = "a letter, then up to 31 letters, digits, '_' or '-'"
EVERY_WORDS: Final = "seconds, or a number and a unit, as 30s, 5min, 2h or 1day; from 0.1 s to 31 days"

_EVERY: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?) ?(s|min|h|day)")
_UNIT_S: Final = MappingProxyType({"s": 1, "min": 60, "h": 3_600, "day": 86_400})
_SCHEDULE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_is_name: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """One message that is sent again and again.

    Args:
        name: Tells it from others; its messages' ids begin with it.
        every_s: Seconds between two; they fall on whole multiples of it since the epoch, so on full hours for 3600.
        to: The listener, or the name that several share by broadcasting.
        payload: The payload, as XML.
        sender: Who it comes from; an answer leaves the organism.
        at_start: Whether one is sent at once when the organism starts, too.
        priority: 0, handled first, to 9.
        line: Where the file says so; 0 when it was said in code.
    """

    name: str
    every_s: float
    to: str
    payload: str
    sender: str = DEFAULT_SENDER
    at_start: bool = False
    priority: int = MIDDLE_PRIORITY
    line: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        """Refuse what could not be kept to.

        Raises:
            ConfigError: A value is out of its range.
        """
        faults = []
        if not isinstance(self.name, str) or not is_schedule_name(self.name):
            faults.append(f"name: found {self.name!r}, expected {NAME_WORDS}")
        if not _is_number(self.every_s) or not MIN_EVERY_S <= self.every_s <= MAX_EVERY_S:
            faults.append(f"every: found {self.every_s!r}, expected {EVERY_WORDS}")
        for key, value in (("to", self.to), ("from", self.sender)):
            if not isinstance(value, str) or _is_name(value) is None:
                faults.append(f"{key}: found {value!r}, expected a name")
        if not isinstance(self.payload, str) or not 1 <= len(self.payload) <= MAX_PAYLOAD_CHARS:
            faults.append(f"payload: expected 1 to {MAX_PAYLOAD_CHARS:,} characters of XML")
        if type(self.priority) is not int or not 0 <= self.priority <= 9:
            faults.append(f"priority: found {self.priority!r}, expected 0 (first) to 9")
        if faults:
            raise ConfigError(
                [ConfigFault(f"schedules: {self.name!r}"[:80], 0, 0, fault) for fault in faults]
            )

    def __str__(self) -> str:
        """Say what is sent, without the payload."""
        return f"{self.name} every {self.every_s:g} s to {self.to}"


def is_schedule_name(name: str) -> bool:
    """Return whether a schedule may be called so: its messages' ids are made of it, which no dot may be in."""
    return _SCHEDULE_NAME.fullmatch(name) is not None


def parse_every(text: str) -> float:
    """Read `30s`, `5min`, `2h` or `1day`; give seconds.

    Raises:
        ValueError: It is not written so.
    """
    match = _EVERY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"found {text[:40]!r}, expected {EVERY_WORDS}")
    return float(match[1]) * _UNIT_S[match[2]]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
