"""How long a queue keeps what is over: the history, dead letters, and the keys by which a message is known again.

Plain values, checked when they are made, so that those built in code are held to the same as those of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from agentserver.config.resilience import is_number
from agentserver.errors import ConfigError, ConfigFault

KnownBy = Literal["key", "content", "off"]

MAX_KEPT_S: Final = 315_360_000.0
"""Ten years."""


@dataclass(frozen=True, slots=True)
class IdempotencyConfig:
    """What makes a message from outside the same as one before, so that it is not handled again.

    Args:
        by: `key`: the sender's, where it gave one. `content`: the canonical bytes, with the sender and the thread; or
            the key, where there is one. `off`: nothing.
        window_s: Seconds for which a message that was handled is known again.
    """

    by: KnownBy = "key"
    window_s: float = 86_400.0

    def __post_init__(self) -> None:
        """Refuse what could not be kept to.

        Raises:
            ConfigError: A word is none of those known, or the window is out of its range.
        """
        faults = [_fault("window_s", self.window_s)]
        if self.by not in get_args(KnownBy):
            faults.append(f"by: found {self.by!r}, expected one of {', '.join(get_args(KnownBy))}")
        _raise_if_any("idempotency", faults)


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How long a queue that outlives the process keeps what is over.

    Args:
        history_s: Seconds for messages that were handled.
        dead_letters_s: Seconds for dead letters.
    """

    history_s: float = 604_800.0
    dead_letters_s: float = 2_592_000.0

    def __post_init__(self) -> None:
        """Refuse what could not be kept to.

        Raises:
            ConfigError: A time is out of its range.
        """
        _raise_if_any(
            "retention", [_fault(name, getattr(self, name)) for name in ("history_s", "dead_letters_s")]
        )


def _fault(name: str, value: object) -> str:
    if is_number(value) and 0 < value <= MAX_KEPT_S:  # type: ignore[operator]  # it is a number
        return ""
    return f"{name}: found {value!r}, expected more than 0, at most {MAX_KEPT_S:,.0f} seconds"


def _raise_if_any(place: str, faults: list[str]) -> None:
    found = [ConfigFault(place, 0, 0, fault) for fault in faults if fault]
    if found:
        raise ConfigError(found)
