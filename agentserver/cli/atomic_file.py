"""Files that are there whole or not at all, whenever one looks.

Takes a path and a text; writes a temporary file beside it, and renames that. A file that holds the text already is not
touched. Raises `OSError` as it comes.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_if_changed(path: Path, text: str) -> bool:
    """Make `path` hold `text`, and return whether anything was written. Missing folders are made."""
    data = text.encode("utf-8")
    target = path.resolve()  # what a link leads to is written, and the link stays
    if holds(target, data):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def holds(path: Path, data: bytes) -> bool:
    """Return whether the file at `path` is there and holds `data`."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False
