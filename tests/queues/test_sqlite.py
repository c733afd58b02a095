"""The queue in a file: what it promises beyond what every queue does, with real files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentserver.errors import PumpClosed, QueueFault, QueueFull
from agentserver.queues import DeadLetter, Delivery, Frame, QueuedMessage, Record, Settlement
from agentserver.queues.protocol import Joint
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.verification import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "organism.db"


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[SqliteQueue]:
    queue = SqliteQueue(path, **options)
    try:
        yield queue
    finally:
        await queue.aclose()
        assert queue.books.balanced


def message(name: str, thread_id: str = "thread", **more: Any) -> QueuedMessage:
    return QueuedMessage(name, f"<{name}/>".encode(), "alice", thread_id, **more)


def child(parent: QueuedMessage) -> QueuedMessage:
    return message(f"{parent.id}.0", parent_id=parent.id, hop=parent.hop + 1)


def names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.id for delivery in deliveries]


def dead(delivery: Delivery, code: str = "test") -> tuple[Delivery, DeadLetter]:
    own = delivery.message
    return delivery, DeadLetter(
        own, "dispatch", code, "why", own.sender, own.thread_id, 5.0, True, b"<c/>", "a/b", "bob"
    )


def asked(path: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def balance(path: Path) -> bool:
    sums = "SELECT sum(injected + emitted) - sum(settled + dead), (SELECT count(*) FROM waiting) FROM owners"
    ((difference, waiting),) = asked(path, sums)
    return bool(difference == waiting)


async def test_what_was_put_is_there_for_the_next_process(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a"), message("b")])
    async with opened(path) as queue:
        assert names(await queue.take(5)) == ["a", "b"]


async def test_every_part_of_a_message_is_kept(path: Path) -> None:
    sent = QueuedMessage(
        "a-1", bytes(range(256)), None, None, (Frame("x", "t1", "m"), Frame("y", "t2", "n", Joint("g", 1, 3))), True,
        True, "greeter.greeting", "a", 7, 2, 3, 1.5, None, None, 4, "t3", 2, 0, ("entity", "recovered"), "a-0", "bob",
        Joint("h", 0, 2), "key", 0, 2, 12.25,
    )  # fmt: skip
    async with opened(path) as queue:
        await queue.put([sent])
    async with opened(path) as queue:
        assert [delivery.message for delivery in await queue.take(1)] == [sent]


async def test_what_was_settled_is_not_there_again_and_what_it_emitted_is(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a"), message("b")])
        first, second = await queue.take(2)
        await queue.settle(Settlement(acks=[first], puts=[child(first.message)], dead=[dead(second)]))
    async with opened(path) as queue:
        assert names(await queue.take(5)) == ["a.0"]


async def test_what_was_taken_and_not_settled_waits_for_the_next_process(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        await queue.take(1)
    async with opened(path) as queue:
        assert names(await queue.take(5)) == ["a"]


async def test_a_retry_keeps_its_attempt_and_its_time(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        (delivery,) = await queue.take(1)
        due = time.time() + 0.3
        await queue.settle(Settlement(retries=[(delivery, message("a", attempt=2, deliver_at=due))]))
    async with opened(path) as queue:
        (again,) = await queue.take(1)
        assert (again.message.attempt, round(again.message.deliver_at, 3)) == (2, round(due, 3))
        assert time.time() >= due - 0.001


async def test_the_books_go_on_over_the_life_of_the_file(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a"), message("b"), message("c")])
        first, second = await queue.take(2)
        await queue.settle(Settlement(acks=[first], puts=[child(first.message)], dead=[dead(second)]))
        before = queue.books
    async with opened(path) as queue:
        books = queue.books
        assert (books.injected, books.emitted, books.settled, books.dead, books.waiting) == (3, 1, 1, 1, 2)
    assert before.balanced
    assert balance(path)


@pytest.mark.parametrize("again", ["waiting", "ended"])
async def test_an_id_is_put_in_once(path: Path, again: str) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        if again == "ended":
            await queue.settle(Settlement(acks=await queue.take(1)))
        await queue.put([message("b"), message("a"), message("b")])
        assert (queue.books.injected, queue.books.waiting) == (2, 2 - (again == "ended"))


async def test_outputs_that_are_emitted_again_are_there_once(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        (delivery,) = await queue.take(1)
        await queue.settle(Settlement(puts=[child(delivery.message)]))
        await queue.settle(Settlement(acks=[delivery], puts=[child(delivery.message)]))
        assert (names(await queue.take(5)), queue.books.emitted) == (["a.0"], 1)


async def test_a_delivery_that_was_recovered_is_left_alone_with_what_it_emitted(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        (delivery,) = await queue.take(1)
        queue.recover()
        await queue.settle(Settlement(acks=[delivery], puts=[child(delivery.message)]))
        assert names(await queue.take(5)) == ["a"]


async def test_the_parts_of_an_input_are_taken_already(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        (delivery,) = await queue.take(1)
        parts = await queue.split(delivery, [message("a:0"), message("a:1")])
        assert (names(parts), queue.books.in_flight) == (["a:0", "a:1"], 2)
        await queue.settle(Settlement(acks=parts))
    assert asked(path, "SELECT outcome FROM endings ORDER BY seq") == [("split",), ("done",), ("done",)]


async def test_dead_letters_are_kept_whole(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a"), message("b")])
        deliveries = await queue.take(2)
        letters = [dead(delivery) for delivery in deliveries]
        await queue.settle(Settlement(dead=letters))
    async with opened(path) as queue:
        for letter in queue.dead_letters:
            letter.message.queued_at = 0.0
        assert queue.dead_letters != []
        found = [(letter.id, letter.stage, letter.reason, letter.canonical) for letter in queue.dead_letters]
        assert found == [(name, "dispatch", "why", b"<c/>") for name in ("a", "b")]


async def test_a_key_is_known_from_its_settlement_until_its_window_is_over(path: Path) -> None:
    now = 1_000.0
    async with opened(path, clock=lambda: now, key_window_s=60.0) as queue:
        await queue.put([message("a"), message("b")])
        first, second = await queue.take(2)
        assert await queue.known(["k"]) == {}
        await queue.settle(Settlement(acks=[first], keys=[("k", "a")]))
        now += 59
        await queue.settle(Settlement(acks=[second], keys=[("k", "b")]))
        assert await queue.known(["k", "other"]) == {"k": "a"}
        now += 2
        assert await queue.known(["k"]) == {}


async def test_the_history_says_what_the_pump_says_and_verifies(path: Path) -> None:
    record = Record(
        "a", "done", b"<canonical/>", "root", "branch", "alice", "bob", "bob.x", "X", "", 1.0, 2.0
    )
    async with opened(path) as queue:
        await queue.put([message("a"), message("b", "root"), message("c", "other")])
        deliveries = await queue.take(3)
        await queue.settle(Settlement(acks=deliveries, records=[record]))
    columns = "place, listener, tag, to_id, began_at, ended_at, canonical"
    of_root = f"SELECT {columns} FROM endings JOIN conversations ON number = conversation WHERE name = 'root'"
    assert asked(path, of_root)[0] == (1, "bob.x", "X", "bob", 1.0, 2.0, b"<canonical/>")
    connection = sqlite3.connect(path)
    assert list(verify(connection)) == []
    connection.execute("UPDATE messages SET data = x'00' WHERE id = 'b'")
    connection.commit()
    assert [fault.message_id for fault in verify(connection)] == ["b"]
    connection.close()


async def test_a_conversation_goes_on_where_another_process_left_it(path: Path) -> None:
    for name in "abc":
        async with opened(path) as queue:
            await queue.put([message(name)])
            await queue.settle(Settlement(acks=await queue.take(1)))
    assert asked(path, "SELECT place FROM endings ORDER BY seq") == [(1,), (2,), (3,)]


async def test_put_without_waiting_is_refused_when_there_is_no_room(path: Path) -> None:
    async with opened(path, max_waiting=2) as queue:
        await queue.put([message("a")])
        with pytest.raises(QueueFull, match=r"limits\.queue_messages"):
            await queue.put([message("b"), message("c")], wait=False)
        await queue.put([message("d")], wait=False)
        assert queue.books.waiting == 2


async def test_put_waits_while_the_queue_is_full(path: Path) -> None:
    async with opened(path, max_waiting=2) as queue:
        putting = asyncio.create_task(queue.put([message(name) for name in "abc"]))
        taken = names(await queue.take(1))
        await asyncio.wait_for(putting, 5)
        assert (taken, queue.books.injected) == (["a"], 3)


async def test_nothing_is_put_once_it_is_closed(path: Path) -> None:
    queue = SqliteQueue(path)
    await queue.aclose()
    await queue.aclose()
    with pytest.raises(PumpClosed):
        await queue.put([message("a")])


async def test_it_leaves_one_file_when_nothing_waits(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        await queue.settle(Settlement(acks=await queue.take(1)))
    assert {each.name for each in path.parent.iterdir()} <= {path.name, f"{path.name}-maintenance"}


async def test_idle_does_not_wait_for_what_is_due_much_later_or_held(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a", deliver_at=time.time() + 3_600), message("b")])
        (delivery,) = await queue.take(5)
        await queue.settle(Settlement(held=[(delivery, "lane")]))
        await asyncio.wait_for(queue.idle(), 5)
        assert queue.books.waiting == 2
        assert queue.release("lane", 1) == 0
        assert names(await queue.take(1)) == ["b"]


async def test_a_conversation_with_very_many_messages_does_not_shut_out_another(path: Path) -> None:
    async with opened(path, max_waiting=10_000, max_loaded=500) as queue:
        await queue.put([message(f"a-{number}", "large") for number in range(3_000)])
        await queue.put([message("b", "small")])
        taken = names(await queue.take(50))
        assert "b" in taken


async def test_what_is_only_in_the_file_comes_in_its_order(path: Path) -> None:
    wanted = [f"a-{number}" for number in range(3_000)]
    taken: list[str] = []
    async with opened(path, max_waiting=10_000, max_loaded=200) as queue:
        await queue.put([message(name) for name in wanted])
        while len(taken) < len(wanted):
            deliveries = await asyncio.wait_for(queue.take(50), 5)
            taken += names(deliveries)
            await queue.settle(Settlement(acks=deliveries))
    assert taken == wanted


async def test_what_is_only_in_the_file_is_withdrawn_as_well(path: Path) -> None:
    async with opened(path, max_waiting=10_000, max_loaded=100) as queue:
        await queue.put([message(f"a-{number}", f"thread-{number % 2}") for number in range(1_000)])
        withdrawn = queue.withdraw(lambda waiting: waiting.thread_id == "thread-1")
        assert (len(withdrawn), queue.books.waiting) == (500, 500)
        await queue.settle(Settlement(acks=withdrawn))
        rest: list[str] = []
        while len(rest) < 500:
            rest += names(await asyncio.wait_for(queue.take(100), 5))
        assert rest == [f"a-{number}" for number in range(0, 1_000, 2)]


async def test_a_change_that_cannot_be_stored_harms_no_other(path: Path) -> None:
    async with opened(path) as queue:
        results = await asyncio.gather(
            queue.put([message("a")]),
            queue.put([QueuedMessage("\ud800", b"")], wait=False),
            return_exceptions=True,
        )
        assert (results[0], type(results[1])) == (None, UnicodeEncodeError)
        assert names(await queue.take(5)) == ["a"]


async def test_two_queues_on_one_file_take_disjoint_messages_and_write_one_history(path: Path) -> None:
    async with opened(path) as one, opened(path) as other:
        for number in range(10):
            await asyncio.gather(one.put([message(f"a-{number}")]), other.put([message(f"b-{number}")]))
        taken = [await one.take(50), await other.take(50)]
        await asyncio.gather(one.settle(Settlement(acks=taken[0])), other.settle(Settlement(acks=taken[1])))
        assert [{name[0] for name in names(each)} for each in taken] == [{"a"}, {"b"}]
    connection = sqlite3.connect(path)
    assert list(verify(connection)) == []
    connection.close()
    assert balance(path)


async def test_a_second_exclusive_queue_is_refused_at_once_and_told_by_whom(path: Path) -> None:
    async with opened(path, exclusive=True):
        script = (
            f"from agentserver.queues.sqlite import SqliteQueue; SqliteQueue({str(path)!r}, exclusive=True)"
        )
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert ended.returncode != 0
    assert f"QueueFault: {path} is in use by another agentserver, process {os.getpid()}" in ended.stderr


async def test_what_another_process_puts_in_for_nobody_is_noticed(path: Path) -> None:
    async with opened(path) as queue:
        await queue.put([message("a")])
        await queue.settle(Settlement(acks=await queue.take(1)))
        taking = asyncio.create_task(queue.take(1))
        put_for_nobody = """
            from agentserver.queues import QueuedMessage
            from agentserver.queues.sqlite.rows import message_row
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None)
            c.execute("BEGIN IMMEDIATE")
            row = message_row(QueuedMessage("b", b"<b/>", "bob", "t"), 1.0)
            c.execute("INSERT INTO messages (id, data, about, digest) VALUES (?, ?, ?, ?)", row)
            c.execute("INSERT INTO waiting (seq, owner) SELECT seq, 0 FROM messages WHERE id = 'b'")
            c.execute("UPDATE owners SET injected = injected + 1 WHERE number = 0")
            c.execute("COMMIT")
        """
        script = "\n".join(line.strip() for line in put_for_nobody.splitlines())
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", script, str(path)], check=True, timeout=30
        )
        deliveries = await asyncio.wait_for(taking, 5)
        assert (names(deliveries), queue.books.injected, queue.books.balanced) == (["b"], 2, True)
        await queue.settle(Settlement(acks=deliveries))


async def test_settling_is_refused_once_it_is_closed(path: Path) -> None:
    queue = SqliteQueue(path)
    await queue.put([message("a")])
    deliveries = await queue.take(1)
    await queue.aclose()
    with pytest.raises(PumpClosed):
        await queue.settle(Settlement(acks=deliveries))


def test_a_file_that_cannot_be_used_is_a_queue_fault() -> None:
    with pytest.raises(QueueFault):
        SqliteQueue("/proc/organism.db")
