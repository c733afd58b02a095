"""SIGTERM and SIGHUP to a daemon that has its hands full: F9, F10, F11, F12."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.battery.daemons import Daemon, Project, fed, order, until
from tests.cli.test_service_manager import Manager

TAKES: Final = "{name: desk, payload_class: works.Order, handler: works.take}"
WAITS: Final = "{name: waits, payload_class: works.Order, handler: works.wait, max_concurrent: 2}"
NEVER: Final = "{name: never, payload_class: works.Order, handler: works.never}"
WAITING: Final = 200
"""More than have a place in the pipeline, where what was given to a listener stays with it."""
GAUGES: Final = "{name: gauge, payload_class: works.Order, handler: works.gauge}"

pytestmark = pytest.mark.slow


def test_f9_sigterm_with_100_in_flight_and_1000_queued(tmp_path: Path) -> None:
    at_work, count = 100, 1_100
    waits = WAITS.replace("max_concurrent: 2", f"max_concurrent: {at_work}")
    project = Project(tmp_path, [waits], "max_concurrent_handlers: 200\nmax_concurrent_pipelines: 200")
    project.input(order(n, "waits") for n in range(count))
    with project.daemon("--inject", "in.xml", "--drain-timeout", "30") as daemon:
        daemon.told("injected", messages=count)
        until(lambda: len(project.handled()) == at_work, daemon.process)
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        daemon.told("stopping")
        project.go()
        daemon.told("drained and stopped", settled=2 * at_work, waiting=count - at_work)
        assert daemon.ends() == 0
        assert time.monotonic() - began < 30
    assert (project.waiting(), project.balances()) == (count - at_work, True)
    assert {line.split()[0] for line in project.handled()} == {"wait", "waited"}
    assert len(project.handled()) == 2 * at_work

    with project.daemon() as daemon:
        assert daemon.told("started")["waiting"] == count - at_work
        until(lambda: len(project.handled()) == 2 * count, daemon.process)
        assert daemon.stops()["dead"] == 0
    assert project.handled() == {f"{did} {n}": 1 for did in ("wait", "waited") for n in range(count)}
    assert (project.waiting(), project.balances()) == (0, True)


def test_f10_what_a_second_sigterm_cuts_off_is_handled_by_the_next_life(tmp_path: Path) -> None:
    project = Project(tmp_path, [WAITS, TAKES])
    project.input([order(n, to) for n in range(5) for to in ("waits", "desk")])
    with project.daemon("--inject", "in.xml") as daemon:
        daemon.told("injected")
        until(lambda: len(project.handled()) == 7, daemon.process)  # two of them wait
        daemon.signal(signal.SIGTERM)
        daemon.told("stopping")
        daemon.signal(signal.SIGTERM)
        assert daemon.ends() == 1
        assert daemon.events()[-1]["reason"] == "a second signal, SIGTERM"
    assert project.balances()
    goes_on(project, {f"wait {n}": 2 if n < 2 else 1 for n in range(5)} | {f"take {n}": 1 for n in range(5)})


def test_f10_a_handler_that_nothing_ends_is_left_behind_and_its_message_handled_by_the_next_life(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, [NEVER])
    project.input([order(0, "never")])
    with project.daemon("--inject", "in.xml", "--drain-timeout", "0.1") as daemon:
        until(lambda: project.handled()["never 0"], daemon.process)
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        daemon.told("forced exit")
        assert daemon.ends() == 1
        assert time.monotonic() - began < 20  # 0.1 s to drain, and a grace of some seconds
    goes_on(project, {"never 0": 2, "ended 0": 1})


def goes_on(project: Project, handled: dict[str, int]) -> None:
    """Let the next life handle what was left; these lines must be noted by then."""
    project.go()
    with project.daemon() as daemon:
        until(lambda: handled.items() <= project.handled().items(), daemon.process)
        assert daemon.stops()["dead"] == 0
    assert (project.waiting(), project.balances()) == (0, True)


@pytest.fixture
def manager() -> Iterator[Manager]:
    """Listen as a service manager does, at a path that is short enough."""
    folder = tempfile.mkdtemp(prefix="as")
    made = Manager(f"{folder}/notify")
    with made.socket:
        yield made
    shutil.rmtree(folder)


def reloads(daemon: Daemon, manager: Manager, event: str) -> None:
    """Send SIGHUP; the log tells what becomes of it, the manager that it began, when, and that it is over."""
    before = time.monotonic_ns() // 1_000
    daemon.signal(signal.SIGHUP)
    assert before <= int(manager.hears("RELOADING=1")["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1_000
    manager.hears("READY=1")
    daemon.told(event)


def test_f11_a_reload_takes_all_or_nothing_and_what_fits_no_more_is_a_dead_letter(
    tmp_path: Path, manager: Manager
) -> None:
    project = Project(tmp_path, [TAKES, WAITS])
    project.input(order(n, "waits") for n in range(WAITING))
    with project.daemon("--inject", "in.xml", NOTIFY_SOCKET=manager.socket.getsockname()) as daemon:
        manager.hears("READY=1")
        daemon.told("injected")
        until(lambda: project.handled().keys() == {"wait 0", "wait 1"}, daemon.process)
        for broken in ("{name: desk, payload_class: [", TAKES + "\n  - " + TAKES, "{name: a, name: b}"):
            project.write([broken, WAITS])
            reloads(daemon, manager, "reload refused: the organism goes on as it was")
        project.write([TAKES])
        reloads(daemon, manager, "reloaded")
        project.go()
        until(lambda: project.waiting() == 0, daemon.process)
        assert daemon.stops()["dead"] > 0
    each_ended_once(project)
    reasons = {reason for (reason,) in project.rows("SELECT reason FROM dead_letters")}
    assert all("waits" in reason for reason in reasons), reasons
    assert project.balances()


def test_f11_what_waits_is_checked_against_the_schema_that_changed(tmp_path: Path, manager: Manager) -> None:
    project = Project(tmp_path, [TAKES, WAITS])
    project.input(order(n, "waits") for n in range(WAITING))
    with project.daemon("--inject", "in.xml", NOTIFY_SOCKET=manager.socket.getsockname()) as daemon:
        manager.hears("READY=1")
        daemon.told("injected")
        until(lambda: project.handled().keys() == {"wait 0", "wait 1"}, daemon.process)
        works = tmp_path / "works.py"
        works.write_text(works.read_text().replace("    text: str\n", "    text: str\n    by: str\n", 1))
        reloads(daemon, manager, "reloaded")
        project.go()
        until(lambda: project.waiting() == 0, daemon.process)
        assert daemon.stops()["dead"] > 0
    each_ended_once(project)


def each_ended_once(project: Project) -> None:
    """Assert that the first two were handled, by the listener of then, and that each ended once, handled or dead."""
    handled = {int(line.removeprefix("waited ")) for line in project.handled() if line.startswith("waited ")}
    assert {0, 1} <= handled
    assert project.handled() == {f"{did} {n}": 1 for did in ("wait", "waited") for n in handled}
    assert project.dead() == {"contract-changed": WAITING - len(handled)}
    assert (project.waiting(), project.balances()) == (0, True)


def test_f12_a_storm_of_sighup_under_load_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    storms, per_storm, batch = 3, 100, 20
    project = Project(tmp_path, [TAKES, GAUGES])
    with fed(tmp_path) as (name, feed), project.daemon("--inject", name) as daemon:
        daemon.told("started")
        feed(order(f"warm-{n}", "desk") for n in range(200))
        sent = 0
        for storm in range(storms):
            feed([order(storm, "gauge")])
            until(lambda: gauged(project, storm), daemon.process)  # noqa: B023  # called at once
            for number in range(per_storm):
                newest = 1_000 + per_storm * storm + number
                project.write([TAKES, GAUGES], f"max_concurrent_handlers: {newest}")
                os.kill(daemon.process.pid, signal.SIGHUP)
                feed(order(sent + n, "desk") for n in range(batch))
                sent += batch
                time.sleep(1 / per_storm)
            until(lambda: project.handled()[f"take {sent - 1}"], daemon.process)  # noqa: B023
            until(lambda: daemon.tells(f"-> {newest}"), daemon.process)  # noqa: B023
        feed([order(storms, "gauge")])
        until(lambda: gauged(project, storms), daemon.process)
        ended = daemon.stops()
    assert ended["dead"] == 0
    assert {line: n for line, n in project.handled().items() if line.startswith("take")} == {
        f"take {text}": 1 for text in [*range(sent), *(f"warm-{n}" for n in range(200))]
    }
    assert (project.waiting(), project.balances()) == (0, True)
    before, after = gauged(project, 1), gauged(project, storms)
    assert all(now <= then + 3 for then, now in zip(before, after, strict=True)), (before, after)


def gauged(project: Project, storm: int) -> list[int]:
    """Return the tasks, threads and open files that were noted after so many storms; none if they were not yet."""
    found = [line.split()[2:] for line in project.handled() if line.startswith(f"gauge {storm} ")]
    return [int(number) for number in found[0]] if found else []
