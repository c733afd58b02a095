"""Files that are read from the command line: opened, or refused with a text and an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from agentserver.cli.config_argument import require_file
from agentserver.cli.failures import Failed


def open_input(path: Path) -> BinaryIO:
    """Open a file to read.

    Raises:
        NotFound: It does not exist.
        Failed: It cannot be read.
    """
    try:
        return require_file(path).open("rb")
    except OSError as exc:
        raise Failed(f"{path}: {exc.strerror}") from exc
