"""A flood at one listener, and one that is slow: nobody else notices, and memory is bounded. F21, F22."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import Limits
from agentserver.errors import QueueFull
from agentserver.queues import MessageQueue
from agentserver.testing.virtual_time import virtual_time
from tests.battery.conftest import QUEUED
from tests.organisms import Amount, Ping, Pong, listener, ping, pump_of

FLOOD: Final = 20_000
LARGE: Final = ping("x" * 2_000, to="stuck")
MIB: Final = 1 << 20


async def answer(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload)


def resident() -> int:
    """Return the bytes of memory that this process has."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4_096


async def p99(pump: StreamPump, count: int = 200) -> float:
    """Ask the other listener again and again; return the 99th of 100 times that it took, in seconds."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        await pump.request(Pong("x"), "other", timeout_s=60)
        took.append(time.perf_counter() - began)
    return quantiles(took, n=100)[-1]


class Stuck:
    """A handler that returns when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> None:
        await self.go.wait()


async def go_on(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse | None:
    """Send to itself, so many times."""
    return HandlerResponse(Amount(payload.value - 1), to="counter") if payload.value else None


def organism(stuck: Stuck, waiting_in: MessageQueue) -> StreamPump:
    return pump_of(
        listener("stuck", Ping, stuck), listener("other", Pong, answer), listener("counter", Amount, go_on),
        waiting_in=waiting_in, limits=Limits(handler_timeout_s=600),
    )  # fmt: skip


async def flood(pump: StreamPump, count: int) -> int:
    """Inject messages for the stuck one that do not wait for room; return how many were admitted."""
    admitted = 0
    for number in range(count):
        try:
            await pump.inject(LARGE, None, "flooder", wait=False)
        except QueueFull as exc:
            assert "limits.queue_messages" in str(exc)  # noqa: PT017  # each of thousands
        else:
            admitted += 1
        if number % 100 == 0:
            await asyncio.sleep(0)
    return admitted


@pytest.mark.slow
async def test_f21_a_flood_at_a_stuck_listener_stays_outside_and_no_other_listener_notices(
    waiting_in: MessageQueue,
) -> None:
    stuck = Stuck()
    pump = organism(stuck, waiting_in)
    async with running(pump, drain_timeout_s=5):
        quiet = await p99(pump)
        before = resident()
        admitted = await flood(pump, QUEUED * 9 // 10)
        assert admitted == QUEUED * 9 // 10
        assert await p99(pump) <= 2 * quiet + 0.05  # which is what the machine may do at any time

        await pump.inject(b"<Amount><Value>50</Value></Amount>", None, "user")
        admitted += await flood(pump, FLOOD)
        assert QUEUED <= admitted <= QUEUED * 5 // 4  # some are in the pipeline, and with the listener
        assert resident() - before < 64 * MIB
        while pump.books.open > admitted:  # noqa: ASYNC110  # who counts gets to its end though the queue is full
            await asyncio.sleep(0.01)
        waits = asyncio.create_task(pump.inject(LARGE, None, "flooder"))
        done, _ = await asyncio.wait([waits], timeout=0.2)
        assert (done, pump.books.open) == (set(), admitted)

        stuck.go.set()
        assert await asyncio.wait_for(waits, 60)
        await asyncio.wait_for(pump.drained(), 60)
        assert (await pump.request(Pong("after"), "other")).text == "after"
        assert (pump.books.dead, pump.books.balanced) == (0, True)


@virtual_time
async def test_f22_a_fast_listener_is_as_fast_beside_a_slow_one() -> None:
    """In virtual time, which passes only while everybody waits: the fast one takes none at all."""

    async def slow(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(3)
        return HandlerResponse.respond(Pong(payload.text))

    pump = pump_of(
        listener("slow", Ping, slow), listener("fast", Pong, answer), max_concurrent_handlers=4,
        max_concurrent_pipelines=8, limits=Limits(handler_timeout_s=600),
    )  # fmt: skip
    now = asyncio.get_running_loop().time
    took = []
    async with running(pump):
        for number in range(100):
            for _ in range(5):
                await pump.inject(ping(to="slow"), None, "user")
            began = now()
            assert await pump.request(Pong(str(number)), "fast") == Pong(str(number))
            took.append(now() - began)
            await asyncio.sleep(0.25)
        await pump.drained()
    assert max(took) == 0
    assert pump.books.dead == 0
