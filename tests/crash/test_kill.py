"""kill -9 at any moment: nothing that was acknowledged is lost, nothing enters twice, the books balance."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.daemons import ENOUGH_S, ROOT, acknowledged, finish, goes_well, life, wait_until
from tests.crash.ledger import Ledger
from tests.crash.preloaded import library

COUNT = int(os.environ.get("AGENTSERVER_CRASH_MESSAGES", "5000"))
ROUNDS = int(os.environ.get("AGENTSERVER_CRASH_ROUNDS", "20"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def verified(folder: Path) -> None:
    """Let the command that verifies histories look at the file."""
    file = folder / "queue.db"
    command = [sys.executable, "-m", "agentserver", "audit", "verify", "--queue", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=ENOUGH_S, check=False
    )  # our own
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_f1_a_daemon_that_is_killed_at_a_random_moment_loses_nothing(seed: int, tmp_path: Path) -> None:
    killed(tmp_path, random.Random(seed).randrange(COUNT), seed)
    finish(tmp_path, COUNT)
    Ledger(tmp_path / "queue.db").check(COUNT)
    verified(tmp_path)


def test_f1_a_daemon_that_is_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(1)
    for step in range(8):
        killed(tmp_path, chance.randrange(COUNT * step // 10, COUNT * (step + 1) // 10), step)
    finish(tmp_path, COUNT)
    Ledger(tmp_path / "queue.db").check(COUNT)


def killed(folder: Path, acks: int, seed: int) -> None:
    """Live until so many numbers are acknowledged, and a moment longer, so that any moment may be hit."""
    with life(folder, COUNT) as process:
        wait_until(lambda: acknowledged(folder) >= acks, process)
        time.sleep(random.Random(seed).random() * 0.02)
        process.kill()


def test_f13_a_daemon_that_is_stopped_and_continued_goes_on(tmp_path: Path) -> None:
    with life(tmp_path, COUNT) as process:
        wait_until(lambda: acknowledged(tmp_path) >= COUNT // 4, process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)
        goes_well(process, tmp_path)
    Ledger(tmp_path / "queue.db").check(COUNT)


def test_f14_a_clock_that_is_moved_changes_nothing(tmp_path: Path) -> None:
    clock, moved = tmp_path / "clock", tmp_path / "moved"
    clock.write_text("0")
    variables = {"LD_PRELOAD": library("moved_clock", tmp_path), "MOVED_CLOCK": str(clock)}
    with life(tmp_path, COUNT, environ=variables) as process:
        for part, seconds in ((8, -7_200), (4, 86_400), (3, -86_400)):
            wait_until(lambda part=part: acknowledged(tmp_path) >= COUNT // part, process)  # type: ignore[misc]  # bound now
            moved.write_text(str(seconds))
            moved.rename(clock)
        goes_well(process, tmp_path)
    Ledger(tmp_path / "queue.db").check(COUNT)


def test_f4_a_torn_log_loses_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    """The last pages of the write-ahead log are cut off a copy: it opens, and what it holds is sound."""
    killed(tmp_path, COUNT // 2, seed=1)
    size, chance = (tmp_path / "queue.db-wal").stat().st_size, random.Random(4)
    assert size
    for number in range(10):
        folder = tmp_path / f"copy{number}"
        folder.mkdir()
        for name in ("queue.db", "queue.db-wal"):
            shutil.copy(tmp_path / name, folder / name)
        os.truncate(folder / "queue.db-wal", chance.randrange(size))
        finish(
            folder, COUNT
        )  # what the cut took was never acknowledged, as far as this file knows: it comes again
        Ledger(folder / "queue.db").check(COUNT)
