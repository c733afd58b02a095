"""A disk that is full, or that fails, while the daemon works: it says so, waits, and goes on by itself."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.crash.daemons import acknowledged, goes_well, life, wait_until
from tests.crash.ledger import Ledger

COUNT: Final = 1_000
MEGABYTE: Final = 1 << 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 24 MB, of which a file takes all but 2."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:  # our own arguments
        pytest.skip("only root may mount the small file system that this fills")
    try:
        (disk / "ballast").write_bytes(bytes(22 * MEGABYTE))
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # our own arguments


def is_told(folder: Path, words: str) -> bool:
    return words in (folder / "log").read_text()


def test_f6_a_full_disk_is_waited_for(small_disk: Path, tmp_path: Path) -> None:
    file = small_disk / "queue.db"
    with life(tmp_path, COUNT, file=file) as process:
        wait_until(lambda: is_told(tmp_path, "cannot be written"), process)
        assert acknowledged(tmp_path) < COUNT
        (small_disk / "ballast").unlink()
        goes_well(process, tmp_path)
    Ledger(file).check(COUNT)


def test_f3_a_disk_that_fails_to_write_is_waited_for(tmp_path: Path) -> None:
    """No file may grow beyond a limit, which is an I/O error for SQLite; then it may."""
    hard = resource.RLIM_INFINITY
    with life(tmp_path, COUNT) as process:
        wait_until(lambda: acknowledged(tmp_path) > 0, process)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MEGABYTE, hard))
        wait_until(lambda: is_told(tmp_path, "cannot be written"), process)
        assert acknowledged(tmp_path) < COUNT
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        goes_well(process, tmp_path)
    Ledger(tmp_path / "queue.db").check(COUNT)
