"""The address of a queue, as `queue:` and `--queue` give it, taken apart.

Takes the text and the folder that relative paths begin at; gives the scheme and the file. Opens nothing. What an
address says is not quoted in faults: one of a broker may hold a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentserver.config.fault_log import did_you_mean

if TYPE_CHECKING:
    from agentserver.config.model import OrganismConfig

MEMORY: Final = "memory"
SQLITE: Final = "sqlite"
NATS: Final = "nats"
MEMORY_QUEUE: Final = "memory://"
EXAMPLE: Final = "sqlite:///var/organism.db"
"""Three slashes: a path from the project's folder. Four: an absolute one."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):(?://)?")
_NO_FILE_NAME: Final = re.compile(r"[^\w.-]+")
_REMEDY: Final = f"write {MEMORY_QUEUE} or {EXAMPLE}"


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """Where messages wait.

    Args:
        scheme: `memory` or `sqlite`.
        path: The file of a `sqlite` address, absolute or from the project's folder; None for `memory`.
    """

    scheme: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> QueueAddress:
        """Read an address.

        Raises:
            ValueError: It is none that this version knows; the text says what to write.
        """
        if text == MEMORY_QUEUE:
            return cls(MEMORY)
        match = _SCHEME.match(text)
        if match is None:
            raise ValueError(f"no address of a queue; {_REMEDY}")
        scheme, rest = match[1].lower(), text[match.end() :]
        if scheme == MEMORY:
            raise ValueError(f"nothing goes behind {MEMORY_QUEUE}; remove the rest")
        if scheme == NATS:
            raise ValueError(f"there are no NATS queues in this version; {_REMEDY}")
        if scheme != SQLITE:
            near = did_you_mean(scheme, (MEMORY, SQLITE))
            raise ValueError(f"no kind of queue is called {scheme!r}{near or f'; {_REMEDY}'}")
        return cls(SQLITE, _path(text, rest))

    @classmethod
    def of_daemon(cls, config: OrganismConfig) -> str:
        """Return the address that the daemon uses: what the file says, else a file of the organism's own in `var`."""
        if "queue" in config.given or config.queue != MEMORY_QUEUE:
            return config.queue
        name = _NO_FILE_NAME.sub("-", config.name).strip("-.") or "organism"
        return f"sqlite:///var/{name}.db"

    def file(self, root: Path) -> Path | None:
        """Return the file, with a relative path taken from a folder; None for a queue without one."""
        return None if self.path is None else root / self.path


def _path(text: str, rest: str) -> Path:
    if not text[len(SQLITE) :].startswith("://"):
        raise ValueError(f"a file is given as {EXAMPLE}")
    if not rest.startswith("/"):
        raise ValueError(
            f"a file has no host: write {EXAMPLE}, with three slashes, or four for an absolute path"
        )
    path = rest[1:]
    if path.strip("/") == ":memory:":
        raise ValueError(f"a queue in memory is {MEMORY_QUEUE}")
    if not path.strip("/. ") or path.endswith("/"):
        raise ValueError(f"the name of a file is missing; write {EXAMPLE}")
    if any(mark in path for mark in "?#\0\n"):
        raise ValueError("a file is all that is given: no '?', no '#', no line break")
    return Path(path)
