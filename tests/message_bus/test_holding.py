"""A listener that is not called now keeps its messages outside the pipeline, however many: nobody else's wait for them.

What is counted is order and places, not time: in virtual time, an organism gets as far as it can while one sleeps.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import Limits, OrganismConfig
from agentserver.queues.sqlite import SqliteQueue
from agentserver.testing.virtual_time import virtual_time
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, ping, pump_of

PONG = b"<Pong><Text>x</Text></Pong>"


class Sleeper:
    """A handler that sleeps until it is woken, or for a while, and tells who was called in which order."""

    def __init__(self, for_s: float | None = None) -> None:
        self.for_s = for_s
        self.called: list[str] = []
        self.awake = asyncio.Event()
        self.now = self.most = 0

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> None:
        self.called.append(payload.text)
        self.now += 1
        self.most = max(self.most, self.now)
        if self.for_s is not None:
            await asyncio.sleep(self.for_s)
        else:
            await self.awake.wait()
        self.now -= 1


async def settle_down(turns: int = 50) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def with_a_neighbour(sleeper: Sleeper, neighbour: Any, queued: int = 20_000, **options: Any) -> StreamPump:
    return pump_of(
        listener("sleeper", Ping, sleeper, **options), listener("neighbour", Pong, neighbour),
        limits=Limits(queue_messages=queued, handler_timeout_s=10_000), max_concurrent_pipelines=10,
    )  # fmt: skip


async def queue_up(pump: StreamPump, count: int, thread: Callable[[int], str | None]) -> None:
    for number in range(count):
        await pump.inject(ping(str(number), to="sleeper"), thread(number), "user")


@pytest.mark.parametrize("thread", [lambda _: THREAD, lambda _: None], ids=["one conversation", "many"])
@pytest.mark.parametrize(
    "options", [{"max_concurrent": 1}, {"is_agent": True}, {}], ids=["one", "agent", "plain"]
)
@virtual_time
async def test_a_listener_asleep_with_10_000_messages_holds_up_nobody(
    options: Any, thread: Callable[[int], str | None]
) -> None:
    sleeper, neighbour = Sleeper(), Recorder()
    pump = with_a_neighbour(sleeper, neighbour, **options)
    async with running(pump):
        await queue_up(pump, 10_000, thread)
        answered = []
        for count in range(1, 101):
            await pump.inject(PONG, None, "user")
            await settle_down(40_000 if count == 1 else 50)
            answered.append(len(neighbour.payloads))
        asleep = (asyncio.get_running_loop().time(), len(sleeper.called))
        sleeper.awake.set()
        await pump.drained()

    assert answered == list(range(1, 101))
    assert (asleep[0], asleep[1] <= 15) == (0, True)
    assert sorted(sleeper.called, key=int) == [str(number) for number in range(10_000)]
    assert pump.books.settled == 10_100


@virtual_time
async def test_messages_of_one_conversation_keep_their_order_though_they_go_back_to_the_queue() -> None:
    sleeper = Sleeper(for_s=0.01)
    pump = with_a_neighbour(sleeper, Recorder(), max_concurrent=1)
    async with running(pump):
        for number in range(1_000):
            await pump.inject(ping(str(number), to="sleeper"), THREAD, "user")
            if number % 10 == 0:
                await asyncio.sleep(0.05)
        await pump.drained()

    assert sleeper.called == [str(number) for number in range(1_000)]


@virtual_time
async def test_what_is_held_is_handled_as_fast_as_its_listener_can() -> None:
    sleeper = Sleeper(for_s=1)
    pump = with_a_neighbour(sleeper, Recorder(), max_concurrent=5)
    async with running(pump):
        await queue_up(pump, 1_000, lambda _: None)
        await pump.drained()

    assert (sleeper.most, round(asyncio.get_running_loop().time())) == (5, 200)


@virtual_time
async def test_a_cancellation_reaches_what_is_held() -> None:
    sleeper = Sleeper()
    pump = with_a_neighbour(sleeper, Recorder(), max_concurrent=1)
    other = "0c7be1a5-56f0-4a65-9b29-6c1a53c3f1f0"
    async with running(pump):
        await queue_up(pump, 2_000, lambda number: other if number % 2 else THREAD)
        await settle_down(500)
        ended = await pump.cancel(THREAD)
        sleeper.awake.set()
        await pump.drained()

    assert ended == 1_000
    assert [int(text) for text in sleeper.called[1:]] == list(range(1, 2_000, 2))


@virtual_time
async def test_a_shutdown_gives_what_is_held_the_time_that_there_is() -> None:
    sleeper = Sleeper(for_s=0.5)
    pump = with_a_neighbour(sleeper, Recorder(), max_concurrent=2)
    async with running(pump, drain_timeout_s=50):
        await queue_up(pump, 300, lambda _: None)

    assert (195 <= pump.books.settled <= 200, pump.books.open, pump.books.balanced) == (True, 0, True)
    assert pump.books.dead == 300 - pump.books.settled


@virtual_time
async def test_a_reload_of_the_bound_is_followed_by_what_is_held() -> None:
    sleeper = Sleeper(for_s=1)
    pump = with_a_neighbour(sleeper, Recorder(), max_concurrent=1)
    async with running(pump):
        await queue_up(pump, 500, lambda _: None)
        await asyncio.sleep(10)
        await pump.reload(with_a_neighbour(sleeper, Recorder(), max_concurrent=6).config)
        called, begun_s = len(sleeper.called), asyncio.get_running_loop().time()
        await pump.drained()
        took_s = asyncio.get_running_loop().time() - begun_s

    assert (sleeper.most, len(sleeper.called)) == (6, 500)
    assert took_s <= (500 - called) / 6 + 3


@virtual_time
async def test_a_listener_whose_calls_wait_leaves_a_quarter_of_the_places_to_others() -> None:
    sleeper, other, third = Sleeper(), Sleeper(for_s=1), Recorder()
    pump = pump_of(
        listener("sleeper", Ping, sleeper), listener("other", Ping, other), listener("third", Pong, third),
        limits=Limits(handler_timeout_s=10_000), max_concurrent_handlers=20,
    )  # fmt: skip
    async with running(pump):
        for number in range(100):
            await pump.inject(ping(str(number), to="sleeper"), None, "user")
        for number in range(6):
            await pump.inject(ping(str(number), to="other"), None, "user")
        await asyncio.sleep(0.5)
        await pump.inject(PONG, None, "user")
        await asyncio.sleep(0.1)
        during = (sleeper.now, other.now, len(third.payloads))
        await asyncio.sleep(2)
        called = len(other.called)
        sleeper.awake.set()
        await pump.drained()

    assert during == (15, 3, 1)
    assert (called, len(sleeper.called)) == (6, 100)


@virtual_time
async def test_a_listener_that_is_alone_gets_all_the_places() -> None:
    sleeper = Sleeper(for_s=1)
    pump = pump_of(listener("sleeper", Ping, sleeper), max_concurrent_handlers=8)
    async with running(pump):
        for number in range(20):
            await pump.inject(ping(str(number), to="sleeper"), None, "user")
        await pump.drained()

    assert (sleeper.most, len(sleeper.called)) == (8, 20)


async def test_handlers_in_threads_keep_to_the_bound_and_leave_places_to_others() -> None:
    awake, calls = threading.Event(), threading.Semaphore(0)
    most, now, lock = 0, 0, threading.Lock()

    def blocking(payload: Ping, metadata: HandlerMetadata) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        calls.release()
        awake.wait(30)
        with lock:
            now -= 1

    neighbour = Recorder()
    pump = pump_of(
        listener("blocking", Ping, blocking),
        listener("neighbour", Pong, neighbour),
        max_concurrent_handlers=8,
    )
    async with running(pump):
        for _ in range(300):
            await pump.inject(ping(to="blocking"), None, "user")
        await pump.inject(PONG, None, "user")
        await asyncio.to_thread(calls.acquire)
        await asyncio.wait_for(_until(lambda: len(neighbour.payloads) == 1), 20)
        during = most
        awake.set()
        await pump.drained()

    assert (during <= 6, most <= 8, pump.books.settled) == (True, True, 301)


@virtual_time
async def test_two_conversations_are_served_by_turns_though_one_has_10_000_messages() -> None:
    order: list[str] = []

    async def note(payload: Any, metadata: HandlerMetadata) -> None:
        order.append(type(payload).__name__)

    pump = pump_of(
        listener("ping", Ping, note), listener("pong", Pong, note), limits=Limits(queue_messages=20_000)
    )
    for _ in range(10_000):
        await pump.inject(ping(to="ping"), THREAD, "user")
    for _ in range(3):
        await pump.inject(PONG, "2b9be1a5-56f0-4a65-9b29-6c1a53c3f1f0", "user")
    async with running(pump):
        await pump.drained()

    assert [place for place, name in enumerate(order) if name == "Pong"] == [1, 3, 5]


@virtual_time
async def test_a_conversation_of_many_hops_and_one_of_many_messages_take_turns() -> None:
    order: list[str] = []

    async def again(payload: Amount, metadata: HandlerMetadata) -> Any:
        order.append("hop")
        return HandlerResponse(Amount(payload.value - 1), to="amount") if payload.value else None

    async def note(payload: Any, metadata: HandlerMetadata) -> None:
        order.append("message")

    pump = pump_of(
        listener("amount", Amount, again), listener("ping", Ping, note), max_concurrent_pipelines=1,
        limits=Limits(queue_messages=20_000),
    )  # fmt: skip
    for _ in range(2_000):
        await pump.inject(ping(to="ping"), THREAD, "user")
    await pump.inject(b"<Amount><Value>50</Value></Amount>", None, "user")
    async with running(pump):
        await pump.drained()

    assert order[:102].count("hop") == 51


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # what it looks at is changed in threads
        await asyncio.sleep(0.01)


def in_a_file(path: Path, sleeper: Sleeper, **options: Any) -> StreamPump:
    config = OrganismConfig("test", listeners=[listener("sleeper", Ping, sleeper, **options)])
    pump = StreamPump(config, queue=SqliteQueue(path))
    pump.register_all()
    return pump


async def test_with_a_queue_in_a_file_what_is_held_keeps_its_order(tmp_path: Path) -> None:
    sleeper = Sleeper(for_s=0.001)
    pump = in_a_file(tmp_path / "queue.db", sleeper, max_concurrent=1)
    async with running(pump):
        await asyncio.gather(
            *(pump.inject(ping(str(number), to="sleeper"), THREAD, "user") for number in range(400))
        )
        await pump.drained()

    assert sleeper.called == [str(number) for number in range(400)]


async def test_with_a_queue_in_a_file_what_is_held_for_who_is_paused_waits_for_the_next_start(
    tmp_path: Path,
) -> None:
    sleeper = Sleeper(for_s=0)
    pump = in_a_file(tmp_path / "queue.db", sleeper)
    async with running(pump, drain_timeout_s=20):
        pump.pause("sleeper")
        for number in range(250):
            await pump.inject(ping(str(number), to="sleeper"), THREAD, "user")
        begun_s = asyncio.get_running_loop().time()
    took_s = asyncio.get_running_loop().time() - begun_s

    async with running(in_a_file(tmp_path / "queue.db", sleeper)) as pump:
        await pump.drained()

    assert sleeper.called == [str(number) for number in range(250)]
    assert took_s < 10


@virtual_time
async def test_places_are_kept_for_a_listener_that_is_paused_too() -> None:
    sleeper, neighbour = Sleeper(), Recorder()
    pump = pump_of(
        listener("sleeper", Ping, sleeper), listener("neighbour", Pong, neighbour),
        limits=Limits(handler_timeout_s=10_000),
    )  # fmt: skip
    async with running(pump, drain_timeout_s=1):
        pump.pause("neighbour")
        for number in range(500):
            await pump.inject(ping(str(number), to="sleeper"), None, "user")
            await pump.inject(PONG, None, "user")
        await asyncio.sleep(1)
        pump.resume("neighbour")
        await asyncio.sleep(1)

    assert (sleeper.most, len(neighbour.payloads)) == (15, 500)
