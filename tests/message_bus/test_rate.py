"""Rates: how often a listener is called, counted in virtual time. What comes too early waits, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver import HandlerMetadata, running
from agentserver.config import Limits, RateConfig
from agentserver.message_bus.rate import EARLY_S, TokenBucket
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Amount, Ping, Recorder, listener, outcomes, ping, pump_of


class Clocked:
    """A handler that notes when it was called, and with what; and takes as long as it is told."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.times: list[float] = []
        self.texts: list[str] = []
        self.takes_s, self.now, self.most = takes_s, 0, 0

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> None:
        self.times.append(round(asyncio.get_running_loop().time(), 3))
        self.texts.append(payload.text)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.takes_s)
        self.now -= 1


def test_a_full_bucket_gives_its_burst_at_once_and_then_as_fast_as_it_fills() -> None:
    bucket = TokenBucket(10, 3)
    assert [bucket.take(0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]
    assert bucket.take(0.1) == 0
    assert bucket.take(0.1) == pytest.approx(0.1)


def test_a_bucket_saves_up_no_more_than_its_burst() -> None:
    bucket = TokenBucket(10, 3)
    bucket.take(0)
    assert [bucket.take(1_000) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]


def test_to_be_refused_costs_nothing() -> None:
    bucket = TokenBucket(1, 1)
    bucket.take(0)
    for _ in range(100):
        bucket.take(0.5)
    assert bucket.take(1) == 0


@given(
    st.floats(0.01, 1_000),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_in_no_span_of_time_are_there_more_tokens_than_saved_up_and_filled(
    per_s: float, burst: int, gaps: list[float]
) -> None:
    bucket, now, taken = TokenBucket(per_s, burst), 0.0, []
    for gap in gaps:
        now += gap
        if not bucket.take(now):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            most = burst + per_s * (taken[last] - taken[first] + (last - first + 1) * EARLY_S)
            assert last - first + 1 <= most + 1e-6


@given(st.floats(0.01, 1_000), st.integers(1, 20), st.lists(st.floats(0, 5), max_size=50))
def test_whoever_waits_as_long_as_told_gets_a_token(per_s: float, burst: int, gaps: list[float]) -> None:
    bucket, now = TokenBucket(per_s, burst), 0.0
    for gap in gaps:
        now += gap
        now += bucket.take(now)
    wait_s = bucket.take(now)
    assert not wait_s or not bucket.take(now + wait_s)


def test_a_listener_is_called_no_more_often_than_its_rate_allows_and_in_order() -> None:
    handler = Clocked()
    pump = pump_of(listener("echo", Ping, handler, rate=RateConfig(10, burst=3)))
    in_virtual_time(outcomes(pump, *(ping(str(n)) for n in range(8))))
    assert handler.times == [0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert handler.texts == [str(n) for n in range(8)]
    assert pump.books.settled == 8


def test_what_waits_for_its_rate_takes_no_place_from_others() -> None:
    slow, other = Clocked(), Clocked()

    async def scene() -> None:
        async with running(pump):
            for n in range(200):
                await pump.inject(ping(str(n), to="slow"), THREAD, "user")
            for n in range(5):
                await pump.inject(ping(str(n), to="other"), THREAD, "user")
            await pump.drained()

    pump = pump_of(
        listener("slow", Ping, slow, rate=RateConfig(10, burst=1)), listener("other", Ping, other),
        max_concurrent_pipelines=10, max_concurrent_handlers=4, limits=Limits(drain_timeout_s=100),
    )  # fmt: skip
    in_virtual_time(scene())
    assert other.times == [0] * 5
    assert (len(slow.times), slow.times[-1]) == (200, 19.9)


def test_a_rate_and_a_bound_on_calls_at_once_hold_together() -> None:
    handler = Clocked(takes_s=0.25)
    pump = pump_of(listener("echo", Ping, handler, rate=RateConfig(10, burst=1), max_concurrent=2))
    in_virtual_time(outcomes(pump, *(ping(str(n)) for n in range(6))))
    assert handler.times == [0, 0.1, 0.25, 0.35, 0.5, 0.6]
    assert handler.most == 2


def test_several_rates_have_their_own_time() -> None:
    fast, slow = Clocked(), Clocked()
    pump = pump_of(
        listener("fast", Ping, fast, rate=RateConfig(10, burst=1)),
        listener("slow", Ping, slow, rate=RateConfig(2, burst=1)),
    )
    in_virtual_time(outcomes(pump, *(ping(to=name) for name in ("fast", "slow") * 4)))
    assert (fast.times, slow.times) == ([0, 0.1, 0.2, 0.3], [0, 0.5, 1.0, 1.5])


def test_the_rate_is_kept_while_all_handlers_are_busy() -> None:
    handler = Clocked(takes_s=1)
    pump = pump_of(listener("echo", Ping, handler, rate=RateConfig(10, burst=1)), max_concurrent_handlers=1)
    in_virtual_time(outcomes(pump, *(ping() for _ in range(4))))
    assert handler.times == [0, 1, 2, 3]


def test_all_contracts_of_a_listener_share_its_rate() -> None:
    from agentserver.config import HandlesConfig

    handler = Clocked()

    async def amount(payload: Amount, metadata: HandlerMetadata) -> None:
        await handler(Ping("amount"), metadata)

    config = listener(
        "echo", Ping, handler, rate=RateConfig(10, burst=1),
        handles=[HandlesConfig(payload_class=Amount, handler=amount)],
    )  # fmt: skip
    messages = [ping("ping"), b"<Amount><Value>1</Value></Amount>"] * 2
    in_virtual_time(outcomes(pump_of(config), *messages))
    assert handler.times == [0, 0.1, 0.2, 0.3]
    assert handler.texts == ["ping", "amount"] * 2


async def test_a_pump_that_is_stopped_waits_for_no_rate() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder, rate=RateConfig.parse("1/day")))
    async with running(pump, drain_timeout_s=0.01):
        for _ in range(3):
            await pump.inject(ping(), THREAD, "user")
    assert (len(recorder.calls), pump.books.dead, pump.books.balanced) == (1, 2, True)
