"""The queue in memory, and a model of it: whatever is done in whatever order, the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agentserver.errors import PumpClosed
from agentserver.queues import DeadLetter, Delivery, MemoryQueue, QueuedMessage, Settlement


def message(name: str, size: int = 1) -> QueuedMessage:
    return QueuedMessage(name, b"x" * size)


def names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.id for delivery in deliveries]


def dead(delivery: Delivery) -> tuple[Delivery, DeadLetter]:
    return delivery, DeadLetter(delivery.message, "test", "test", "test", None, None, 0.0)


async def test_messages_come_in_the_order_in_which_they_were_put() -> None:
    queue = MemoryQueue()
    await queue.put([message("a"), message("b"), message("c")])
    assert names(await queue.take(2)) + names(await queue.take(2)) == ["a", "b", "c"]


async def test_take_waits_for_a_message() -> None:
    queue = MemoryQueue()
    taking = asyncio.create_task(queue.take(5))
    await asyncio.sleep(0)
    await queue.put([message("a")])
    assert names(await taking) == ["a"]


async def test_a_take_that_was_cancelled_loses_nothing() -> None:
    queue = MemoryQueue()
    first, second = asyncio.create_task(queue.take(5)), asyncio.create_task(queue.take(5))
    await asyncio.sleep(0)
    await queue.put([message("a")])
    first.cancel()
    assert names(await asyncio.wait_for(second, 5)) == ["a"]


@pytest.mark.parametrize("limit", [0, -1])
async def test_take_of_nothing_is_refused_as_it_would_look_closed(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        await MemoryQueue().take(limit)


async def test_take_gives_nothing_once_closed() -> None:
    queue = MemoryQueue()
    taking = asyncio.create_task(queue.take(5))
    await asyncio.sleep(0)
    queue.close()
    assert (await taking, await queue.take(1)) == ([], [])


async def test_put_is_refused_once_closed() -> None:
    queue = MemoryQueue()
    await queue.aclose()
    with pytest.raises(PumpClosed):
        await queue.put([message("a")])


@pytest.mark.parametrize("queue", [MemoryQueue(2), MemoryQueue(max_waiting_bytes=2)])
async def test_put_waits_while_the_queue_is_full(queue: MemoryQueue) -> None:
    putting = asyncio.create_task(queue.put([message("a"), message("b"), message("c")]))
    await asyncio.sleep(0)
    before = queue.books.waiting
    await queue.take(1)
    await putting
    assert (before, queue.books.waiting) == (2, 2)


async def test_depth_first_serves_what_was_emitted_before_what_is_new() -> None:
    queue = MemoryQueue(depth_first=True)
    await queue.put([message("a"), message("b")])
    (delivery,) = await queue.take(1)
    await queue.settle(Settlement(acks=[delivery], puts=[QueuedMessage("a.0", b"x", hop=1)]))
    assert names(await queue.take(5)) == ["a.0", "b"]


async def test_a_delivery_is_settled_once() -> None:
    queue = MemoryQueue()
    await queue.put([message("a")])
    deliveries = await queue.take(1)
    for _ in range(2):
        await queue.settle(Settlement(acks=deliveries))
    assert (queue.books.settled, queue.books.in_flight, queue.books.balanced) == (1, 0, True)


async def test_recover_puts_back_what_was_taken_first_and_in_order() -> None:
    queue = MemoryQueue()
    await queue.put([message(name) for name in "abcd"])
    await queue.take(3)
    assert (queue.recover(), names(await queue.take(9))) == (3, ["a", "b", "c", "d"])


async def test_a_late_settlement_of_what_was_recovered_has_no_effect() -> None:
    queue = MemoryQueue()
    await queue.put([message("a")])
    deliveries = await queue.take(1)
    queue.recover()
    await queue.settle(Settlement(acks=deliveries))
    assert (queue.books.settled, queue.books.waiting, queue.books.balanced) == (0, 1, True)


async def test_a_split_counts_its_parts_as_emitted_and_taken() -> None:
    queue = MemoryQueue()
    await queue.put([message("a")])
    (delivery,) = await queue.take(1)
    parts = await queue.split(delivery, [message("a:0"), message("a:1")])
    assert (names(parts), queue.books.in_flight, queue.books.balanced) == (["a:0", "a:1"], 2, True)


async def test_idle_waits_until_the_last_message_is_settled() -> None:
    queue = MemoryQueue()
    await queue.put([message("a")])
    idle = asyncio.create_task(queue.idle())
    deliveries = await queue.take(1)
    await asyncio.sleep(0)
    early = idle.done()
    await queue.settle(Settlement(acks=deliveries))
    await asyncio.wait_for(idle, 5)
    assert not early


@pytest.mark.parametrize("queue", [MemoryQueue(max_dead_letters=2), MemoryQueue(max_dead_bytes=20)])
async def test_only_the_last_dead_letters_are_kept_and_all_are_counted(queue: MemoryQueue) -> None:
    await queue.put([message(name, 10) for name in "abc"])
    await queue.settle(Settlement(dead=[dead(delivery) for delivery in await queue.take(3)]))
    assert ([letter.message.id for letter in queue.dead_letters], queue.books.dead) == (["b", "c"], 3)


class QueueModel(RuleBasedStateMachine):
    """Do anything in any order, beside lists that say what the queue should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.queue = MemoryQueue(max_waiting=10_000)
        self.waiting: list[str] = []
        self.taken: list[Delivery] = []
        self.made = 0

    @contextmanager
    def new_names(self, count: int) -> Iterator[list[str]]:
        yield [str(n) for n in range(self.made, self.made + count)]
        self.made += count

    @rule(count=st.integers(1, 5))
    def put(self, count: int) -> None:
        with self.new_names(count) as new:
            self.loop.run_until_complete(self.queue.put([message(name) for name in new]))
            self.waiting += new

    @rule(limit=st.integers(1, 5))
    def take(self, limit: int) -> None:
        if self.waiting:
            taken = self.loop.run_until_complete(self.queue.take(limit))
            assert names(taken) == self.waiting[:limit]
            self.taken += taken
            del self.waiting[:limit]

    @rule(data=st.data(), emitted=st.integers(0, 3))
    def settle(self, data: st.DataObject, emitted: int) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.taken), unique=True) if self.taken else st.just([]))
        half = len(chosen) // 2
        with self.new_names(emitted) as new:
            outcome = Settlement(chosen[:half], [message(n) for n in new], [dead(d) for d in chosen[half:]])
            self.loop.run_until_complete(self.queue.settle(outcome))
            self.waiting += new
        self.taken = [delivery for delivery in self.taken if delivery not in chosen]

    @rule(parts=st.integers(1, 3))
    def split(self, parts: int) -> None:
        if self.taken:
            delivery = self.taken.pop()
            with self.new_names(parts) as new:
                self.taken += self.loop.run_until_complete(
                    self.queue.split(delivery, [message(n) for n in new])
                )

    @rule()
    def recover(self) -> None:
        assert self.queue.recover() == len(self.taken)
        self.waiting = names(self.taken) + self.waiting
        self.taken = []

    @invariant()
    def books_balance(self) -> None:
        books = self.queue.books
        assert books.balanced
        assert (books.waiting, books.in_flight) == (len(self.waiting), len(self.taken))

    def teardown(self) -> None:
        self.loop.close()


QueueModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestQueueModel = QueueModel.TestCase
