"""A queue's file, opened by somebody who is not the queue."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from pathlib import Path

import pytest

from agentserver.errors import QueueFault
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.visits import changing, daemon_pid, reading


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "with a space & ä?.db"
    asyncio.run(SqliteQueue(path).aclose())
    return path


def forget_all(path: Path) -> None:
    with changing(path) as connection:
        connection.execute("DELETE FROM owners")


def fail_half_way(path: Path) -> None:
    with changing(path) as connection:
        connection.execute("DELETE FROM owners")
        raise ZeroDivisionError


def owners(path: Path) -> int:
    with reading(path) as connection:
        return int(connection.execute("SELECT count(*) FROM owners").fetchone()[0])


def test_what_is_changed_is_changed_whole(file: Path) -> None:
    before = owners(file)
    with pytest.raises(ZeroDivisionError):
        fail_half_way(file)
    assert before == owners(file)

    forget_all(file)
    assert 0 == owners(file)


def test_who_reads_cannot_write(file: Path) -> None:
    with pytest.raises(QueueFault), reading(file) as connection:
        connection.execute("DELETE FROM owners")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(QueueFault, match="there is no such file"), reading(tmp_path / "x.db"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("PRAGMA application_id = 7", "another program"),
        ("PRAGMA user_version = 99", "newer agentserver"),
        ("PRAGMA user_version = 0", "start the daemon once"),
    ],
)
def test_a_file_of_another_kind(file: Path, statement: str, told: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()

    for visit in (reading, changing):
        with pytest.raises(QueueFault, match=told), visit(file):
            pass


@pytest.mark.parametrize("content", [b"", b"text", b"SQLite format 3\0" + bytes(84)])
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)

    with pytest.raises(QueueFault), reading(path):
        pass
    assert content == path.read_bytes()


def test_the_daemon_of_a_file(file: Path) -> None:
    assert daemon_pid(file) is None
    queue = SqliteQueue(file, exclusive=True)
    try:
        assert os.getpid() == daemon_pid(file)
    finally:
        asyncio.run(queue.aclose())
    assert daemon_pid(file) is None


def test_nobody_checkpoints_while_somebody_changes(file: Path) -> None:
    descriptor = os.open(file.with_name(f"{file.name}-maintenance"), os.O_RDWR)
    try:
        with changing(file), pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
