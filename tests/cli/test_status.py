"""`agentserver status`: how a queue stands."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from .queue_files import Stored


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def test_counts(stored: Stored) -> None:
    stored.run(stored.question(), stored.login())
    stored.command("dead", "retry", "--all", "--listener", "door")

    found = stored.document("status")
    assert (1, 1, {"dead": 2, "done": 1}) == (found["waiting"], found["dead_letters"], found["history"])
    assert (True, True, None) == (found["ok"], found["books"]["balanced"], found["daemon"])
    assert found["bytes"] > 4_096
    assert found["oldest_waiting_since"].startswith("20")
    shown = stored.command("status").stdout
    assert "  open         1, the oldest for " in shown
    assert "3 injected + 1 emitted = 1 settled + 2 dead + 1 open" in shown


def test_a_daemon_is_named(stored: Stored) -> None:
    stored.run()
    descriptor = os.open(stored.path.with_name("organism.db-daemon"), os.O_RDWR | os.O_CREAT, 0o600)
    os.write(descriptor, b"%d\n" % os.getpid())
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        assert {"pid": os.getpid()} == stored.document("status")["daemon"]
    finally:
        os.close(descriptor)
    assert "none runs" in stored.command("status").stdout


def test_books_that_do_not_balance(stored: Stored) -> None:
    stored.run(stored.login())
    with stored.sql() as connection:
        connection.execute("UPDATE owners SET settled = settled + 1")

    assert not stored.document("status", code=1)["ok"]
    assert "is not" in stored.command("status", code=1).stdout


def test_a_queue_that_is_not_there(stored: Stored) -> None:
    assert "a daemon makes it" in stored.command("status", code=3).stderr


def test_a_queue_in_memory_has_no_file(stored: Stored) -> None:
    stored.config.write_text(stored.config.read_text().replace("sqlite:///var/organism.db", "memory://"))

    assert "has no file" in stored.command("status", code=2).stderr


def test_the_file_that_the_daemon_takes_when_nothing_is_said(stored: Stored) -> None:
    stored.run(stored.login())
    stored.path.rename(stored.path.with_name("stored.db"))
    stored.config.write_text(stored.config.read_text().replace("queue: sqlite:///var/organism.db\n", ""))

    assert 1 == stored.document("status")["dead_letters"]


@pytest.mark.parametrize(
    ("queue", "code"),
    [("sqlite:///nowhere.db", 3), ("sqlite://host/x", 2), ("nats://x", 2), ("memory://", 2), ("/", 1)],
)
def test_an_address_on_the_command_line(stored: Stored, queue: str, code: int) -> None:
    stored.command("status", "--queue", queue, code=code)
