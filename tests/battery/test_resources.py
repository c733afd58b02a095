"""No file can be opened, no memory can be had: what needs some fails alone, and the queue is written. F25, F26."""

from __future__ import annotations

import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.battery.daemons import Daemon, Project, fed, order, until

ANSWERS: Final = "{name: answers, payload_class: works.Order, handler: works.answer}"
OPENS: Final = "{name: opens, payload_class: works.Order, handler: works.open_file}"
GREEDY: Final = "{name: greedy, payload_class: works.Order, handler: works.greedy}"
MIB: Final = 1 << 20

pytestmark = pytest.mark.slow


@contextmanager
def without(daemon: Daemon, what: int, limit: int) -> Iterator[None]:
    """Let the daemon have no more of something than `limit` while the block lasts."""
    before = resource.prlimit(daemon.process.pid, what)
    resource.prlimit(daemon.process.pid, what, (limit, before[1]))
    try:
        yield
    finally:
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
            feed(order("x" * 2_000, "answers") for n in range(count))  # so much that the log of the file begins anew
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


@pytest.mark.parametrize("room", [0, 1, 2, 4, 8])
def test_f26_a_daemon_with_next_to_no_memory_left_lives_and_loses_nothing(tmp_path: Path, room: int) -> None:
    """Messages of half a megabyte come while there is no room for them; each ends, handled or as a dead letter."""
    count = 40
    project = Project(tmp_path, [ANSWERS], "limits: {queue_messages: 20}")
    with fed(tmp_path) as (name, feed), project.daemon("--inject", name) as daemon:
        daemon.told("started")
        feed([order("warm", "answers")])
        until(lambda: ended(project).total() == 1, daemon.process)
        with without(daemon, resource.RLIMIT_AS, addresses(daemon) + room * MIB):
            feed(order("y" * (MIB // 2), "answers") for _ in range(count))
            feed([order("small", "answers")])
        until(lambda: ended(project).total() + project.dead().total() >= count + 2, daemon.process)
        feed([order("after", "answers")])
        until(lambda: project.waiting() == 0, daemon.process)
        daemon.stops()
    assert project.balances()


def addresses(daemon: Daemon) -> int:
    """Return the bytes of addresses that the daemon has."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmSize:")]
    return int(line.split()[1]) * 1_024
