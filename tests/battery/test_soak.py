"""F33: mixed load for a while, through kill -9 and SIGTERM at random: nothing is lost, and nothing grows.

A minute of it; `AGENTSERVER_SOAK_S=1800` makes it half an hour.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.crash.daemons import acknowledged, goes_well, life, wait_until
from tests.crash.mixed import AT_ONCE, KINDS, LEAVES

SOAK_S: Final = float(os.environ.get("AGENTSERVER_SOAK_S", "60"))
ENDLESS: Final = 10**9
MIB: Final = 1 << 20
SPARE: Final = 4 * MIB
"""What an interpreter may grow by at any time."""
PER_MINUTE: Final = MIB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * SOAK_S + 300)]


class Sizes:
    """How large a process was, again and again: its memory in bytes, and its open files."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = Path(f"/proc/{process.pid}")
        self.seen: list[tuple[float, int, int]] = []

    def look(self) -> None:
        pages = int((self._process / "statm").read_text().split()[1])
        files = len(list((self._process / "fd").iterdir()))
        self.seen.append((time.monotonic(), pages * 4_096, files))

    def check(self) -> None:
        """Assert that in the second half nothing grew: medians of its first and its last third are compared."""
        half = self.seen[len(self.seen) // 2 :]
        third = len(half) // 3
        begin, end = half[:third], half[-third:]
        minutes = (end[0][0] - begin[0][0]) / 60
        grown = middle([size for _, size, _ in end]) - middle([size for _, size, _ in begin])
        assert grown < SPARE + PER_MINUTE * minutes, f"{grown / MIB:.1f} MiB in {minutes:.1f} min"
        files = [count for _, _, count in half]
        assert max(files) - min(files) <= 2, files


def middle(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def test_f33_mixed_load_through_kills_and_stops_loses_nothing_and_nothing_grows(tmp_path: Path) -> None:
    chance, end = random.Random(33), time.monotonic() + SOAK_S / 2
    while time.monotonic() < end:
        how = chance.choice([signal.SIGKILL, signal.SIGTERM])
        length_s, before = chance.uniform(0.5, min(30.0, SOAK_S / 10)), acknowledged(tmp_path)
        with life(tmp_path, ENDLESS, program="mixed") as process:
            wait_until(lambda: acknowledged(tmp_path) > before, process)  # noqa: B023  # called at once
            time.sleep(length_s)
            stop(process, how, tmp_path)
    with life(tmp_path, ENDLESS, program="mixed") as process:
        sizes, end = Sizes(process), time.monotonic() + SOAK_S / 2
        while time.monotonic() < end:
            time.sleep(0.25)
            sizes.look()
        stop(process, signal.SIGTERM, tmp_path)
    sizes.check()

    count = (
        max(map(int, (tmp_path / "acks").read_text().split())) + AT_ONCE
    )  # those may be in it without an ack
    with life(tmp_path, count, program="mixed") as process:
        goes_well(process, tmp_path)
    assert ledger(tmp_path / "queue.db") == wanted(count)


def stop(process: subprocess.Popen[bytes], how: signal.Signals, folder: Path) -> None:
    process.send_signal(how)
    expected = 0 if how is signal.SIGTERM else -how
    assert process.wait(60) == expected, (folder / "log").read_text()[-3_000:]


Ledger = Counter[tuple[int, str, str]]
"""How often each number ended at a listener, or where it left, with which outcome."""


def wanted(count: int) -> Ledger:
    found: Ledger = Counter()
    for number in range(1, count + 1):
        kind = KINDS[number % len(KINDS)]
        ends = {
            "first": ["first", "second", "third", ""], "fan": ["fan"] + ["leaf"] * LEAVES,
            "flaky": ["flaky", ""], "slow": ["slow", ""], "late": ["late"],
        }[kind]  # fmt: skip
        found.update((number, listener, "dead" if kind == "late" else "done") for listener in ends)
    return found


def ledger(file: Path) -> Ledger:
    """Read what the file holds, with SQL alone; its books balance, and nothing waits in it."""
    connection = sqlite3.connect(file)
    ends = connection.execute(
        "SELECT messages.data, coalesce(listener, ''), outcome FROM endings JOIN messages USING (seq)"
    ).fetchall()
    ((injected, emitted, settled, dead),) = connection.execute(
        "SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM owners"
    ).fetchall()
    assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert injected + emitted == settled + dead == len(ends)
    found: Ledger = Counter()
    for data, listener, outcome in ends:
        number = re.search(rb">(\d+)<", data)
        assert number is not None
        if outcome == "duplicate":  # put in again, as a kill came before the ack
            continue
        end = int(number[1]), listener.partition(".")[0], outcome
        # of what failed no key is known, so what is put in again fails again
        found[end] = 1 if outcome == "dead" else found[end] + 1
    return found
