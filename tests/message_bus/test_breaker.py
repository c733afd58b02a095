"""A listener that keeps failing is left alone for a while; its messages wait, and nobody else's do. In virtual time."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import pytest

from agentserver import HandlerMetadata, running
from agentserver.config import BreakerConfig, Limits, OrganismConfig, RetryConfig
from agentserver.errors import AgentServerError, BadReply, Cancelled, HandlerFailed
from agentserver.message_bus import MessageState
from agentserver.message_bus.breaker import Breaker
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Ping, listener, outcomes, ping, pump_of

CONFIG = BreakerConfig(failures=3, open_s=30.0)


def ended(breaker: Breaker, now: float, failure: AgentServerError | None = None) -> None:
    """Make a call that ends at once."""
    state = begun(breaker)
    end(breaker, state, now, failure)


def begun(breaker: Breaker) -> MessageState:
    state = MessageState()
    breaker.begin(state)
    return state


def end(breaker: Breaker, state: MessageState, now: float, failure: AgentServerError | None = None) -> None:
    if failure is not None:
        state.fail("dispatch", failure)
    breaker.end(state, now)


def down() -> HandlerFailed:
    return HandlerFailed("echo", "OSError: down", OSError)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker("echo", CONFIG)
    for _ in range(3):
        ended(breaker, at, down())
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker("echo", CONFIG)
    for _ in range(2):
        ended(breaker, 0, down())
    ended(breaker, 0)
    for _ in range(2):
        ended(breaker, 0, down())
    assert (breaker.state(0), breaker.wait_s(0)) == ("closed", 0)
    ended(breaker, 5, down())
    assert (breaker.state(5), breaker.wait_s(5), breaker.wait_s(30)) == ("open", 30, 5)


def test_one_is_tried_when_its_time_is_up_and_the_others_wait_for_that() -> None:
    breaker = opened()
    assert (breaker.state(30), breaker.wait_s(30)) == ("half-open", 0)
    begun(breaker)
    assert (breaker.state(30), breaker.wait_s(31)) == ("half-open", math.inf)


def test_it_closes_when_the_probe_is_handled() -> None:
    breaker = opened()
    ended(breaker, 30)
    assert breaker.state(30) == "closed"
    ended(breaker, 31, down())
    assert breaker.state(31) == "closed"


def test_it_is_open_for_as_long_again_when_the_probe_fails() -> None:
    breaker = opened()
    ended(breaker, 40, down())
    assert (breaker.state(69), breaker.wait_s(60)) == ("open", 10)


def test_what_was_begun_before_it_opened_decides_nothing() -> None:
    breaker = Breaker("echo", CONFIG)
    early = [begun(breaker) for _ in range(3)]
    for _ in range(3):
        ended(breaker, 0, down())
    end(breaker, early[0], 1)
    assert breaker.state(1) == "open"
    probe = begun(breaker)
    end(breaker, early[1], 31)
    end(breaker, early[2], 31, down())
    assert breaker.wait_s(31) == math.inf
    end(breaker, probe, 32)
    assert breaker.state(32) == "closed"


@pytest.mark.parametrize("failure", [BadReply("echo", "returned 7"), HandlerFailed("echo", "x", ValueError)])
def test_failures_that_are_not_named_show_that_it_can_be_called(failure: AgentServerError) -> None:
    breaker = Breaker("echo", BreakerConfig(failures=1, on=("OSError",)))
    ended(breaker, 0, failure)
    assert breaker.state(0) == "closed"
    ended(breaker, 0, down())
    ended(breaker, 30, failure)
    assert breaker.state(30) == "closed"


def test_a_probe_that_was_cancelled_decides_nothing() -> None:
    breaker = opened()
    ended(breaker, 30, Cancelled("t"))
    assert (breaker.state(30), breaker.wait_s(30)) == ("half-open", 0)


def test_opening_and_closing_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ended(opened(), 30)
    assert [record.getMessage() for record in caplog.records] == [
        "breaker open: the listener is not called for a while",
        "breaker closed",
    ]


class Down:
    """A handler of something that is down until a moment; it notes when it was called."""

    def __init__(self, until: float = 0.0) -> None:
        self.until, self.times, self.texts = until, list[float](), list[str]()

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> None:
        now = asyncio.get_running_loop().time()
        self.times.append(round(now, 2))
        self.texts.append(payload.text)
        if now < self.until:
            raise OSError("down")


def test_messages_of_a_listener_that_is_left_alone_wait_and_come_in_their_order() -> None:
    handler = Down(until=50.0)
    pump = pump_of(listener("echo", Ping, handler, breaker=CONFIG))
    in_virtual_time(outcomes(pump, *(ping(str(n)) for n in range(8))))
    assert handler.times == [0, 0, 0, 30, 60, 60, 60, 60]
    assert handler.texts == [str(n) for n in range(8)]
    assert (pump.books.dead, pump.books.settled) == (4, 4)


def test_nobody_else_s_messages_wait_however_many_there_are() -> None:
    bad, good = Down(until=1_000.0), Down()

    async def scene() -> None:
        async with running(pump, drain_timeout_s=0):
            for n in range(2_000):
                await pump.inject(ping(str(n), to="bad"), None, "user")
            for n in range(200):
                await pump.inject(ping(str(n), to="good"), None, "user")
            await asyncio.sleep(1)
            assert (len(good.times), max(good.times)) == (200, 0)
            assert len(bad.times) == 3

    pump = pump_of(
        listener("bad", Ping, bad, breaker=CONFIG), listener("good", Ping, good), max_concurrent_pipelines=10
    )
    in_virtual_time(scene())
    assert pump.books.balanced
    assert (pump.books.settled, pump.books.dead) == (200, 2_000)


def test_a_message_that_is_tried_again_waits_for_the_breaker_too() -> None:
    handler = Down(until=40.0)
    retry = RetryConfig(attempts=10, backoff="fixed", base_s=1.0, jitter=0.0)
    pump = pump_of(listener("echo", Ping, handler, breaker=CONFIG, retry=retry))
    in_virtual_time(outcomes(pump, ping()))
    assert handler.times == [0, 1, 2, 32, 62]
    assert (pump.books.dead, pump.books.settled) == (0, 1)


def test_the_organism_s_breaker_is_that_of_listeners_that_have_none() -> None:
    first, second = Down(until=10.0), Down(until=10.0)
    pump = pump_of(
        listener("first", Ping, first),
        listener("second", Ping, second, breaker=BreakerConfig(1, 5.0)),
        breaker=CONFIG,
    )
    in_virtual_time(outcomes(pump, *(ping(to=name) for name in ("first", "second") for _ in range(4))))
    assert (first.times, second.times) == ([0, 0, 0, 30], [0, 5, 10, 10])


def test_a_reload_brings_a_breaker() -> None:
    handler = Down(until=10.0)

    async def scene() -> None:
        pump = pump_of(listener("echo", Ping, handler))
        await pump.reload(OrganismConfig("test", listeners=pump.config.listeners, breaker=CONFIG))
        await outcomes(pump, *(ping() for _ in range(4)))

    in_virtual_time(scene())
    assert handler.times == [0, 0, 0, 30]


def test_a_deadline_counts_as_a_failure() -> None:
    times: list[float] = []

    async def slow(payload: Ping, metadata: HandlerMetadata) -> Any:
        times.append(round(asyncio.get_running_loop().time(), 1))
        await asyncio.sleep(100)

    pump = pump_of(
        listener("echo", Ping, slow, timeout_s=1.0, max_concurrent=1, breaker=BreakerConfig(2, 10.0)),
        limits=Limits(drain_timeout_s=100),
    )
    in_virtual_time(outcomes(pump, *(ping() for _ in range(4))))
    assert times == [0, 1, 12, 23]


def test_the_pump_tells_who_is_left_alone() -> None:
    told: list[dict[str, str]] = []

    async def scene() -> None:
        pump = pump_of(
            listener("echo", Ping, Down(until=1.0), breaker=CONFIG),
            listener("other", Ping, Down(), breaker=CONFIG),
        )
        told.append(dict(pump.breakers))
        async with running(pump):
            for to in ("echo", "other") * 3:
                await pump.inject(ping(to=to), None, "user")
            for _ in range(2):
                await asyncio.sleep(16)
                told.append(dict(pump.breakers))
            await pump.inject(ping(), None, "user")
            await pump.drained()
            told.append(dict(pump.breakers))

    in_virtual_time(scene())
    assert told == [{}, {"echo": "open"}, {"echo": "half-open"}, {}]


def test_what_waits_for_a_breaker_can_be_cancelled() -> None:
    handler = Down(until=1_000.0)

    async def scene() -> int:
        pump = pump_of(listener("echo", Ping, handler, breaker=CONFIG))
        async with running(pump):
            for _ in range(300):
                await pump.inject(ping(), THREAD, "user")
            await asyncio.sleep(1)
            return await pump.cancel(THREAD)

    assert in_virtual_time(scene()) == 297
    assert len(handler.times) == 3
