"""Pause, resume and drain, of the whole and of one listener; messages that wait for a time or a turn; a full queue."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import Limits
from agentserver.errors import PumpError, QueueFull
from agentserver.testing.virtual_time import virtual_time
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, ping, pump_of


async def settle_down() -> None:
    """Let everything happen that can happen without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


def said(recorder: Recorder) -> list[str]:
    return [payload.text for payload in recorder.payloads]


class Slow:
    """A handler that takes a second, and tells how many it has begun and ended."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> None:
        self.begun += 1
        await asyncio.sleep(1)
        self.ended += 1


# the whole


@virtual_time
async def test_a_paused_pump_admits_messages_and_handles_none() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    async with running(pump):
        pump.pause()
        for text in "abc":
            await pump.inject(ping(text), THREAD, "user")
        await settle_down()
        during = (said(recorder), pump.books.waiting, pump.paused)
        pump.resume()
        await pump.drained()

    assert during == ([], 3, frozenset("*"))
    assert (said(recorder), pump.paused) == (["a", "b", "c"], frozenset())


@virtual_time
async def test_what_is_being_handled_is_finished_though_all_is_paused() -> None:
    slow = Slow()
    pump = pump_of(listener("slow", Ping, slow), max_concurrent_handlers=2)
    async with running(pump):
        for _ in range(5):
            await pump.inject(ping(to="slow"), THREAD, "user")
        await settle_down()
        pump.pause("slow")
        pump.pause()
        done = await pump.drain()
        during = (done, slow.begun, slow.ended, pump.books.open)
        pump.resume()
        pump.resume("slow")
        await pump.drained()

    assert (during, slow.ended) == ((True, 2, 2, 3), 5)


async def test_a_queue_is_bounded_while_all_is_paused() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), limits=Limits(queue_messages=2))
    async with running(pump):
        pump.pause()
        for _ in range(2):
            await pump.inject(ping(), THREAD, "user", wait=False)
        with pytest.raises(QueueFull, match=r"2 messages wait, and the limit is 2.*limits\.queue_messages"):
            await pump.inject(ping(), THREAD, "user", wait=False)
        pump.resume()
        await pump.drained()
    assert pump.books.settled == 2


@virtual_time
async def test_a_shutdown_does_not_wait_for_what_is_paused() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), listener("other", Pong, Recorder()))
    async with running(pump, drain_timeout_s=30):
        pump.pause("echo")
        for _ in range(300):
            await pump.inject(ping(), THREAD, "user")
        await settle_down()

    assert (pump.books.dead, asyncio.get_running_loop().time() < 1) == (300, True)


# one listener


@virtual_time
async def test_a_paused_listener_keeps_its_messages_and_nobody_elses() -> None:
    paused, other = Recorder(), Recorder()
    pump = pump_of(
        listener("echo", Ping, paused), listener("other", Pong, other), max_concurrent_pipelines=10
    )
    async with running(pump):
        pump.pause("echo")
        for number in range(1_000):
            await pump.inject(ping(str(number)), THREAD, "user")
        await pump.inject(b"<Pong><Text>x</Text></Pong>", None, "user")
        await settle_down()
        during = (said(paused), said(other), pump.books.open)
        pump.resume("echo")
        await pump.drained()

    assert during == ([], ["x"], 1_000)
    assert said(paused) == [str(number) for number in range(1_000)]


@virtual_time
async def test_what_comes_for_a_paused_listener_later_stands_behind_what_waits() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    async with running(pump):
        pump.pause("echo")
        for number in range(500):
            await pump.inject(ping(str(number)), THREAD, "user")
            if number % 7 == 0:
                await settle_down()
            if number == 250:
                pump.resume("echo")
                await asyncio.sleep(0)
                pump.pause("echo")
        pump.resume("echo")
        await pump.drained()

    assert said(recorder) == [str(number) for number in range(500)]


@virtual_time
async def test_a_paused_listener_stays_so_when_the_whole_is_resumed() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    async with running(pump):
        pump.pause()
        pump.pause("echo")
        pump.resume()
        await pump.inject(ping(), THREAD, "user")
        await settle_down()
        during = (said(recorder), pump.paused)
        pump.resume("echo")
        await pump.drained()

    assert during == ([], frozenset({"echo"}))
    assert said(recorder) == ["hello"]


@virtual_time
async def test_what_is_held_for_a_paused_listener_can_be_cancelled() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    other = "0c7be1a5-56f0-4a65-9b29-6c1a53c3f1f0"
    async with running(pump):
        pump.pause("echo")
        for number in range(600):
            await pump.inject(ping(str(number)), THREAD if number % 2 else other, "user")
        await settle_down()
        ended = await pump.cancel(THREAD)
        pump.resume("echo")
        await pump.drained()

    assert (ended, said(recorder)) == (300, [str(number) for number in range(0, 600, 2)])


@virtual_time
async def test_a_run_that_begins_anew_hands_on_what_was_held() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    pump.pause("echo")
    run = asyncio.create_task(pump.run())
    for number in range(300):
        await pump.inject(ping(str(number)), THREAD, "user")
    await settle_down()
    run.cancel()
    await asyncio.wait([run])
    async with running(pump):
        await settle_down()
        during = said(recorder)
        pump.resume("echo")
        await pump.drained()

    assert (during, said(recorder)) == ([], [str(number) for number in range(300)])


@virtual_time
async def test_a_listener_that_a_reload_takes_away_is_not_paused_any_more() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), listener("other", Pong, Recorder()))
    async with running(pump):
        pump.pause("echo")
        for number in range(150):
            await pump.inject(ping(str(number)), THREAD, "user")
        await settle_down()
        config = pump_of(listener("other", Pong, Recorder())).config
        await pump.reload(config)
        await pump.drained()

    assert (pump.paused, pump.books.open, pump.books.settled + pump.books.dead) == (frozenset(), 0, 150)
    assert pump.books.dead > 0


@pytest.mark.parametrize("act", [StreamPump.pause, StreamPump.resume])
def test_an_unknown_listener_is_refused_with_a_hint(act: Any) -> None:
    pump = pump_of(listener("greeter", Ping, Recorder()))
    with pytest.raises(ValueError, match="no listener is called 'greter'; did you mean 'greeter'"):
        act(pump, "greter")


# drain


@virtual_time
async def test_drain_of_a_listener_waits_for_what_there_is_for_it_and_for_nobody_else() -> None:
    slow = Slow()

    async def sleep(payload: Any, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(1_000)

    pump = pump_of(
        listener("slow", Ping, slow, max_concurrent=1), listener("asleep", Pong, sleep),
        limits=Limits(handler_timeout_s=2_000),
    )  # fmt: skip
    async with running(pump, drain_timeout_s=2):
        for _ in range(3):
            await pump.inject(ping(to="slow"), None, "user")
            await pump.inject(b"<Pong><Text>x</Text></Pong>", None, "user")
        done = await pump.drain("slow")
        await pump.inject(ping(to="slow"), None, "user")
        after = (done, slow.ended, round(asyncio.get_running_loop().time()))

    assert after == (True, 3, 3)


@virtual_time
async def test_drain_of_a_paused_listener_waits_for_its_calls_alone() -> None:
    slow = Slow()
    pump = pump_of(listener("slow", Ping, slow, max_concurrent=2), listener("other", Pong, Recorder()))
    async with running(pump):
        for _ in range(9):
            await pump.inject(ping(to="slow"), THREAD, "user")
        await settle_down()
        pump.pause("slow")
        done = await pump.drain("slow")
        during = (done, slow.begun, slow.ended)
        pump.resume("slow")
        await pump.drained()

    assert (during, slow.ended) == ((True, 2, 2), 9)


@virtual_time
async def test_drain_ends_when_the_time_is_up() -> None:
    pump = pump_of(listener("slow", Ping, Slow(), max_concurrent=1))
    async with running(pump):
        for _ in range(9):
            await pump.inject(ping(to="slow"), THREAD, "user")
        done = (await pump.drain("slow", 2.5), await pump.drain(timeout_s=1), await pump.drain())

    assert (done, pump.books.open) == ((False, False, True), 0)


async def test_drain_of_a_pump_that_does_not_run_is_refused() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    with pytest.raises(PumpError, match="does not run"):
        await pump.drain()


# times and turns


@virtual_time
async def test_a_message_is_handled_at_its_time() -> None:
    times: list[float] = []

    async def note(payload: Any, metadata: HandlerMetadata) -> None:
        times.append(asyncio.get_running_loop().time())

    pump = pump_of(listener("echo", Ping, note))
    now = time.time()
    async with running(pump):
        for delay_s in (20, 10, -5, 0.5):
            await pump.inject(ping(), THREAD, "user", deliver_at=now + delay_s)
        await pump.drained()

    assert times == [pytest.approx(seconds, abs=0.2) for seconds in (0, 0.5, 10, 20)]


@virtual_time
async def test_a_shutdown_does_not_wait_for_what_is_due_beyond_its_end() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    async with running(pump):
        await pump.inject(ping("soon"), THREAD, "user", deliver_at=time.time() + 1)
        await pump.inject(ping("late"), THREAD, "user", deliver_at=time.time() + 3_600)
        finished = await pump.shutdown(10)

    assert (finished, said(recorder)) == (False, ["soon"])
    assert asyncio.get_running_loop().time() < 2
    assert [letter.code for letter in pump.dead_letters] == ["shutdown"]


async def test_a_better_priority_is_handled_first_and_what_follows_has_it() -> None:
    order: list[str] = []

    async def forward(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        order.append(f"amount {payload.value}")
        return HandlerResponse(Pong(str(payload.value)), to="pong")

    async def end(payload: Pong, metadata: HandlerMetadata) -> None:
        order.append(f"pong {payload.text}")

    pump = pump_of(
        listener("amount", Amount, forward), listener("pong", Pong, end), max_concurrent_pipelines=1
    )
    for priority in (9, 5, 0):
        payload = f"<Amount><Value>{priority}</Value></Amount>".encode()
        await pump.inject(payload, None, "user", priority=priority)
    async with running(pump):
        await pump.drained()

    assert order == ["amount 0", "pong 0", "amount 5", "pong 5", "amount 9", "pong 9"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"priority": 10}, ValueError, r"priority is 10, expected 0 \(first\) to 9"),
        ({"priority": -1}, ValueError, "priority is -1"),
        ({"priority": True}, TypeError, "priority is bool"),
        ({"priority": 1.5}, TypeError, "priority is float"),
        ({"deliver_at": float("nan")}, ValueError, "deliver_at is nan"),
        ({"deliver_at": float("inf")}, ValueError, "deliver_at is inf"),
        ({"deliver_at": "now"}, TypeError, "deliver_at is str"),
    ],
)
async def test_no_turn_and_no_time_is_refused(options: Any, error: type[Exception], words: str) -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    with pytest.raises(error, match=words):
        await pump.inject(ping(), THREAD, "user", **options)
    assert pump.books.injected == 0
