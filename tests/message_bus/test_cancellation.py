"""A cancelled thread ends with all that is below it, wherever that stands; and nothing else does."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, MessageState, RequestFailed, StreamPump, running
from agentserver.config import RateConfig, StepConfig
from agentserver.errors import Cancelled
from agentserver.queues import MemoryQueue, QueuedMessage
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, outcomes, ping, pump_of, texts

OTHER = "00000000-0000-4000-8000-000000000001"


class Waiting:
    """A handler that waits until it may answer, and tells of each call."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.called = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        self.threads.append(metadata.thread_id)
        self.called.release()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return HandlerResponse.respond(Pong(payload.text))

    async def until(self, count: int) -> None:
        for _ in range(count):
            await self.called.acquire()


@asynccontextmanager
async def watched(pump: StreamPump) -> AsyncIterator[list[MessageState]]:
    """Run a pump; give what leaves or fails."""
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        yield seen
        await pump.drained()
    assert pump.books.balanced, pump.books


def dead(pump: StreamPump) -> list[tuple[str, str]]:
    return [(letter.stage, letter.code) for letter in pump.dead_letters]


async def test_what_is_being_handled_ends_and_its_watchers_are_told_once() -> None:
    slow = Waiting()
    pump = pump_of(listener("echo", Ping, slow))
    async with watched(pump) as seen:
        for _ in range(3):
            await pump.inject(ping(), THREAD, "user")
        await slow.until(3)
        assert await pump.cancel(THREAD) == 3
        assert (slow.cancelled, pump.books.dead, pump.books.open) == (3, 3, 0)
        assert dead(pump) == [("cancel", "cancelled")] * 3
    assert texts(seen) == ["cancelled"]
    assert isinstance(seen[0].failure, Cancelled)
    assert str(seen[0].failure) == f"cancelled: thread {THREAD} was cancelled"


async def test_other_conversations_are_not_touched() -> None:
    slow = Waiting()
    pump = pump_of(listener("echo", Ping, slow))
    async with watched(pump) as seen:
        await pump.inject(ping("one"), THREAD, "user")
        await pump.inject(ping("two"), OTHER, "user")
        await slow.until(2)
        assert await pump.cancel(THREAD) == 1
        slow.may_answer.set()
    assert texts(seen) == ["cancelled", "two"]


async def test_a_request_ends_by_it() -> None:
    slow = Waiting()
    pump = pump_of(listener("echo", Ping, slow))
    async with running(pump):
        request = asyncio.create_task(pump.request(Ping("a"), "echo"))
        await slow.until(1)
        assert await pump.cancel(slow.threads[0]) == 1
        with pytest.raises(RequestFailed) as caught:
            await request
    assert caught.value.failure_code == "cancelled"


async def test_what_waits_in_the_queue_ends_though_the_pump_does_not_run() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    for thread in (THREAD, OTHER, THREAD):
        await pump.inject(ping(), thread, "user")
    assert await pump.cancel(THREAD) == 2
    assert (pump.books.waiting, pump.books.in_flight, pump.books.dead) == (1, 0, 2)
    assert pump.books.balanced


async def test_what_waits_ends_though_only_its_envelope_says_on_which_thread_it_is() -> None:
    slow = Waiting()
    pump = pump_of(
        listener("slow", Ping, slow), max_concurrent_pipelines=1,
    )  # fmt: skip
    async with watched(pump) as seen:
        await pump.inject(ping(to="slow"), OTHER, "user")
        await slow.until(1)
        await pump.inject(ping("mine", to="slow", thread=THREAD))
        await pump.inject(ping("other", to="slow", thread=OTHER))
        cancel = asyncio.create_task(pump.cancel(THREAD))
        slow.may_answer.set()
        assert await cancel == 1
    assert sorted(texts(seen)) == ["cancelled", "hello", "other"]


async def test_a_name_for_a_thread_stands_for_it() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    await pump.inject(ping(), "my thread", "user")
    assert await pump.cancel("my thread") == 1


async def test_what_is_parked_in_a_lane_or_waits_for_a_handler_ends() -> None:
    slow = Waiting()
    pump = pump_of(
        listener("one", Ping, slow, max_concurrent=1), listener("rare", Ping, slow, rate=RateConfig(0.01, 1)),
        listener("free", Ping, slow), max_concurrent_handlers=3,
    )  # fmt: skip
    async with watched(pump) as seen:
        for name in ("one", "rare", "free") * 4:
            await pump.inject(ping(to=name), THREAD, "user")
        await pump.inject(ping("later", to="one"), OTHER, "user")
        await slow.until(3)
        assert await pump.cancel(THREAD) == 12
        slow.may_answer.set()
    assert (len(slow.threads), texts(seen)) == (4, ["cancelled", "later"])


async def test_what_is_in_the_gate_ends_behind_it() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def hold(state: MessageState) -> MessageState:
        entered.set()
        await go_on.wait()
        return state

    echo = Recorder()
    pump = pump_of(
        listener("echo", Ping, echo), pipeline=(StepConfig(step=hold, after="payload_extraction"),)
    )
    async with watched(pump) as seen:
        await pump.inject(ping() + ping("second"), THREAD, "user")
        await entered.wait()
        cancel = asyncio.create_task(pump.cancel(THREAD))
        await asyncio.sleep(0)
        go_on.set()
        assert await cancel == 2
        assert await pump.cancel(THREAD) == 0
    assert (echo.calls, texts(seen)) == ([], ["cancelled"])


async def test_what_a_handler_gives_that_will_not_be_cancelled_has_no_effect() -> None:
    called, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        called.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
        return HandlerResponse(Ping("late"), to="next")

    following = Recorder()
    pump = pump_of(listener("echo", Ping, stubborn), listener("next", Ping, following))
    async with watched(pump):
        await pump.inject(ping(), THREAD, "user")
        await called.wait()
        assert await pump.cancel(THREAD) == 1
        await ended.wait()
    assert (following.calls, pump.books.emitted) == ([], 0)


async def test_a_handler_in_a_thread_is_left_behind() -> None:
    called, go_on = threading.Event(), threading.Event()

    def blocking(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        called.set()
        go_on.wait()
        return HandlerResponse.respond(Pong("late"))

    pump = pump_of(listener("echo", Ping, blocking))
    async with watched(pump) as seen:
        await pump.inject(ping(), THREAD, "user")
        await asyncio.to_thread(called.wait)
        assert await pump.cancel(THREAD) == 1
        go_on.set()
    assert texts(seen) == ["cancelled"]


def tree(leaf: Waiting) -> StreamPump:
    """An organism of three levels: `root` asks two of `middle`, each of those asks two of the leaves."""
    both = Recorder(lambda payload: [HandlerResponse(payload, to=f"middle.{n}") for n in (1, 2)])
    leaves = Recorder(lambda payload: [HandlerResponse(payload, to=f"leaf.{n}") for n in (1, 2)])
    return pump_of(
        listener("root", Ping, both), *(listener(f"middle.{n}", Ping, leaves) for n in (1, 2)),
        *(listener(f"leaf.{n}", Ping, leaf) for n in (1, 2)),
    )  # fmt: skip


async def test_the_root_reaches_every_branch_below_it() -> None:
    leaf = Waiting()
    pump = tree(leaf)
    async with watched(pump) as seen:
        await pump.inject(ping(to="root"), THREAD, "user")
        await leaf.until(4)
        assert len(set(leaf.threads)) == 4
        assert await pump.cancel(THREAD) == 4
    assert texts(seen) == ["cancelled"]


async def test_a_branch_ends_alone() -> None:
    leaf, threads = Waiting(), dict[str, str]()
    pump = tree(leaf)

    async def ask(payload: Ping, metadata: HandlerMetadata) -> Any:
        threads[payload.text] = metadata.thread_id
        return [HandlerResponse(payload, to=f"leaf.{n}") for n in (1, 2)]

    async def numbered(payload: Ping, metadata: HandlerMetadata) -> Any:
        return [HandlerResponse(Ping(str(n)), to=f"middle.{n}") for n in (1, 2)]

    pump.listeners["root"].handler = numbered
    pump.listeners["middle.1"].handler = pump.listeners["middle.2"].handler = ask
    async with watched(pump) as seen:
        await pump.inject(ping(to="root"), THREAD, "user")
        await leaf.until(4)
        assert await pump.cancel(threads["1"]) == 2
        assert (leaf.cancelled, pump.books.in_flight) == (2, 2)
        assert await pump.cancel(leaf.threads[-1]) == 1
        assert await pump.cancel(THREAD) == 1
    assert texts(seen) == ["cancelled"] * 3


async def test_nobody_is_sent_a_refusal_of_it() -> None:
    slow, told = Waiting(), Recorder()
    asking = Recorder(lambda payload: HandlerResponse(payload, to="slow"))
    pump = pump_of(listener("asker", Ping, asking, on_refusal=told), listener("slow", Ping, slow))
    outside: list[MessageState] = []
    pump.add_outlet(outside.append, refusals=True)
    async with watched(pump):
        await pump.inject(ping(to="asker"), THREAD, "user")
        await slow.until(1)
        assert await pump.cancel(THREAD) == 1
    assert (told.calls, texts(outside)) == ([], ["cancelled"])


async def test_a_handler_may_cancel_its_own_thread() -> None:
    async def end(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        await pump.cancel(metadata.thread_id)
        return HandlerResponse.respond(Pong("late"))

    pump = pump_of(listener("echo", Ping, end))
    assert texts(await outcomes(pump, ping())) == ["cancelled"]


async def test_one_line_of_the_log_tells_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentserver")
    pump = pump_of(listener("echo", Ping, Recorder()))
    for _ in range(3):
        await pump.inject(ping(), THREAD, "user")
    await pump.cancel(THREAD)
    assert [(record.message, vars(record)["messages"]) for record in caplog.records] == [
        ("a thread was cancelled", 3)
    ]


async def test_twice_at_once_ends_it_once() -> None:
    slow = Waiting()
    pump = pump_of(listener("echo", Ping, slow))
    async with watched(pump) as seen:
        await pump.inject(ping(), THREAD, "user")
        await slow.until(1)
        assert sum(await asyncio.gather(pump.cancel(THREAD), pump.cancel(THREAD))) == 1
    assert texts(seen) == ["cancelled"]


async def test_what_comes_later_on_the_thread_is_handled() -> None:
    slow = Waiting()
    slow.may_answer.set()
    pump = pump_of(listener("echo", Ping, slow))
    async with watched(pump) as seen:
        assert await pump.cancel(THREAD) == 0
        await pump.inject(ping(), THREAD, "user")
    assert texts(seen) == ["hello"]


async def test_it_ends_though_the_pump_is_cancelled_meanwhile() -> None:
    slow = Waiting()
    pump = pump_of(listener("echo", Ping, slow))
    run = asyncio.create_task(pump.run())
    await pump.inject(ping(), THREAD, "user")
    await slow.until(1)
    cancel = asyncio.create_task(pump.cancel(THREAD))
    run.cancel()
    assert await cancel == 1
    assert (pump.books.open, pump.books.balanced) == (0, True)
    await pump.shutdown()


@settings(max_examples=60, deadline=None)
@given(
    at_s=st.floats(0, 4), widths=st.lists(st.integers(0, 3), min_size=1, max_size=4), handlers=st.integers(1, 8),
    lanes=st.booleans(), yielding=st.booleans(),
)  # fmt: skip
def test_whenever_it_comes_nothing_of_the_thread_goes_on_and_all_of_the_others_does(
    at_s: float, widths: list[int], handlers: int, lanes: bool, yielding: bool
) -> None:
    calls: list[str] = []

    async def returning(payload: Ping, metadata: HandlerMetadata) -> Any:
        whose, _, level = payload.text.partition(":")
        calls.append(whose)
        await asyncio.sleep(0.3)
        depth = int(level)
        if depth == len(widths):
            return HandlerResponse(Pong(whose), to="user")
        return [HandlerResponse(Ping(f"{whose}:{depth + 1}"), to="echo")] * widths[depth]

    async def sending(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[Any]:
        yield await returning(payload, metadata)

    bounds: dict[str, Any] = {"max_concurrent": 2} if lanes else {}
    pump = pump_of(
        listener("echo", Ping, sending if yielding else returning, **bounds), max_concurrent_handlers=handlers
    )

    async def scene() -> None:
        async with watched(pump) as seen:
            await pump.inject(ping("mine:0"), THREAD, "user")
            await pump.inject(ping("theirs:0"), OTHER, "user")
            await asyncio.sleep(at_s)
            ended, before, left = await pump.cancel(THREAD), calls.count("mine"), len(seen)
            assert pump.books.balanced
            assert ended == pump.books.dead
            await pump.drained()
            assert calls.count("mine") == before
            assert "mine" not in texts(seen[left:])
        leaves = math.prod(widths)
        assert texts(seen).count("theirs") == leaves
        assert texts(seen).count("mine") == leaves or ended > 0
        assert texts(seen).count("cancelled") == min(ended, 1)

    in_virtual_time(scene())


@pytest.mark.parametrize("depth_first", [True, False])
async def test_a_queue_gives_those_that_are_meant_wherever_they_stand(depth_first: bool) -> None:
    queue = MemoryQueue(depth_first=depth_first)
    await queue.put([QueuedMessage(str(n), b"x") for n in range(6)])
    withdrawn = queue.withdraw(lambda message: int(message.id) % 2 == 1)
    assert [delivery.message.id for delivery in withdrawn] == ["1", "3", "5"]
    assert queue.in_flight() == withdrawn
    assert (queue.books.waiting, queue.books.in_flight, queue.books.balanced) == (3, 3, True)
    assert [delivery.message.id for delivery in await queue.take(10)] == ["0", "2", "4"]
