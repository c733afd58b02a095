"""`agentserver status`: how a queue stands."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from agentserver.queues import QueuedMessage
from agentserver.queues.sqlite import SqliteQueue

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
    assert "  open         1: 1 waiting, 0 being handled; the oldest for " in shown
    assert "  waiting for  door 1\n" in shown
    assert "  dead letters 1 to decide about\n" in shown
    assert "2 dead, 1 done, in 2 conversations; 1 of the dead put in again or dropped since" in shown
    assert "3 injected + 1 emitted = 1 settled + 2 dead + 1 open" in shown


def test_what_is_handled_does_not_wait_and_what_waits_says_for_whom(stored: Stored) -> None:
    waits = [QueuedMessage(f"q-{n}", stored.question()) for n in range(3)]
    emitted = QueuedMessage("q-3.0", stored.job("ignored"), "desk", to_id="Worker", parent_id="q-3", hop=1)
    later = QueuedMessage("l-1", stored.login(), deliver_at=4_000_000_000.0)

    async def look() -> dict[str, object]:
        queue = SqliteQueue(stored.path)
        await queue.put([*waits, emitted, later, QueuedMessage("n-1", b"no xml")])
        await queue.take(1)
        found: dict[str, object] = await asyncio.to_thread(stored.document, "status")
        await queue.aclose()
        return found

    found = asyncio.run(look())
    assert (6, 5, 1, 1) == tuple(
        found[key] for key in ("open", "waiting", "in_the_hands_of_a_process", "waiting_for_their_time")
    )
    assert [("desk", 2), ("door", 1), ("worker", 1)] == list(found["waiting_for"].items())  # type: ignore[attr-defined]
    assert 0 == stored.document("status")["in_the_hands_of_a_process"]  # it was given back


@pytest.mark.parametrize(("lives", "handled"), [(True, 1), (False, 0)])
def test_what_a_process_was_handling_that_has_died_waits(stored: Stored, lives: bool, handled: int) -> None:
    stored.run()
    asyncio.run(put(stored, QueuedMessage("q-1", stored.question())))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stored.path.with_name("organism.db-owner-7").write_bytes(
        struct.pack("4q", os.getpid() if lives else dead.pid, 0, 1, 99)
    )
    stored.path.with_name("organism.db-owner-8").write_bytes(b"odd")

    found = stored.document("status")
    assert (1, handled) == (found["open"], found["in_the_hands_of_a_process"])


def test_a_row_that_is_damaged_is_counted(stored: Stored) -> None:
    stored.run()
    asyncio.run(
        put(stored, QueuedMessage("q-1", stored.question()), QueuedMessage("q-2", stored.login(), "eve"))
    )
    data = stored.path.read_bytes()
    assert data.count(b'["eve"') == 1
    stored.path.write_bytes(data.replace(b'["eve"', b'{"eve"'))  # a bit has flipped

    assert {"desk": 1, "door": 1} == stored.document("status")["waiting_for"]


async def put(stored: Stored, *messages: QueuedMessage) -> None:
    queue = SqliteQueue(stored.path)
    await queue.put(messages)
    await queue.aclose()


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
