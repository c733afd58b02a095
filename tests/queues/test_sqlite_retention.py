"""What the file of a queue lets go, and that what is left can still be verified."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agentserver.queues import DeadLetter, Delivery, QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.verification import verify


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def message(name: str, thread_id: str, size: int = 1) -> QueuedMessage:
    return QueuedMessage(name, b"<x/>" * size, "alice", thread_id)


def dead(delivery: Delivery, at: float) -> tuple[Delivery, DeadLetter]:
    return delivery, DeadLetter(delivery.message, "test", "test", "test", None, None, at)


def asked(path: Path, sql: str) -> int:
    connection = sqlite3.connect(path)
    try:
        value: int = connection.execute(sql).fetchone()[0]
        return value
    finally:
        connection.close()


def faults(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [str(fault) for fault in verify(connection)]
    finally:
        connection.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # another thread makes it so
            await asyncio.sleep(0.05)


async def handle(queue: SqliteQueue, prefix: str, count: int, threads: int = 3) -> None:
    await queue.put([message(f"{prefix}-{number}", f"thread-{number % threads}") for number in range(count)])
    await queue.settle(Settlement(acks=await queue.take(count)))


async def test_what_is_older_than_the_retention_goes_and_the_rest_verifies(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, retention_s=100.0, clock=clock)
    await handle(queue, "old", 30)
    clock.now += 60
    await handle(queue, "new", 30)
    clock.now += 60
    await until(lambda: asked(path, "SELECT count(*) FROM endings") == 30)
    assert asked(path, "SELECT count(*) FROM messages WHERE id LIKE 'old%'") == 0
    assert asked(path, "SELECT sum(anchored) FROM conversations") == 30
    assert faults(path) == []
    await handle(queue, "newer", 3)
    assert faults(path) == []
    await queue.aclose()


async def test_a_conversation_that_is_gone_wholly_is_forgotten_and_may_begin_anew(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, retention_s=100.0, clock=clock)
    await handle(queue, "old", 30)
    clock.now += 200
    await until(lambda: asked(path, "SELECT count(*) FROM conversations") == 0)
    assert asked(path, "SELECT value FROM meta WHERE name = 'forgotten'") == 30
    await handle(queue, "new", 30)
    assert asked(path, "SELECT min(place) FROM endings") == 1
    assert faults(path) == []
    await queue.aclose()


async def test_dead_letters_outlive_the_history_and_go_in_their_own_time(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, retention_s=100.0, dead_retention_s=1_000.0, clock=clock)
    await queue.put([message("a", "t"), message("b", "t")])
    first, second = await queue.take(2)
    await queue.settle(Settlement(acks=[first], dead=[dead(second, clock.now)]))
    clock.now += 200
    await until(lambda: asked(path, "SELECT count(*) FROM endings") == 0)
    assert [letter.id for letter in queue.dead_letters] == ["b"]
    assert faults(path) == []
    clock.now += 1_000
    await until(lambda: asked(path, "SELECT count(*) FROM messages") == 0)
    assert queue.dead_letters == []
    await queue.aclose()


async def test_keys_go_behind_their_window(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, key_window_s=100.0, clock=clock)
    await queue.put([message("a", "t")])
    await queue.settle(Settlement(acks=await queue.take(1), keys=[("k", "a")]))
    clock.now += 200
    await until(lambda: asked(path, "SELECT count(*) FROM keys") == 0)
    await queue.aclose()


async def test_the_file_becomes_smaller_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, retention_s=100.0, clock=clock)
    await queue.put([message(f"a-{number}", "t", 5_000) for number in range(300)])
    await queue.settle(Settlement(acks=await queue.take(300)))
    await until(lambda: asked(path, "PRAGMA page_count") > 1_400)
    clock.now += 200
    await until(lambda: asked(path, "PRAGMA page_count") < 700)
    assert faults(path) == []
    await queue.aclose()


async def test_without_a_retention_everything_is_kept(tmp_path: Path) -> None:
    path, clock = tmp_path / "organism.db", Clock()
    queue = SqliteQueue(path, retention_s=None, clock=clock)
    await handle(queue, "old", 30)
    clock.now += 1e9
    await handle(queue, "new", 30)
    await queue.aclose()
    assert asked(path, "SELECT count(*) FROM endings") == 60
