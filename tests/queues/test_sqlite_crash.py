"""The queue in a file, and processes that die: real ones, killed at any moment."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agentserver.queues import Delivery, QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.verification import verify

HOPS = 2


class Worker:
    """A process of `worker.py`, and the lines that it wrote in whole."""

    def __init__(self, path: Path, prefix: str, count: int, mode: str = "work") -> None:
        command = [
            sys.executable,
            "-m",
            "tests.queues.worker",
            str(path),
            prefix,
            str(count),
            str(HOPS),
            mode,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1]
        raise AssertionError(f"it ended without {word!r}")

    def kill(self) -> list[tuple[str, str]]:
        self.process.send_signal(signal.SIGKILL)
        return self.lines()

    def lines(self) -> list[tuple[str, str]]:
        out, _ = self.process.communicate(timeout=60)
        whole = [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]
        return [(word, name) for word, name in whole]


def ids(path: Path, of: str) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute(f"SELECT id FROM messages JOIN {of} USING (seq)")}
    finally:
        connection.close()


def faults(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [str(fault) for fault in verify(connection)]
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
def test_f1_nothing_is_lost_by_a_process_that_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    path, moments = tmp_path / "organism.db", random.Random(seed)
    put, settled = set[str](), set[str]()
    for number in range(15):
        worker = Worker(path, f"run-{number}", 10_000)
        worker.wait_for("put")
        time.sleep(moments.random() * 0.5)
        for word, name in worker.kill():
            (put if word == "put" else settled if word == "settled" else set()).add(name)
    last = Worker(path, "last", 0).lines()

    ended = ids(path, "endings")
    children = {f"{name}{hop}" for name in put for hop in (".0", ".0.0")}
    assert ("done", "True") in last
    assert put | children <= ended
    assert settled <= ended
    assert ids(path, "waiting") == set()
    assert faults(path) == []


async def test_what_a_dead_process_left_is_taken_over_by_one_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "organism.db"
    queue = SqliteQueue(path)
    taking = asyncio.create_task(queue.take(1))
    worker = Worker(path, "run", 5, "put")
    await asyncio.to_thread(worker.wait_for, "ready")
    await asyncio.to_thread(worker.kill)
    taken = await asyncio.wait_for(taking, 10)
    taken += await asyncio.wait_for(queue.take(10), 10)
    assert ([delivery.message.id for delivery in taken], queue.books.balanced) == (
        [f"run-{number}" for number in range(5)],
        True,
    )
    await queue.aclose()


async def test_two_processes_on_one_file_never_take_the_same_message(tmp_path: Path) -> None:
    path = tmp_path / "organism.db"
    workers = [Worker(path, name, 60) for name in ("a", "b")]
    lines = [await asyncio.to_thread(worker.lines) for worker in workers]
    taken = [[name for word, name in each if word == "took"] for each in lines]
    assert [("done", "True") in each for each in lines] == [True, True]
    assert sorted(taken[0] + taken[1]) == sorted(ids(path, "endings"))
    assert len(taken[0] + taken[1]) == 2 * 60 * (HOPS + 1)
    assert faults(path) == []


def test_a_message_that_brings_down_the_process_ends_as_a_dead_letter_and_its_neighbours_do_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "organism.db"
    workers = list[Worker]()
    while not workers or workers[-1].process.returncode:
        workers.append(Worker(path, "run", 0 if workers else 30, "poison"))
        workers[-1].lines()
        assert len(workers) <= 5
    connection = sqlite3.connect(path)
    letters = connection.execute(
        "SELECT id, code, crashes FROM dead_letters JOIN messages USING (seq)"
    ).fetchall()
    connection.close()
    assert letters == [("run-13", "crashed", 4)]
    assert ids(path, "endings") == {f"run-{number}" for number in range(30)}
    assert faults(path) == []


async def test_a_suspect_is_handed_out_only_when_those_before_it_are_settled(tmp_path: Path) -> None:
    path = tmp_path / "organism.db"
    worker = Worker(path, "run", 4, "hold")
    worker.wait_for("holds")
    worker.kill()
    queue = SqliteQueue(path)
    await queue.put([QueuedMessage("new", b"<n/>", "alice", "other")])
    taken: list[str] = []
    while len(taken) < 4:
        deliveries = await asyncio.wait_for(queue.take(50), 5)
        suspects = [delivery.message.id for delivery in deliveries if delivery.message.crashes]
        assert len(suspects) <= 1
        taken += suspects
        await queue.settle(Settlement(acks=deliveries))
    await queue.aclose()
    assert taken == [f"run-{number}" for number in range(4)]


async def test_a_suspect_that_is_set_aside_lets_the_next_one_come(tmp_path: Path) -> None:
    path = tmp_path / "organism.db"
    worker = Worker(path, "run", 4, "hold")
    worker.wait_for("holds")
    worker.kill()
    queue, taken = SqliteQueue(path), list[Delivery]()
    while len(taken) < 4:
        taken += (deliveries := await asyncio.wait_for(queue.take(50), 5))
        queue.set_aside(deliveries)
    queue.take_up(taken[:1])
    await queue.settle(Settlement(acks=taken))
    await queue.aclose()


@pytest.mark.parametrize(("then", "crashes"), [("set_aside", {0: 4}), ("take_up", {0: 3, 1: 1})])
def test_what_is_set_aside_is_no_suspect_until_it_is_taken_up(
    tmp_path: Path, then: str, crashes: dict[int, int]
) -> None:
    path = tmp_path / "organism.db"
    worker = Worker(path, "run", 4, then)
    worker.wait_for("holds")
    worker.kill()

    async def look() -> list[int]:
        queue, seen = SqliteQueue(path), list[int]()
        while len(seen) < 4:
            deliveries = await asyncio.wait_for(queue.take(50), 5)
            seen += [delivery.message.crashes for delivery in deliveries]
            await queue.settle(Settlement(acks=deliveries))
        await queue.aclose()
        return seen

    assert Counter(asyncio.run(look())) == crashes


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_f2_nothing_is_promised_while_bytes_of_the_log_are_not_synced(tmp_path: Path) -> None:
    path, trace = tmp_path / "organism.db", tmp_path / "trace"
    calls = "trace=pwrite64,write,fsync,fdatasync"
    command = ["strace", "-f", "-y", "-s", "200", "-o", str(trace), "-e", calls]
    worker = [sys.executable, "-m", "tests.queues.worker", str(path), "run", "40", "0", "leave"]
    subprocess.run(command + worker, stdout=subprocess.DEVNULL, check=True, timeout=60)
    log, dirty, promised = f"{path.name}-wal>", False, 0
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if log in line and "pwrite64(" in line:
            dirty = True
        elif (log in line and "sync(" in line) or "sync resumed" in line:
            dirty = False
        elif '"put run-' in line:
            assert not dirty, line
            promised += 1
    assert promised == 40
