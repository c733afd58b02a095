"""The commands on a queue's file while a daemon runs on it."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from agentserver.cli import main

from .process import Process, started
from .queue_files import Stored

THREAD = "0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77"
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


@contextmanager
def daemon(stored: Stored, *messages: bytes) -> Iterator[Process]:
    """Run a daemon that was given messages, once it has handled them; stop it at the end."""
    file = stored.config.with_name("messages.xml")
    file.write_bytes(b"\n".join(messages))
    log = log_of(stored)
    with (
        log.open("wb") as stderr,  # a pipe that nobody reads would hold the daemon up
        started("run", stored.config, "--inject", file, "--log-format", "json", stderr=stderr) as process,
    ):
        until(lambda: "all that was injected is handled" in log.read_text())
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0


def log_of(stored: Stored) -> Path:
    return stored.config.with_name("daemon.log")


def until(holds: Callable[[], Any], patience_s: float = 10.0) -> Any:
    """Look again and again until something holds."""
    end = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def test_a_daemon_takes_up_what_is_retried(stored: Stored) -> None:
    with daemon(stored, stored.question(THREAD)) as process:
        assert process.pid == stored.document("status")["daemon"]["pid"]
        (letter,) = stored.letters()
        stored.asked.touch()
        stored.command("dead", "retry", letter["id"])
        until(lambda: not stored.document("status")["waiting"])

        children = stored.tree(THREAD)[0]["children"]
        assert ["revived", "done"] == [child["outcome"] for child in children]
        stored.command("audit", "verify")
        assert stored.document("status")["books"]["balanced"]
    assert not stored.letters()
    assert stored.document("audit", "verify")["ok"]


def test_what_is_dropped_is_dropped_for_the_daemon_too(stored: Stored) -> None:
    with daemon(stored, stored.login(), stored.login()):
        first, _ = stored.letters()
        stored.command("dead", "drop", first["id"])
        assert 1 == len(stored.letters())
    assert 1 == len(stored.letters())


def test_a_snapshot_is_taken_while_a_daemon_runs_and_none_is_restored(stored: Stored, tmp_path: Path) -> None:
    with daemon(stored, stored.question(THREAD)):
        stored.command("snapshot", tmp_path / "a.snapshot")
        error = stored.document("restore", tmp_path / "a.snapshot", code=1)["error"]
    assert "queue" == error["code"]
    assert "another agentserver" in error["message"]
    other = Stored(tmp_path / "other")
    assert other.document("restore", tmp_path / "a.snapshot")["ok"]
    assert THREAD == other.document("trace", THREAD)["conversation"]


def test_many_retries_and_a_busy_daemon_lose_nothing(stored: Stored) -> None:
    stored.run(*[stored.login()] * 300)
    with daemon(stored, *[stored.question()] * 200):
        for _ in range(3):
            stored.command("dead", "retry", "--all", "--listener", "door")
            until(lambda: not stored.document("status")["waiting"])
        assert 300 == stored.document("dead", "list", "--listener", "door")["total"]
    found = stored.document("status")
    assert (0, True) == (found["waiting"], found["books"]["balanced"])
    assert 300 * 4 + 200 == found["history"]["dead"]
    assert stored.document("audit", "verify")["ok"]


def shown_commands() -> list[str]:
    block = next(
        each for each in re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S) if "dead retry" in each
    )
    return [part.partition("#")[0].strip() for line in block.splitlines() for part in line.split("&&")]


@pytest.mark.parametrize("line", shown_commands())
def test_what_readme_shows_can_be_called(line: str) -> None:
    name, *words = line.split()[1:]
    command: click.Command = main.commands[name]
    if isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    with command.make_context(name, words, resilient_parsing=True) as context:
        assert not context.args
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_logs_of_the_daemon_tell_of_what_it_took_over(stored: Stored) -> None:
    with daemon(stored, stored.login()):
        stored.command("dead", "retry", "--all")
        line = until(
            lambda: [each for each in log_of(stored).read_text().splitlines() if "took over" in each]
        )
    assert 1 == json.loads(line[0])["messages"]
