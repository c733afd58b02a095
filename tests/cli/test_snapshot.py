"""`agentserver snapshot` and `restore`: everything of a queue in one file, and back."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agentserver.queues import QueuedMessage
from agentserver.queues.sqlite import SqliteQueue

from .queue_files import Stored, copied

THREADS = ("0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77", "1e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77")
TABLES = ("messages", "waiting", "endings", "conversations", "dead_letters", "keys")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A queue with a history, dead letters, and one message that waits."""
    stored = Stored(tmp_path_factory.mktemp("template"))
    stored.asked.touch()
    stored.run(stored.question(THREADS[0]), stored.question() + stored.question())
    stored.asked.unlink()
    stored.run(stored.question(THREADS[1]), stored.login(), b"<no xml")
    stored.command("dead", "retry", "--all", "--listener", "worker")
    stored.command("dead", "drop", "--all", "--listener", "door")
    return stored


@pytest.fixture
def stored(template: Stored, tmp_path: Path) -> Stored:
    stored = copied(template, tmp_path / "one")
    stored.path.with_name("organism.db-key").write_text("ab" * 32 + "\n")
    return stored


@pytest.fixture
def other(tmp_path: Path) -> Stored:
    return Stored(tmp_path / "other")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.snapshot"


def content(stored: Stored) -> dict[str, Any]:
    """Return what is in a file, whatever the numbers of its rows."""
    with stored.sql() as connection:
        found: dict[str, Any] = {
            "messages": "SELECT id, data, about FROM messages ORDER BY id",
            "waiting": "SELECT id, priority, crashes FROM waiting JOIN messages USING (seq) ORDER BY id",
            "endings": "SELECT id, place, e.about, hash FROM endings e JOIN messages USING (seq) ORDER BY id",
            "conversations": "SELECT name, length, head, anchored, anchor FROM conversations ORDER BY name",
            "dead_letters": "SELECT id, reason, retried_as, dropped_at FROM dead_letters JOIN messages USING (seq)"
            " ORDER BY id",
            "keys": "SELECT * FROM keys ORDER BY key",
            "books": "SELECT sum(injected) + sum(emitted), sum(settled) + sum(dead) FROM owners",
        }
        return {name: connection.execute(statement).fetchall() for name, statement in found.items()}


def test_a_snapshot_tells_what_is_in_it(stored: Stored, file: Path) -> None:
    found = stored.document("snapshot", file)

    assert (True, "stored", file.stat().st_size) == (found["ok"], found["organism"], found["bytes"])
    assert {"version": 1, "rows": 1} == found["sections"]["queue"] == found["sections"]["identity"]
    assert 3 == found["sections"]["dead_letters"]["rows"]
    assert 64 == len(found["config_sha256"])


def test_its_owner_alone_may_read_it(stored: Stored, file: Path) -> None:
    before = os.umask(0)
    try:
        stored.command("snapshot", file)
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [file.name] == [path.name for path in file.parent.iterdir() if path.is_file()]


def test_a_file_that_is_there_is_replaced_by_force_alone(stored: Stored, file: Path) -> None:
    file.write_text("precious")

    assert "--force" in stored.command("snapshot", file, code=2).stderr
    assert "precious" == file.read_text()
    stored.command("snapshot", file, "--force")
    assert file.read_bytes().startswith(b"SQLite format 3")


def test_a_folder_that_is_not_there_is_made_for_its_owner_alone(stored: Stored, file: Path) -> None:
    target = file.parent / "backup" / "of" / "today"
    stored.command("snapshot", target)

    assert target.exists()
    assert [0o700, 0o700] == [
        stat.S_IMODE(each.stat().st_mode) for each in (target.parent, target.parent.parent)
    ]


def test_a_folder_that_cannot_be_made_is_named(stored: Stored, file: Path) -> None:
    folder = file.parent / "backup"
    folder.symlink_to(file.parent / "nowhere")

    assert f"{folder} cannot be made" in stored.command("snapshot", folder / "x", code=1).stderr


def test_restored_into_nothing_it_is_the_same(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)

    found = other.document("restore", file)
    assert content(stored) == content(other)
    assert (True, "new", []) == (found["ok"], found["thread_key"], found["conflicts"])
    assert {"new": 1, "known": 0} == found["sections"]["queue"]
    assert other.document("audit", "verify")["heads"] == stored.document("audit", "verify")["heads"]
    key = other.path.with_name("organism.db-key")
    assert ("ab" * 32 + "\n", 0o600) == (key.read_text(), stat.S_IMODE(key.stat().st_mode))


def test_twice_is_once(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    other.command("restore", file)
    before = content(other)

    found = other.document("restore", file)
    assert before == content(other)
    assert [0] * 6 == [section["new"] for section in found["sections"].values()]
    assert "known" == found["thread_key"]


def test_what_waits_is_handled_in_its_new_place(
    template: Stored, stored: Stored, other: Stored, file: Path
) -> None:
    stored.command("snapshot", file)
    other.command("restore", file)
    template.asked.touch()
    try:
        books = other.run()
    finally:
        template.asked.unlink()

    assert (0, True) == (books.open, books.balanced)
    assert "handler-failed" not in [letter["code"] for letter in other.letters()]
    other.command("audit", "verify")


def test_into_a_queue_with_a_life_of_its_own(stored: Stored, other: Stored, file: Path) -> None:
    other.run(other.question(), other.login())
    stored.command("snapshot", file)

    found = other.document("restore", file)
    assert found["ok"]
    assert 5 == len(other.letters("--dealt-with"))
    assert other.document("audit", "verify")["ok"]
    assert other.document("restore", file)["ok"]
    assert other.document("audit", "verify")["ok"]


def test_what_was_handled_meanwhile_does_not_wait_again(stored: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    stored.run()

    before = content(stored)
    assert stored.document("restore", file)["ok"]
    assert before == content(stored)


def test_a_conversation_goes_on_from_where_it_was(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    other.command("restore", file)
    stored.run()
    stored.command("snapshot", file, "--force")

    found = other.document("restore", file)
    assert (True, 1, 1) == (found["ok"], found["threads_that_went_on"], found["ended_meanwhile"])
    assert content(stored) == content(other)
    assert other.document("audit", "verify")["ok"]


def test_a_conversation_that_went_on_otherwise_stays(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    other.command("restore", file)
    stored.run()
    other.run()
    before = content(other)
    stored.command("snapshot", file, "--force")

    found = other.document("restore", file, code=1)
    assert [THREADS[1]] == found["conflicts"]
    assert before == content(other)
    assert other.document("audit", "verify")["ok"]


def test_a_dry_run_changes_nothing(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)

    found = other.document("restore", file, "--dry-run")
    assert (True, 1) == (found["dry_run"], found["sections"]["queue"]["new"])
    assert not other.path.parent.exists()
    other.run(other.login())
    before = content(other)
    other.command("restore", file, "--dry-run")
    assert before == content(other)
    assert not other.path.with_name("organism.db-key").exists()


def test_no_daemon_may_run_on_the_queue(stored: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    with daemon(stored.path):
        error = stored.command("restore", file, code=1).stderr
    assert f"process {os.getpid()}" in error


@contextmanager
def daemon(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f"{path.name}-daemon"), os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def test_another_configuration_is_told(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    other.config.write_text(other.config.read_text() + "\n# changed\n")

    assert "is not the configuration" in other.command("restore", file).stderr
    assert not stored.document("restore", file)["warnings"]


def test_another_key_of_threads_is_kept_and_told(stored: Stored, other: Stored, file: Path) -> None:
    stored.command("snapshot", file)
    other.run()
    other.path.with_name("organism.db-key").write_text("cd" * 32)

    found = other.document("restore", file)
    assert ("other", 1) == (found["thread_key"], len(found["warnings"]))
    assert "cd" * 32 == other.path.with_name("organism.db-key").read_text()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE snapshot_sections SET version = 2 WHERE name = 'history'", "'history' is of version 2"),
        ("INSERT INTO snapshot_sections VALUES ('moods', 1, 0)", "knows no such section"),
        ("DELETE FROM snapshot_sections WHERE name = 'keys'", "'keys' is missing"),
        ("DELETE FROM waiting", "'queue' has 0 rows, and 1 were written"),
        ("UPDATE messages SET data = zeroblob(3)", "is not what was written"),
        ("PRAGMA user_version = 99", "version 99"),
        ("PRAGMA application_id = 1", "another program"),
    ],
)
def test_a_snapshot_that_cannot_be_used(
    stored: Stored, other: Stored, file: Path, statement: str, told: str
) -> None:
    stored.command("snapshot", file)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(statement)
    connection.close()

    assert told in other.command("restore", file, code=1).stderr
    assert not other.path.exists()


def test_a_history_that_is_not_right_is_restored_if_one_says_so(
    stored: Stored, other: Stored, file: Path
) -> None:
    with stored.sql() as connection:
        connection.execute("UPDATE dead_letters SET reason = 'x'")
    stored.command("snapshot", file)

    other.command("restore", file, code=1)
    other.command("restore", file, "--unverified")
    assert content(stored) == content(other)


@pytest.mark.parametrize("text", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_what_is_no_snapshot(other: Stored, file: Path, text: bytes) -> None:
    file.write_bytes(text)

    other.command("restore", file, code=1)
    assert not other.path.exists()


def test_a_queue_is_no_snapshot_and_a_snapshot_no_queue(stored: Stored, file: Path) -> None:
    assert "is a queue's file" in stored.command("restore", stored.path, code=1).stderr
    stored.command("snapshot", file)
    assert "is a snapshot" in stored.command("dead", "drop", "--all", "--queue", file, code=1).stderr
    assert 3 == stored.document("dead", "list", "--dealt-with", "--queue", file)["total"]


def test_a_snapshot_of_a_queue_at_work_is_of_one_moment(tmp_path: Path, other: Stored, file: Path) -> None:
    """Somebody puts pairs in, each in one commit, while snapshots are taken: there is never half a pair in one."""
    stored = Stored(tmp_path / "busy")
    slowest_s = asyncio.run(_busy(stored, file))

    assert slowest_s < 0.5  # no put waited for as long as a snapshot takes
    snapshots = sorted(file.parent.glob("backup-*.snapshot"))
    assert len(snapshots) > 2
    for each in snapshots:
        connection = sqlite3.connect(each)
        (count,) = connection.execute("SELECT count(*) FROM waiting").fetchone()
        connection.close()
        assert count % 2 == 0
        assert other.document("restore", each, "--dry-run")["ok"]


async def _busy(stored: Stored, file: Path) -> float:
    stored.path.parent.mkdir()
    queue, over = SqliteQueue(stored.path, max_waiting=1_000_000), threading.Event()
    taker = threading.Thread(target=_take_snapshots, args=(stored, file, over))
    slowest_s, number = 0.0, 0
    taker.start()
    try:
        while taker.is_alive() or number < 10:
            began = time.perf_counter()
            await queue.put([QueuedMessage(f"{number}-{half}", bytes(2_000), "ada", "t") for half in "ab"])
            slowest_s, number = max(slowest_s, time.perf_counter() - began), number + 1
    finally:
        over.set()
        await queue.aclose()
    return slowest_s


def _take_snapshots(stored: Stored, file: Path, over: threading.Event) -> None:
    for number in range(5):
        if not over.is_set():
            stored.command("snapshot", file.with_name(f"backup-{number}.snapshot"))
