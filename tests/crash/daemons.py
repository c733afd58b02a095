"""Starting the program that is killed, and looking at what it left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
ENOUGH_S: Final = 180.0
"""Seconds after which a life that has not ended is one that hangs."""


@contextmanager
def life(
    folder: Path,
    count: int,
    *more: str,
    program: str = "daemon",
    file: Path | None = None,
    environ: Mapping[str, str] = NOTHING,
) -> Iterator[subprocess.Popen[bytes]]:
    """Begin one life of a program; it is over behind the block.

    Args:
        folder: Where it keeps what it acknowledged, and its log.
        count: Up to which number it puts in.
        more: Further arguments of the program.
        program: Which of the programs here.
        file: Its queue; `queue.db` in the folder when left out.
        environ: Further environment variables.
    """
    files = (str(file or folder / "queue.db"), str(folder / "acks"))
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.crash.{program}", *files, str(count), *more],
            cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log,
        )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def finish(folder: Path, count: int, *more: str) -> None:
    """Live once more, to the end."""
    with life(folder, count, *more) as process:
        goes_well(process, folder)


def goes_well(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a life is over, which it is to be by itself."""
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
