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

from agentserver.queues.sqlite import SqliteQueue
from tests.crash.daemons import ENOUGH_S, ROOT, acknowledged, finish, start, wait_until
from tests.crash.ledger import Ledger

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
    chance = random.Random(seed)
    process = start(tmp_path, COUNT)
    acks = chance.randrange(COUNT)
    wait_until(lambda: acknowledged(tmp_path) >= acks, process)
    time.sleep(chance.random() * 0.02)  # so that it hits any moment between two acknowledgements
    process.kill()
    process.wait()
    finish(tmp_path, COUNT)
    Ledger(tmp_path / "queue.db").check(COUNT)
    verified(tmp_path)


def test_f1_a_daemon_that_is_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(1)
    for life in range(1, 8):
        process = start(tmp_path, COUNT)
        wait_until(lambda life=life: acknowledged(tmp_path) >= COUNT * life // 10, process)  # type: ignore[misc]  # bound now
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.wait()
    finish(tmp_path, COUNT)
    Ledger(tmp_path / "queue.db").check(COUNT)


def test_f13_a_daemon_that_is_stopped_and_continued_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, COUNT)
    wait_until(lambda: acknowledged(tmp_path) >= COUNT // 4, process)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    assert process.wait(ENOUGH_S) == 0, (tmp_path / "log").read_text()[-3_000:]
    Ledger(tmp_path / "queue.db").check(COUNT)


def test_f14_a_clock_that_is_moved_changes_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    process = start(tmp_path, COUNT, str(clock))
    for part, seconds in ((8, -7_200), (4, 86_400), (3, -86_400)):
        wait_until(lambda part=part: acknowledged(tmp_path) >= COUNT // part, process)  # type: ignore[misc]  # bound now
        moved = tmp_path / "moved"
        moved.write_text(str(seconds))
        moved.rename(clock)
    assert process.wait(ENOUGH_S) == 0, (tmp_path / "log").read_text()[-3_000:]
    Ledger(tmp_path / "queue.db").check(COUNT)


def test_f4_a_torn_log_loses_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    """The last pages of the write-ahead log are cut off a copy: it opens, and what it holds is sound."""
    process = start(tmp_path, COUNT)
    wait_until(lambda: acknowledged(tmp_path) >= COUNT // 2, process)
    process.kill()
    process.wait()
    log = tmp_path / "queue.db-wal"
    size, chance = log.stat().st_size, random.Random(4)
    assert size
    for number in range(10):
        folder = tmp_path / f"copy{number}"
        folder.mkdir()
        for name in ("queue.db", "queue.db-wal"):
            shutil.copy(tmp_path / name, folder / name)
        os.truncate(folder / "queue.db-wal", chance.randrange(size))
        SqliteQueue(folder / "queue.db").close()
        # what the file does not know of is what the cut took: it is put in anew
        finish(folder, COUNT)
        Ledger(folder / "queue.db").check(COUNT)
