"""What one handler may cost: time, calls at once, memory, and never the process. Its own message suffers alone."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, running
from agentserver.config import BudgetConfig, Limits
from agentserver.errors import HandlerTimedOut, TaskExited
from agentserver.message_bus.containment import ContainingFactory
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import (
    THREAD,
    Amount,
    Ping,
    Pong,
    Recorder,
    listener,
    outcomes,
    ping,
    pump_of,
    texts,
)

MIB = 1024 * 1024
LARGE = 200 * MIB
"""Large enough to be seen if it were copied once."""


async def answer(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload)


GOOD = b"<Pong><Text>good</Text></Pong>"


def with_a_good_neighbour(bad: Callable[..., Any], **options: Any) -> Any:
    return pump_of(listener("bad", Ping, bad, **options), listener("good", Pong, answer))


# time


def test_each_listener_has_its_own_deadline() -> None:
    ends: dict[str, float] = {}

    def never(name: str) -> Any:
        async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ends[name] = asyncio.get_running_loop().time()

        return handler

    pump = pump_of(
        listener("slow", Ping, never("slow"), timeout_s=30), listener("fast", Ping, never("fast"), timeout_s=0.5),
        listener("usual", Ping, never("usual")), limits=Limits(handler_timeout_s=2),
    )  # fmt: skip
    states = in_virtual_time(outcomes(pump, *(ping(to=name) for name in ("slow", "fast", "usual"))))
    assert ends == {"fast": pytest.approx(0.5), "usual": pytest.approx(2), "slow": pytest.approx(30)}
    assert ["0.5 s", "2 s", "30 s"] == [str(state.failure).rpartition("within ")[2] for state in states]


def test_a_call_that_ends_in_time_leaves_the_deadlines_of_others_alone() -> None:
    async def handler(payload: Amount, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(payload.value)

    pump = pump_of(listener("a", Amount, handler, timeout_s=5), listener("b", Amount, handler, timeout_s=7))
    amounts = [(name, value) for value in (4, 6, 8) for name in ("a", "b")]
    messages = [
        f'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>user</from><to>{name}</to>'
        f'<thread>{THREAD}</thread></meta><Amount xmlns=""><Value>{value}</Value></Amount></message>'.encode()
        for name, value in amounts
    ]
    states = in_virtual_time(outcomes(pump, *messages))
    assert [(str(state.to_id), type(state.failure)) for state in states] == [
        ("a", HandlerTimedOut), ("a", HandlerTimedOut), ("b", HandlerTimedOut),
    ]  # fmt: skip


# calls at once


class Gauge:
    """A handler that counts how many of its calls run at once."""

    def __init__(self) -> None:
        self.now = self.most = self.total = 0
        self.called = asyncio.Semaphore(0)

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> None:
        self.now += 1
        self.total += 1
        self.most = max(self.most, self.now)
        self.called.release()
        await asyncio.sleep(1)
        self.now -= 1


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 8),
        ({"max_concurrent": 3}, 3),
        ({"is_agent": True}, 2),
        ({"is_agent": True, "max_concurrent": 4}, 4),
        ({"is_agent": True, "max_concurrent": 1}, 1),
    ],
)
def test_no_more_calls_of_a_listener_at_once_than_it_says(options: dict[str, Any], most: int) -> None:
    gauge = Gauge()
    pump = pump_of(
        listener("echo", Ping, gauge, **options), max_concurrent_handlers=8, max_concurrent_per_agent=2
    )
    in_virtual_time(outcomes(pump, *(ping() for _ in range(20))))
    assert (gauge.most, gauge.total, gauge.now) == (most, 20, 0)


def test_listeners_at_their_limits_take_turns_and_leave_the_others_their_places() -> None:
    gauges = {name: Gauge() for name in ("a", "b", "free")}
    pump = pump_of(
        listener("a", Ping, gauges["a"], max_concurrent=1), listener("b", Ping, gauges["b"], max_concurrent=2),
        listener("free", Ping, gauges["free"]), max_concurrent_pipelines=10, max_concurrent_handlers=10,
    )  # fmt: skip

    async def scene() -> float:
        for name in ("a", "b") * 30:
            await pump.inject(ping(to=name), THREAD, "user")
        for _ in range(7):
            await pump.inject(ping(to="free"), THREAD, "user")
        async with running(pump):
            for _ in range(7):
                await gauges["free"].called.acquire()
            reached_s = asyncio.get_running_loop().time()
            await pump.drained()
        return reached_s

    assert in_virtual_time(scene()) < 1.5
    assert [(gauge.most, gauge.total) for gauge in gauges.values()] == [(1, 30), (2, 30), (7, 7)]


# what a handler does to the task it runs in, and to those it starts


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("no"), BaseException("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(),
        asyncio.CancelledError(), StopAsyncIteration(), RecursionError(), MemoryError(),
        BaseExceptionGroup("no", [SystemExit(1)]),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("waits", [False, True])
async def test_whatever_a_handler_raises_its_own_message_fails_alone(
    raised: BaseException, waits: bool
) -> None:
    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        if waits:
            await asyncio.sleep(0)
        raise raised

    states = await outcomes(with_a_good_neighbour(bad), ping(to="bad"), GOOD, ping(to="bad"), GOOD)
    assert sorted(texts(states)) == ["good", "good", "handler-failed", "handler-failed"]


async def test_f17_calls_that_ignore_their_cancellation_for_ever_are_bounded_and_their_listener_is_refused() -> (
    None
):
    released, calls = asyncio.Event(), 0

    async def deaf(payload: Ping, metadata: HandlerMetadata) -> None:
        nonlocal calls
        calls += 1
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    pump = pump_of(
        listener("bad", Ping, deaf, timeout_s=0.001),
        listener("good", Pong, answer),
        max_concurrent_handlers=6,
    )
    seen: list[Any] = []
    pump.add_outlet(seen.append)
    try:
        async with running(pump):
            for _ in range(100):
                await pump.inject(ping(to="bad"), THREAD, "user")
            await pump.inject(GOOD, THREAD, "user")
            await pump.drained()
            codes = texts(seen)
            released.set()  # the deaf ones end, and their listener is called again
            while calls == 70:
                await pump.inject(ping(to="bad"), THREAD, "user")
                await pump.drained()
    finally:
        released.set()
    assert 70 <= codes.count("handler-timeout") < 70 + 6  # so many run at once
    assert (codes.count("handler-timeout") + codes.count("handler-failed"), codes.count("good")) == (100, 1)
    refused = next(
        state.failure for state in seen if state.failure and state.failure.code == "handler-failed"
    )
    assert "calls of it go on beyond their deadlines, though cancelled; it is not called meanwhile" in str(
        refused
    )


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_a_task_that_a_handler_starts_and_awaits_cannot_end_the_process(raised: BaseException) -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        raise raised

    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.create_task(leave())

    states = await outcomes(with_a_good_neighbour(bad), ping(to="bad"), GOOD)
    assert sorted(texts(states)) == ["good", "handler-failed"]
    (failed,) = [state.failure for state in states if state.failure]
    assert isinstance(failed.__cause__, TaskExited)
    assert f"leave raised {type(raised).__name__}" in str(failed)


async def test_nor_can_a_task_of_such_a_task_nor_a_group_of_them() -> None:
    async def leave() -> None:
        sys.exit(3)

    async def child() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(leave())

    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.gather(asyncio.ensure_future(child()))

    states = await outcomes(with_a_good_neighbour(bad), ping(to="bad"), GOOD)
    assert sorted(texts(states)) == ["good", "handler-failed"]


async def test_a_task_that_nobody_awaits_cannot_end_the_process_either(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(3)

    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        tasks.append(asyncio.create_task(leave()))

    pump = with_a_good_neighbour(bad)
    async with running(pump):
        await pump.inject(ping(to="bad"), THREAD, "user")
        await pump.drained()
        await asyncio.wait(tasks)
        assert await pump.request(Pong("good"), "good") == Pong("good")
    assert isinstance(tasks[0].exception(), TaskExited)
    assert "a task that a handler started tried to end the process" in caplog.messages


async def test_a_handler_cannot_stop_the_event_loop() -> None:
    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        asyncio.get_running_loop().stop()

    states = await outcomes(with_a_good_neighbour(bad), ping(to="bad"), GOOD)
    assert sorted(texts(states)) == ["good", "handler-failed"]


async def test_whoever_owns_the_event_loop_can_stop_it_when_the_pump_is_gone() -> None:
    loop = asyncio.get_running_loop()
    before = loop.stop
    async with running(pump_of()):
        assert before != loop.stop
    assert before == loop.stop


async def test_a_handler_in_a_thread_that_starts_a_task_in_the_loop_is_contained_as_well() -> None:
    loop = asyncio.get_running_loop()

    async def leave() -> None:
        sys.exit(3)

    def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        asyncio.run_coroutine_threadsafe(leave(), loop).result(10)

    states = await outcomes(with_a_good_neighbour(bad), ping(to="bad"), GOOD)
    assert sorted(texts(states)) == ["good", "handler-failed"]


async def test_tasks_of_handlers_stay_what_they_were_otherwise() -> None:
    found: list[Any] = []

    async def work() -> str:
        found.append(asyncio.current_task())
        return "done"

    async def fine(payload: Ping, metadata: HandlerMetadata) -> None:
        task = asyncio.create_task(work(), name="mine")
        found.append((await task, task.get_name(), task is found[0]))

    await outcomes(pump_of(listener("echo", Ping, fine)), ping())
    assert found[1:] == [("done", "mine", True)]


async def test_the_event_loop_gets_its_task_factory_back_after_its_last_pump() -> None:
    loop, made = asyncio.get_running_loop(), []

    def own(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(own)
    try:
        async with running(pump_of()):
            async with running(pump_of()):
                within: Any = loop.get_task_factory()
            assert (loop.get_task_factory() is within, within.pumps) == (True, 1)
        assert isinstance(within, ContainingFactory)
        assert (loop.get_task_factory(), within.pumps) == (own, 0)
        assert made
    finally:
        loop.set_task_factory(None)


variable: ContextVar[str] = ContextVar("variable", default="clean")


async def test_a_context_variable_set_by_a_handler_that_waited_is_not_seen_by_the_next() -> None:
    seen: list[str] = []

    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        seen.append(variable.get())
        variable.set("dirty")
        await asyncio.sleep(0)

    await outcomes(
        pump_of(listener("echo", Ping, handler), max_concurrent_handlers=1), *(ping() for _ in range(5))
    )
    assert seen == ["clean"] * 5


# what a handler returns


def endless() -> Iterator[HandlerResponse]:
    while True:
        yield HandlerResponse(Pong("again"), to="good")


async def endless_and_async() -> Any:
    while True:
        yield HandlerResponse(Pong("again"), to="good")


def holding_itself() -> Pong:
    pong = Pong("")
    pong.text = pong  # type: ignore[assignment]
    return pong


RETURNED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "bytes": (lambda: bytes(LARGE), "bad-reply", f"a reply of {LARGE} bytes, the limit is 1048576"),
    "str": (lambda: "x" * LARGE, "bad-reply", f"a reply of {LARGE} bytes, the limit is 1048576"),
    "XML bytes": (lambda: b"<a>" + bytes(LARGE), "bad-reply", "bytes, the limit is"),
    "bytes in a response": (lambda: HandlerResponse(bytes(LARGE), to="good"), "bad-reply", "bytes, the limit is"),
    "text in a payload": (lambda: HandlerResponse(Pong("x" * LARGE), to="good"), "bad-reply", "a Pong of more than"),
    "text in an answer": (lambda: HandlerResponse.respond(Pong("x" * LARGE)), "bad-reply", "a Pong of more than"),
    "one text too many": (lambda: HandlerResponse(Pong("x" * MIB), to="good"), "bad-reply", "limit"),
    "responses": (lambda: [HandlerResponse(Pong("x"), to="good")] * 10_000_000, "budget", "budget.fan_out is 1000"),
    "a generator": (endless, "bad-reply", "returned generator"),
    "an async generator": (endless_and_async, "bad-reply", "returned async_generator"),
    "itself": (lambda: HandlerResponse(holding_itself(), to="good"), "bad-reply", "Pong"),
}  # fmt: skip


@pytest.mark.parametrize("what", RETURNED)
async def test_what_is_too_large_fails_its_own_message_before_it_is_copied(what: str) -> None:
    make, code, words = RETURNED[what]
    pump = with_a_good_neighbour(Recorder(lambda payload: make()))
    seen: list[Any] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        thing = make()  # what it takes itself is not what is looked at
        pump.listeners["bad"].handler = Recorder(thing)
        tracemalloc.start()
        try:
            began_s = time.process_time()
            await pump.inject(ping(to="bad"), THREAD, "user")
            await pump.drained()
            took_s, (_, peak) = time.process_time() - began_s, tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert await pump.request(Pong("good"), "good") == Pong("good")
    (state,) = [state for state in seen if state.failure]
    assert (code, words in str(state.failure)) == (state.failure.code, True), str(state.failure)
    assert peak < 20 * MIB
    assert took_s < 1


async def test_nothing_holds_a_large_answer_once_it_is_refused() -> None:
    class Large(bytes):
        """Can be looked for."""

    import gc

    pump = with_a_good_neighbour(Recorder(lambda payload: Large(2 * MIB)))
    states = await outcomes(pump, ping(to="bad"))
    gc.collect()
    held = [thing for thing in gc.get_objects() if isinstance(thing, Large)]
    assert (texts(states), held) == (["bad-reply"], [])


async def test_an_error_with_a_huge_text_is_cut_before_it_is_told_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        raise ValueError("x" * 50 * MIB)

    (state,) = await outcomes(with_a_good_neighbour(bad), ping(to="bad"))
    assert len(str(state.failure)) < 1_000
    formatter = logging.Formatter()
    assert max(len(formatter.format(record)) for record in caplog.records) < 200_000


async def test_a_fan_out_within_the_budget_is_sent_whole() -> None:
    recorder = Recorder()
    pump = pump_of(
        listener("a", Ping, Recorder([HandlerResponse(Pong(str(n)), to="b") for n in range(1_000)])),
        listener("b", Pong, recorder), budget=BudgetConfig(messages=1_000, fan_out=1_000),
    )  # fmt: skip
    assert (await outcomes(pump, ping(to="a")), len(recorder.calls)) == ([], 1_000)
