"""Limits on handlers, seen from outside: how many run at once, in which order, and in whose task."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from agentserver import HandlerMetadata, running
from agentserver.config import Limits
from tests.organisms import THREAD, Amount, Ping, Recorder, envelope, listener, outcomes, ping, pump_of


class Gauge:
    """A handler that waits until it is released, and knows how many waited at once."""

    def __init__(self) -> None:
        self.now = self.most = self.total = 0
        self.release = asyncio.Event()
        self.changed = asyncio.Condition()

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> None:
        async with self.changed:
            self.now += 1
            self.total += 1
            self.most = max(self.most, self.now)
            self.changed.notify_all()
        await self.release.wait()
        self.now -= 1

    async def reached(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.now >= count)


async def test_no_more_handlers_run_at_once_than_allowed() -> None:
    gauge = Gauge()
    pump = pump_of(listener("echo", Ping, gauge), max_concurrent_handlers=3)
    async with running(pump):
        for n in range(10):
            await pump.inject(ping(str(n)), THREAD, "user")
        await gauge.reached(3)
        gauge.release.set()
        await pump.drained()
    assert (gauge.most, gauge.total) == (3, 10)


async def test_no_more_calls_of_one_agent_than_allowed_and_others_go_on() -> None:
    gauge, other = Gauge(), Gauge()
    pump = pump_of(
        listener("agent", Ping, gauge, is_agent=True),
        listener("other", Ping, other),
        max_concurrent_per_agent=2,
    )
    async with running(pump):
        for n in range(10):
            await pump.inject(ping(str(n), to="agent"), THREAD, "user")
        for n in range(5):
            await pump.inject(ping(str(n), to="other"), THREAD, "user")
        await gauge.reached(2)
        await other.reached(5)
        gauge.release.set()
        other.release.set()
        await pump.drained()
    assert (gauge.most, gauge.total) == (2, 10)


async def test_no_more_messages_are_in_the_pipeline_than_allowed() -> None:
    gauge = Gauge()
    pump = pump_of(listener("echo", Ping, gauge), max_concurrent_pipelines=4)
    async with running(pump):
        for n in range(10):
            await pump.inject(ping(str(n)), THREAD, "user")
        await gauge.reached(4)
        in_flight = pump.books.in_flight
        gauge.release.set()
        await pump.drained()
    assert (in_flight, gauge.most) == (4, 4)


async def test_messages_of_one_listener_begin_in_the_order_in_which_they_came() -> None:
    recorder = Recorder()
    await outcomes(pump_of(listener("echo", Ping, recorder)), *(ping(str(n)) for n in range(200)))
    assert [payload.text for payload in recorder.payloads] == [str(n) for n in range(200)]


async def test_outcomes_come_in_order_of_completion() -> None:
    first_may_end = asyncio.Event()

    async def handler(payload: Ping, metadata: HandlerMetadata) -> bytes:
        if payload.text == "first":
            await first_may_end.wait()
        else:
            first_may_end.set()
        return f"<Done><Text>{payload.text}</Text></Done>".encode()

    states = await outcomes(pump_of(listener("echo", Ping, handler)), ping("first"), ping("second"))
    assert [state.payload.findtext("Text") for state in states] == ["second", "first"]


async def test_plain_functions_run_in_other_threads() -> None:
    seen: list[str] = []

    def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        seen.append(threading.current_thread().name)

    await outcomes(pump_of(listener("echo", Ping, handler)), ping())
    assert seen == ["agentserver-handler"]


async def test_plain_functions_run_side_by_side() -> None:
    meet = threading.Barrier(3, timeout=10)

    def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        meet.wait()

    pump = pump_of(listener("echo", Ping, handler))
    assert await outcomes(pump, *(ping(str(n)) for n in range(3))) == []


async def test_a_plain_function_may_return_a_coroutine() -> None:
    recorder = Recorder(b"<Done/>")
    states = await outcomes(pump_of(listener("echo", Ping, lambda p, m: recorder(p, m))), ping())
    assert [state.payload.tag for state in states] == ["Done"]


async def test_handlers_never_run_in_the_pumps_own_task() -> None:
    tasks: list[Any] = []

    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        tasks.append(asyncio.current_task())

    pump = pump_of(listener("echo", Ping, handler))
    task = asyncio.create_task(pump.run())
    await pump.inject(ping(), THREAD, "user")
    await pump.drained()
    await pump.shutdown()
    await task
    assert tasks[0] not in (task, asyncio.current_task())


context: ContextVar[str] = ContextVar("context", default="clean")


async def test_a_context_variable_set_by_one_handler_is_not_seen_by_the_next() -> None:
    seen: list[str] = []

    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        seen.append(context.get())
        context.set("dirty")

    await outcomes(pump_of(listener("echo", Ping, handler)), *(ping(str(n)) for n in range(5)))
    assert seen == ["clean"] * 5


async def test_a_cancellation_left_pending_by_one_handler_does_not_hit_the_next() -> None:
    seen: list[str] = []

    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        if payload.text == "bad":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            return
        await asyncio.sleep(0)
        seen.append(payload.text)

    await outcomes(
        pump_of(listener("echo", Ping, handler)), ping("bad"), ping("good"), ping("bad"), ping("fine")
    )
    assert seen == ["good", "fine"]


async def test_each_call_has_a_deadline_of_its_own() -> None:
    async def handler(payload: Amount, metadata: HandlerMetadata) -> None:
        if payload.value:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    pump = pump_of(
        listener("a", Amount, handler), limits=Limits(handler_timeout_s=0.05), max_concurrent_handlers=2
    )
    messages = [envelope(f'<Amount xmlns=""><Value>{n % 2}</Value></Amount>', to="a") for n in range(8)]
    states = await outcomes(pump, *messages)
    assert [state.failure.code for state in states if state.failure] == ["handler-timeout"] * 4


@pytest.mark.parametrize(("scheduling", "expected"), [("breadth-first", "abAB"), ("depth-first", "aAbB")])
async def test_thread_scheduling_decides_what_comes_first(scheduling: str, expected: str) -> None:
    from agentserver import HandlerResponse

    order: list[str] = []

    async def first(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        order.append(payload.text)
        return HandlerResponse(Amount(ord(payload.text.upper())), to="second")

    async def second(payload: Amount, metadata: HandlerMetadata) -> None:
        order.append(chr(payload.value))

    pump = pump_of(
        listener("echo", Ping, first), listener("second", Amount, second),
        thread_scheduling=scheduling, max_concurrent_pipelines=1,
    )  # fmt: skip
    await outcomes(pump, ping("a"), ping("b"))
    assert "".join(order) == expected


async def test_a_cancellation_that_was_taken_back_does_not_hit_the_next_handler() -> None:
    seen: list[str] = []

    async def handler(payload: Ping, metadata: HandlerMetadata) -> None:
        if payload.text == "bad":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            task.uncancel()
            return
        await asyncio.sleep(0)
        seen.append(payload.text)

    await outcomes(pump_of(listener("echo", Ping, handler)), ping("bad"), ping("good"))
    assert seen == ["good"]


async def test_plain_functions_of_one_listener_that_are_stuck_leave_the_others_theirs() -> None:
    release = threading.Event()

    def stuck(payload: Amount, metadata: HandlerMetadata) -> None:
        release.wait(60)

    def fine(payload: Ping, metadata: HandlerMetadata) -> str:
        return "<Done/>"

    pump = pump_of(
        listener("stuck", Amount, stuck), listener("fine", Ping, fine),
        limits=Limits(handler_timeout_s=0.02), max_concurrent_handlers=2,
    )  # fmt: skip
    bad = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="stuck")
    states = await outcomes(pump, *[bad] * 70, ping("x", to="fine"))
    release.set()
    assert [state.payload.tag for state in states if not state.error] == ["Done"]


async def test_an_agent_with_more_messages_than_the_pipeline_has_places_leaves_the_others_theirs() -> None:
    stuck, served = Gauge(), Recorder()
    pump = pump_of(
        listener("agent", Ping, stuck, is_agent=True), listener("other", Amount, served),
        max_concurrent_pipelines=10, max_concurrent_per_agent=2,
    )  # fmt: skip
    async with running(pump), pump.subscribe(THREAD) as messages:
        for n in range(100):
            await pump.inject(ping(str(n), to="agent"), THREAD, "user")
        served.result = b"<Done/>"
        await pump.inject(b"<Amount><Value>1</Value></Amount>", THREAD, "user")
        async with asyncio.timeout(10):
            assert (await anext(messages)).payload.tag == "Done"
        stuck.release.set()
        await pump.drained()
    assert (stuck.most, stuck.total) == (2, 100)


@pytest.mark.parametrize("places", [1, 2, 3, 10])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_busy_agent_is_served_to_its_last_message_however_few_places_there_are(
    places: int, turns: int
) -> None:
    async def wait_a_little(payload: Ping, metadata: HandlerMetadata) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    pump = pump_of(
        listener("agent", Ping, wait_a_little, is_agent=True),
        max_concurrent_pipelines=places, max_concurrent_per_agent=2, max_concurrent_handlers=5,
    )  # fmt: skip
    async with asyncio.timeout(20):
        await outcomes(pump, *(ping(str(n), to="agent") for n in range(200)))
    assert pump.books.settled == 200
