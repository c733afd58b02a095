"""Read the text of a configuration file: bounded, UTF-8, and every way to fail told as a `ConfigError`.

Knows files, not YAML. The fault of a file that cannot be read has no place in it: line and column are 0.
"""

from __future__ import annotations

from pathlib import Path

from agentserver.config.fault_log import FaultLog
from agentserver.config.tree import WHOLE_FILE, Place
from agentserver.errors import ConfigError, ConfigFault

MAX_FILE_BYTES = 1_048_576
"""Longest file, in bytes: thousands of listeners fit, and a wrong path to a log or an image ends at once."""


def read_text(path: Path, file: str) -> str:
    """Read a whole file as text.

    Args:
        path: The file.
        file: Its name as faults give it.

    Returns:
        The text, without a byte order mark.

    Raises:
        ConfigError: It is missing, a folder, not readable, too long or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as exc:
        raise _whole_file(file, "there is no such file; give the path of an organism.yaml") from exc
    except IsADirectoryError as exc:
        raise _whole_file(file, "this is a folder; give the path of the organism.yaml in it") from exc
    except PermissionError as exc:
        raise _whole_file(file, "no permission to read it") from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        raise _whole_file(file, f"cannot be read: {exc}") from exc
    if len(content) > MAX_FILE_BYTES:
        raise _whole_file(file, _too_long())
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _whole_file(file, f"not UTF-8: byte {exc.start + 1} is {content[exc.start]:#04x}") from exc


def check_length(text: str, faults: FaultLog) -> None:
    """Refuse a text that would be too long as a file.

    Raises:
        ConfigError: It is.
    """
    if len(text) > MAX_FILE_BYTES:
        faults.stop(WHOLE_FILE, _too_long())


def line_and_column(text: str, index: int) -> Place:
    """Turn a 0-based index into `text` into a place."""
    before = text[:index]
    return Place(before.count("\n") + 1, index - before.rfind("\n"))


def _too_long() -> str:
    return f"longer than {MAX_FILE_BYTES} bytes, which no configuration should be; is it the right file?"


def _whole_file(file: str, message: str) -> ConfigError:
    return ConfigError([ConfigFault(file, WHOLE_FILE.line, WHOLE_FILE.column, message)])
