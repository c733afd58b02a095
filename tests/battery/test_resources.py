"""No file can be opened, no memory can be had: what needs some fails alone, and the queue is written. F25, F26."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from agentserver import running
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.changes import Change, Written
from agentserver.queues.sqlite.journal import Journal
from tests.battery.daemons import PATIENCE_S, Daemon, Project, fed, order, until
from tests.battery.starved import COUNT
from tests.cli.process import ROOT
from tests.organisms import Ping, Recorder, listener, ping, pump_of

ANSWERS: Final = "{name: answers, payload_class: works.Order, handler: works.answer}"
OPENS: Final = "{name: opens, payload_class: works.Order, handler: works.open_file}"
GREEDY: Final = "{name: greedy, payload_class: works.Order, handler: works.greedy}"
MIB: Final = 1 << 20

pytestmark = pytest.mark.slow


@contextmanager
def without(daemon: Daemon, what: int, limit: int) -> Iterator[None]:
    """Let the daemon have no more of something than `limit` while the block lasts; it may end meanwhile."""
    before = resource.prlimit(daemon.process.pid, what)
    resource.prlimit(daemon.process.pid, what, (limit, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(daemon.process.pid, what, before)


def ended(project: Project) -> Counter[tuple[str, str]]:
    """Count what listeners have ended with, by listener and code."""
    rows = project.rows("SELECT listener, code FROM endings WHERE listener IS NOT NULL")
    return Counter((str(key).partition(".")[0], code) for key, code in rows)


def test_f25_the_queue_is_written_though_no_file_can_be_opened(tmp_path: Path) -> None:
    count, failing = 3_000, 20
    project = Project(tmp_path, [ANSWERS, OPENS])
    with fed(tmp_path) as (name, feed), project.daemon("--inject", name) as daemon:
        daemon.told("started")
        feed([order("warm", "answers"), order("warm", "opens")])
        until(lambda: ended(project).total() == 2, daemon.process)
        with without(daemon, resource.RLIMIT_NOFILE, 3):
            feed(order(n, "opens") for n in range(failing))
            feed(
                order("x" * 2_000, "answers") for n in range(count)
            )  # so much that the log of the file begins anew
            daemon.signal(signal.SIGHUP)
            daemon.told("reload refused: the organism goes on as it was")
            until(lambda: ended(project).total() == 2 + failing + count, daemon.process)
        assert not daemon.tells("cannot be written")
        feed([order("after", "opens")])
        until(lambda: ended(project)["opens", ""] == 2, daemon.process)
        daemon.signal(signal.SIGHUP)
        daemon.told("reloaded: nothing has changed")
        daemon.stops()
    assert ended(project) == {
        ("answers", ""): count + 1, ("opens", ""): 2, ("opens", "handler-failed"): failing,
    }  # fmt: skip
    assert (project.waiting(), project.balances()) == (0, True)


def test_f25_a_daemon_that_can_open_no_file_stops_in_good_order(tmp_path: Path) -> None:
    project = Project(tmp_path, [ANSWERS])
    with fed(tmp_path) as (name, feed), project.daemon("--inject", name) as daemon:
        daemon.told("started")
        feed([order("warm", "answers")])
        until(lambda: ended(project).total() == 1, daemon.process)
        with without(daemon, resource.RLIMIT_NOFILE, 3):
            daemon.stops()
    assert (project.waiting(), project.balances()) == (0, True)


def test_f26_a_handler_for_which_there_is_no_memory_fails_alone(tmp_path: Path) -> None:
    count = 50
    project = Project(tmp_path, [ANSWERS, GREEDY])
    with fed(tmp_path) as (name, feed), project.daemon("--inject", name) as daemon:
        daemon.told("started")
        feed([order("warm", "answers"), order(MIB, "greedy")])
        until(lambda: ended(project).total() == 2, daemon.process)
        with without(daemon, resource.RLIMIT_AS, addresses(daemon) + 64 * MIB):
            feed(order(n, to) for n in range(count) for to in ("answers", "greedy"))
            feed(order(1 << 30, "greedy") for _ in range(count))
            until(lambda: ended(project).total() == 2 + 3 * count, daemon.process)
        daemon.stops()
    assert ended(project) == {
        ("answers", ""): count + 1, ("greedy", ""): count + 1, ("greedy", "handler-failed"): count,
    }  # fmt: skip
    reasons = {reason for (reason,) in project.rows("SELECT reason FROM dead_letters")}
    assert all("MemoryError" in reason for reason in reasons), reasons
    assert (project.waiting(), project.balances()) == (0, True)


@pytest.mark.parametrize("room", [2, 8, 24, 64])
def test_f26_large_messages_for_which_there_is_no_memory_fail_alone(tmp_path: Path, room: int) -> None:
    """They come, or wait already, while there is no room for them; small ones beside them are handled."""
    command = [sys.executable, "-m", "tests.battery.starved", str(tmp_path / "queue.db"), str(room * MIB)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    told = Counter(json.loads(done.stdout))
    small, large, admitted = told.pop("small"), told.pop("yyyyy", 0), told.pop("admitted")
    assert (told.pop("after"), told.pop("balanced")) == (1, 1)
    refused = told.pop("refused", 0)
    assert admitted + refused == 4 * COUNT  # before and while there was no memory, large and small
    assert small + large + told.total() == admitted
    assert small >= COUNT  # all that were admitted, at the least those from before
    assert told.total() + refused > 0, "there was memory enough"


async def test_f26_what_is_over_is_written_once_there_is_memory_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that finds none cannot be brought about at will, so this one says so itself."""
    failing, commit = 3, Journal.commit

    def starved(journal: Journal, changes: Sequence[Change], now: float) -> list[Written]:
        nonlocal failing
        if failing and any(change.ends for change in changes):
            failing -= 1
            raise MemoryError
        return commit(journal, changes, now)

    monkeypatch.setattr(Journal, "commit", starved)
    pump = pump_of(listener("echo", Ping, Recorder()), waiting_in=SqliteQueue(tmp_path / "queue.db"))
    async with running(pump):
        await asyncio.gather(*(pump.inject(ping(), None, "user") for _ in range(5)))
        await asyncio.wait_for(pump.drained(), 30)
        assert (failing, pump.books.settled, pump.books.dead) == (0, 5, 0)


def addresses(daemon: Daemon) -> int:
    """Return the bytes of addresses that the daemon has."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmSize:")]
    return int(line.split()[1]) * 1_024
