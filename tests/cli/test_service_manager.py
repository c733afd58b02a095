"""A daemon under a service manager: what goes to NOTIFY_SOCKET, as sd_notify(3) has it."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.cli.process import environment, started

CONFIG = """
organism: {name: watched}
queue: memory://
listeners:
  - {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
"""


class Manager:
    """The socket of a service manager."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(30)

    def hears(self, wanted: str) -> dict[str, str]:
        """Wait for a datagram that says `wanted`; return all that it says."""
        while True:
            lines = self.socket.recv(4_096).decode().splitlines()
            if wanted in lines:
                return dict(line.split("=", 1) for line in lines)


Managers: TypeAlias = Callable[[str], Manager]


@pytest.fixture
def managers() -> Iterator[Managers]:
    """Make managers, whose sockets are closed at the end."""
    with ExitStack() as stack:

        def manager(address: str) -> Manager:
            made = Manager(address)
            stack.enter_context(made.socket)
            return made

        yield manager


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for the address of a socket."""
    path = Path(tempfile.mkdtemp(prefix="as"))
    (path / "organism.yaml").write_text(CONFIG)
    yield path
    shutil.rmtree(path)


def test_ready_reloading_and_stopping_are_told(folder: Path, managers: Managers) -> None:
    manager = managers(str(folder / "notify"))
    before = time.monotonic_ns() // 1_000
    with started(
        "run", "organism.yaml", cwd=folder, env=environment(NOTIFY_SOCKET=str(folder / "notify"))
    ) as process:
        assert str(process.pid) == manager.hears("READY=1")["MAINPID"]
        process.send_signal(signal.SIGHUP)
        assert before < int(manager.hears("RELOADING=1")["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1_000
        manager.hears("READY=1")
        process.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
        assert process.wait() == 0


def test_f11_a_reload_that_is_refused_ends_with_ready_all_the_same(folder: Path, managers: Managers) -> None:
    manager = managers(str(folder / "notify"))
    with started(
        "run", "organism.yaml", cwd=folder, env=environment(NOTIFY_SOCKET=str(folder / "notify"))
    ) as process:
        manager.hears("READY=1")
        (folder / "organism.yaml").write_text("organism: [")
        process.send_signal(signal.SIGHUP)
        manager.hears("RELOADING=1")
        manager.hears("READY=1")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_signs_of_life_come_as_often_as_the_watchdog_wants(folder: Path, managers: Managers) -> None:
    manager = managers(str(folder / "notify"))
    variables = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"}
    with started("run", "organism.yaml", cwd=folder, env=environment(**variables)) as process:
        for _ in range(3):
            manager.hears("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_the_watchdog_of_another_process_is_not_fed(folder: Path, managers: Managers) -> None:
    manager = managers(str(folder / "notify"))
    variables = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    with started("run", "organism.yaml", cwd=folder, env=environment(**variables)) as process:
        manager.hears("READY=1")
        process.send_signal(signal.SIGTERM)
        lines = manager.socket.recv(4_096).decode().splitlines()
        assert lines[0] == "STOPPING=1"
        assert process.wait() == 0


def test_a_manager_in_an_abstract_socket_is_told_too(folder: Path, managers: Managers) -> None:
    manager = managers(f"\0{folder}")
    with started("run", "organism.yaml", cwd=folder, env=environment(NOTIFY_SOCKET=f"@{folder}")) as process:
        manager.hears("READY=1")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_manager_that_is_not_there_ends_nothing(folder: Path) -> None:
    with started(
        "run", "organism.yaml", cwd=folder, env=environment(NOTIFY_SOCKET=str(folder / "gone"))
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"started" in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
