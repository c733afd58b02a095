"""A disk that is full, or that fails, while the daemon works: it says so, waits, and goes on by itself."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.crash.daemons import ENOUGH_S, acknowledged, start, wait_until
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
    acks = tmp_path / "acks"
    process = start(small_disk, COUNT)
    try:
        wait_until(lambda: is_told(small_disk, "disk is full"), process)
        before = acknowledged(small_disk)
        assert before < COUNT
        (small_disk / "ballast").unlink()
        assert process.wait(ENOUGH_S) == 0, (small_disk / "log").read_text()[-3_000:]
    finally:
        process.kill()
    Ledger(small_disk / "queue.db").check(COUNT)
    assert not acks.exists()


def test_f3_a_disk_that_fails_to_write_is_waited_for(tmp_path: Path) -> None:
    """No file may grow beyond a limit, which is an I/O error for SQLite; then it may."""
    process = start(tmp_path, COUNT)
    wait_until(lambda: acknowledged(tmp_path) > 0, process)
    hard = resource.RLIM_INFINITY
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MEGABYTE, hard))
    wait_until(lambda: is_told(tmp_path, "cannot be written"), process)
    assert acknowledged(tmp_path) < COUNT
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert process.wait(ENOUGH_S) == 0, (tmp_path / "log").read_text()[-3_000:]
    Ledger(tmp_path / "queue.db").check(COUNT)
