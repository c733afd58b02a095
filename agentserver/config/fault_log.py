"""The faults of one reading of a configuration, collected until all are known; and the words they share.

Every later check adds to one `FaultLog`; it alone knows the file's name and makes `ConfigFault`s, in the
order of the file and without repetitions (an aliased node is read, and found faulty, more than once). Texts
that quote the file are bounded and escaped, since the file may hold anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NoReturn

from agentserver.config.tree import Place
from agentserver.errors import ConfigError, ConfigFault, shorten

MAX_QUOTED_CHARS = 60
"""Longest piece of the file that a message repeats."""
MAX_SUGGESTION_CHARS = 128
"""Longest text that is compared with the known names: the comparison takes quadratic time."""


class FaultLog:
    """Collect faults.

    Args:
        file: The name that the faults carry.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._faults: dict[tuple[Place, str], None] = {}

    def add(self, place: Place, message: str) -> None:
        """Note one fault; a repetition is dropped."""
        self._faults[(place, message)] = None

    def stop(self, place: Place, message: str) -> NoReturn:
        """Note a fault after which nothing more can be found, and raise them all.

        Raises:
            ConfigError: Always.
        """
        self.add(place, message)
        raise self._error()

    def raise_if_any(self) -> None:
        """Raise what was collected, in the order of the file.

        Raises:
            ConfigError: There was at least one fault.
        """
        if self._faults:
            raise self._error()

    def _error(self) -> ConfigError:
        ordered = sorted(self._faults, key=lambda fault: fault[0])
        return ConfigError([ConfigFault(self._file, at.line, at.column, text) for at, text in ordered])


def quote(text: str) -> str:
    """Quote a piece of the file for a message: bounded, control characters escaped."""
    return repr(shorten(text, MAX_QUOTED_CHARS))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Write `; did you mean 'x'?` for the known word nearest to `word`, or nothing when none is near."""
    if len(word) > MAX_SUGGESTION_CHARS:
        return ""
    by_folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_folded, n=1)
    return f"; did you mean {quote(by_folded[near[0]])}?" if near else ""
