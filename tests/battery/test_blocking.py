"""F15: a handler that blocks the event loop is named, no sign of life is given meanwhile, and its message is counted.

The tests are the service manager here: they hear the signs of life, and do what a watchdog does when there are none.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.battery.daemons import PATIENCE_S, Daemon, Project, order, until
from tests.battery.test_signals import TAKES

WATCHDOG_S: Final = 1.0
WARNS: Final = "limits: {block_warning_s: 0.3}"
ORDERS: Final = 20

pytestmark = pytest.mark.slow


class Watchdog:
    """Hears signs of life.

    Args:
        path: Of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.variables = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000))}

    def barks(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until there is no sign of life for as long as it may take; return whether the process lives then."""
        self.socket.settimeout(WATCHDOG_S)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                self.socket.recv(4_096)
            except TimeoutError:
                return process.poll() is None
        raise AssertionError("it gives signs of life all the time")

    def hears(self) -> None:
        """Wait for a sign of life that is given from now on."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4_096):
                pass
        except BlockingIOError:
            self.socket.settimeout(PATIENCE_S)
        while b"WATCHDOG=1" not in self.socket.recv(4_096):
            pass


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    folder = Path(tempfile.mkdtemp(prefix="as"))  # whose path is short enough for a socket
    made = Watchdog(folder / "notify")
    with made.socket:
        yield made
    shutil.rmtree(folder)


def listeners(handler: str) -> list[str]:
    return [TAKES, f"{{name: bad, payload_class: works.Order, handler: works.{handler}}}"]


def test_f15_a_handler_that_sleeps_is_named_while_it_does_and_no_sign_of_life_is_given(
    tmp_path: Path, watchdog: Watchdog
) -> None:
    project = Project(tmp_path, listeners("block"), WARNS)
    project.input([order(4, "bad"), order("beside", "desk")])
    with project.daemon("--inject", "in.xml", **watchdog.variables) as daemon:
        named = daemon.told("the event loop is blocked", listener="bad")
        assert project.handled()["blocked"] == 0  # it is told meanwhile, not afterwards
        assert named["at"].startswith("works.block, line ")
        assert "works.block" in named["stack"][0]
        assert watchdog.barks(daemon.process)
        assert project.handled()["blocked"] == 0
        daemon.told("the event loop goes on", listener="bad")
        watchdog.hears()
        until(lambda: project.handled()["take beside"], daemon.process)
        assert daemon.stops()["settled"] == 3  # the two, and the answer to the one
    assert (project.waiting(), project.balances()) == (0, True)


def test_f15_a_regular_expression_that_never_ends_is_named_when_it_lets_go(
    tmp_path: Path, watchdog: Watchdog
) -> None:
    project = Project(tmp_path, listeners("match"), WARNS)
    project.input([order(steps_for(4.0), "bad"), order("beside", "desk")])
    with project.daemon("--inject", "in.xml", **watchdog.variables) as daemon:
        until(lambda: project.handled()["match"], daemon.process)
        assert watchdog.barks(daemon.process)
        assert project.handled()["matched"] == 0
        daemon.told("the event loop is blocked", listener="bad")
        watchdog.hears()
        until(lambda: project.handled()["take beside"], daemon.process)
        assert daemon.stops()["settled"] == 3
    assert (project.handled()["matched"], project.balances()) == (1, True)


def steps_for(seconds: float) -> int:
    """Return how long a text is for which the expression takes so long: each letter more takes 1.6 times that."""
    import re

    for length in range(20, 60):
        began = time.thread_time()
        re.match(r"(a|aa)+$", "a" * length + "b")
        if time.thread_time() - began > seconds / 12:
            return length + 5
    raise AssertionError("no text takes so long")


def test_f15_a_message_that_blocks_its_daemon_for_ever_is_given_up_on_after_some_restarts(
    tmp_path: Path, watchdog: Watchdog
) -> None:
    project = Project(tmp_path, listeners("block"), "limits: {block_warning_s: 0.3, crashes: 2}")
    project.input([*(order(n, "desk") for n in range(ORDERS)), order(3_600, "bad")])
    lives = 0
    while True:
        lives += 1
        with project.daemon(*(["--inject", "in.xml"] if lives == 1 else []), **watchdog.variables) as daemon:
            daemon.told("started")
            if is_free(lives, project, daemon, watchdog):
                daemon.stops()
                break
        assert lives <= 5
    assert lives == 3  # as many as are allowed, and one without it
    assert project.dead() == {"crashed": 1}
    assert project.handled()["block"] == 2
    assert project.handled().keys() == {"block", *(f"take {n}" for n in range(ORDERS))}
    assert (project.waiting(), project.balances()) == (0, True)


def is_empty(project: Project) -> bool:
    """Return whether all that was ever put in came to its end."""
    ((endings,),) = project.rows("SELECT count(*) FROM endings")
    return bool(endings == 2 * ORDERS + 1)  # with the answers; nobody is told of what was given up on


def is_free(life: int, project: Project, daemon: Daemon, watchdog: Watchdog) -> bool:
    """Wait until the file holds nothing that waits; or else do what a watchdog does, and return False."""
    until(lambda: project.handled()["block"] == life or is_empty(project), daemon.process)
    if project.handled()["block"] < life:
        return True
    assert watchdog.barks(daemon.process)
    daemon.signal(signal.SIGABRT)
    assert daemon.ends() == -signal.SIGABRT
    return False
