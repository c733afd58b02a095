"""Starting the program that is killed, and looking at what it left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ENOUGH_S: Final = 180.0
"""Seconds after which a life that has not ended is one that hangs."""


def start(folder: Path, count: int, *more: str) -> subprocess.Popen[bytes]:
    """Begin one life of the program."""
    files = (str(folder / "queue.db"), str(folder / "acks"))
    log = (folder / "log").open("ab")
    with log:
        return subprocess.Popen(  # this project's own program
            [sys.executable, "-m", "tests.crash.daemon", *files, str(count), *more],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip


def finish(folder: Path, count: int, *more: str) -> None:
    """Live once more, to the end."""
    process = start(folder, count, *more)
    assert process.wait(ENOUGH_S) == 0, (folder / "log").read_text()[-3_000:]


def acknowledged(folder: Path) -> int:
    """Return how many numbers were acknowledged so far."""
    acks = folder / "acks"
    return acks.read_bytes().count(b"\n") if acks.exists() else 0


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something holds, or the process has ended."""
    deadline = time.monotonic() + ENOUGH_S
    while not holds() and process.poll() is None:
        assert time.monotonic() < deadline, "nothing happens any more"
        time.sleep(0.002)
