"""The queue in a file, and files and disks that are not what they should be: each is told of, and nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agentserver.errors import QueueFault
from agentserver.queues import QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue, opening
from agentserver.queues.sqlite.schema import MIGRATIONS, VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "organism.db"


def log_bytes(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


def copied(path: Path, folder: Path) -> Path:
    copy = folder / "copy.db"
    shutil.copyfile(path, copy)
    return copy


def flip(path: Path, where: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(where) + 1] ^= 4
    path.write_bytes(content)


def scramble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4_096 * 3 : 4_096 * 6] = os.urandom(4_096 * 3)
    path.write_bytes(content)


def message(name: str, size: int = 10) -> QueuedMessage:
    return QueuedMessage(name, f"<{name}/>".encode() * size, "alice", "thread")


async def filled(path: Path, count: int = 20) -> None:
    queue = SqliteQueue(path)
    await queue.put([message(f"a-{number}") for number in range(count)])
    await queue.aclose()


async def all_in(path: Path) -> list[str]:
    queue, names = SqliteQueue(path), list[str]()
    while queue.books.open:
        deliveries = await asyncio.wait_for(queue.take(100), 10)
        names += [delivery.message.id for delivery in deliveries]
        await queue.settle(Settlement(acks=deliveries))
    await queue.aclose()
    return names


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\0", b"x" * 8_192])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(QueueFault, match=r"no SQLite database|damaged"):
        SqliteQueue(path)
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(QueueFault, match="the database of another program: give another path"):
        SqliteQueue(path)
    assert path.read_bytes() == before


async def test_a_file_of_a_newer_version_is_refused_with_both_versions(path: Path) -> None:
    await filled(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(
        QueueFault, match=f"version {VERSION + 1} of its form, and this one knows version {VERSION}"
    ):
        SqliteQueue(path)


async def test_a_damaged_file_is_refused_and_says_what_to_do(path: Path) -> None:
    await filled(path, 500)
    scramble(path)
    with pytest.raises(QueueFault, match="restore a snapshot"):
        SqliteQueue(path)


async def test_a_folder_that_is_not_there_is_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "queue" / "organism.db"
    await filled(path)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(QueueFault, match="cannot be made"):
        SqliteQueue(tmp_path / "file" / "organism.db")


def test_a_folder_in_the_place_of_the_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(QueueFault, match="is no file"):
        SqliteQueue(tmp_path)


async def test_a_file_that_may_not_be_written_is_a_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(path)
    real = (
        os.access
    )  # root may write everything, so the system is made to say what it would say of another user
    monkeypatch.setattr(os, "access", lambda file, mode: not mode & os.W_OK and real(file, mode))
    with pytest.raises(QueueFault, match="may not be written: give this user the right"):
        SqliteQueue(path)


async def test_f5_a_row_of_which_a_bit_has_flipped_is_put_aside_and_the_others_flow(path: Path) -> None:
    await filled(path)
    flip(path, b"<a-7/>")
    names = await all_in(path)
    queue = SqliteQueue(path)
    letters = [(letter.id, letter.code, letter.message.data[:6]) for letter in queue.dead_letters]
    await queue.aclose()
    assert names == [f"a-{number}" for number in range(20) if number != 7]
    assert letters == [("a-7", "damaged", b"<e-7/>")]


@pytest.mark.parametrize("seed", range(5))
async def test_f4_of_a_torn_log_the_end_alone_is_missing(path: Path, tmp_path: Path, seed: int) -> None:
    queue = SqliteQueue(path)
    for number in range(30):
        await queue.put([message(f"a-{number}")])
    copy = copied(path, tmp_path)
    shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    os.truncate(f"{copy}-wal", random.Random(seed).randrange(log_bytes(path)))
    await queue.aclose()
    names = await all_in(copy)
    assert names == [f"a-{number}" for number in range(len(names))]


async def test_a_copy_without_its_log_opens_and_the_end_alone_is_missing(path: Path, tmp_path: Path) -> None:
    queue = SqliteQueue(path)
    for number in range(30):
        await queue.put([message(f"a-{number}")])
    copy = copied(path, tmp_path)
    await queue.aclose()
    opens = True
    try:
        names = await all_in(copy)
    except QueueFault:  # it was copied before its tables were in it
        opens, names = False, []
    assert names == [f"a-{number}" for number in range(len(names))]
    assert opens or copy.stat().st_size <= 4_096  # it is there


async def test_a_lock_of_another_program_is_waited_for(path: Path) -> None:
    queue = SqliteQueue(path)
    await queue.put([message("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    putting = asyncio.create_task(queue.put([message("b")]))
    await asyncio.sleep(0.1)
    assert not putting.done()
    other.execute("ROLLBACK")
    other.close()
    await asyncio.wait_for(putting, 10)
    await queue.aclose()


@pytest.mark.slow
async def test_f8_a_reader_that_stays_open_is_told_of_and_the_log_begins_anew_without_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = SqliteQueue(path)
    await queue.put([message("a")])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM messages").fetchone()
    with caplog.at_level(logging.WARNING):
        for number in range(40):
            await queue.put([QueuedMessage(f"b-{number}-{each}", b"x" * 100_000) for each in range(20)])
            await queue.settle(Settlement(acks=await queue.take(20)))
        await asyncio.sleep(1)
    told = [record.message for record in caplog.records]
    assert told == [
        "the log of the queue's file grows, as another program keeps reading an old state of it; end that"
    ]
    reader.close()
    await queue.put([message("c")])
    await asyncio.sleep(1)
    grown = log_bytes(path)
    await queue.put([message(f"d-{number}", 1_000) for number in range(100)])
    assert log_bytes(path) == grown
    await queue.aclose()


FULL = """
import asyncio, os, subprocess, sys
from agentserver.errors import QueueFull
from agentserver.queues import QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue, opening

async def main(folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=True)
    filler = os.path.join(folder, "filler")
    queue = SqliteQueue(os.path.join(folder, "organism.db"))
    await queue.put([QueuedMessage("first", b"x")])
    deliveries = await queue.take(1)
    file = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        os.close(file)
    putting = asyncio.create_task(queue.put([QueuedMessage(f"a-{n}", b"x" * 20_000) for n in range(50)]))
    settling = asyncio.create_task(queue.settle(Settlement(acks=deliveries)))
    while True:
        await asyncio.sleep(0.05)
        try:
            await queue.put([QueuedMessage("b", b"x" * 200_000)], wait=False)
        except QueueFull as exc:
            print("refused:", exc)
            break
    print("waits:", not putting.done(), queue.books.balanced)
    os.unlink(filler)
    await asyncio.wait_for(putting, 10)
    await asyncio.wait_for(settling, 10)
    print("went on:", queue.books.injected, queue.books.settled, queue.books.balanced)
    await queue.aclose()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root to mount a small disk"
)
def test_f6_a_full_disk_refuses_what_cannot_wait_and_all_goes_on_once_there_is_room(tmp_path: Path) -> None:
    command = ["unshare", "-m", sys.executable, "-c", FULL, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = ended.stdout.splitlines()
    assert (ended.returncode, len(lines)) == (0, 3), ended.stderr
    assert "the disk is full: make room" in lines[0]
    assert lines[1:] == ["waits: True True", "went on: 51 1 True"]
    assert "the queue's file cannot be written; it is tried again and again" in ended.stderr
    assert "the queue's file can be written again" in ended.stderr


async def test_a_file_of_an_older_version_is_brought_forward_with_all_that_is_in_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    further = (
        "ALTER TABLE keys ADD COLUMN note TEXT;\nUPDATE meta SET value = 'seen' WHERE name = 'created_at';",
    )
    monkeypatch.setattr(opening, "MIGRATIONS", MIGRATIONS + further)
    monkeypatch.setattr(opening, "VERSION", VERSION + 1)
    assert await all_in(path) == [f"a-{number}" for number in range(20)]
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    done = connection.execute("SELECT value FROM meta WHERE name = 'created_at'").fetchone()[0]
    connection.close()
    assert (version, done) == (VERSION + 1, "seen")


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    further = ("ALTER TABLE keys ADD COLUMN note TEXT;\nSELECT no_such_function();",)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", MIGRATIONS + further)
        patch.setattr(opening, "VERSION", VERSION + 1)
        with pytest.raises(QueueFault):
            SqliteQueue(path)
    assert await all_in(path) == [f"a-{number}" for number in range(20)]
