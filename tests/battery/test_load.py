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
from agentserver.errors import PumpClosed, QueueFull
from agentserver.queues import MessageQueue
from agentserver.testing.virtual_time import virtual_time
from tests.battery.conftest import QUEUED
from tests.organisms import THREAD, Ping, Pong, listener, ping, pump_of

FLOOD: Final = 20_000
LARGE: Final = ping("x" * 2_000, to="stuck")
PONG: Final = b"<Pong><Text>x</Text></Pong>"
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


@pytest.mark.slow
async def test_f21_a_flood_at_a_stuck_listener_waits_outside_and_harms_nobody(waiting_in: MessageQueue) -> None:
    stuck = asyncio.Event()

    async def wait(payload: Ping, metadata: HandlerMetadata) -> None:
        await stuck.wait()

    pump = pump_of(
        listener("stuck", Ping, wait), listener("other", Pong, answer), waiting_in=waiting_in,
        limits=Limits(handler_timeout_s=600),
    )  # fmt: skip
    before = resident()
    admitted = refused = 0

    async def flood() -> None:
        nonlocal admitted, refused
        for _ in range(FLOOD):
            try:
                await pump.inject(LARGE, None, "flooder", wait=False)
                admitted += 1
            except QueueFull as exc:
                assert "limits.queue_messages" in str(exc)  # noqa: PT017  # each of thousands
                refused += 1
            if refused % 50 == 0:
                await asyncio.sleep(0)

    async with running(pump):
        await flood()
        waiting = asyncio.create_task(pump.inject(LARGE, None, "flooder"))  # one that waits does so for ever
        pump.resume()
        assert admitted + refused == FLOOD
        assert admitted <= QUEUED + pump.config.max_concurrent_pipelines
        assert resident() - before < 64 * MIB
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        assert pump.books.open == admitted
        stuck.set()
        await pump.drained()
        assert (await waiting) is not None
        assert pump.books.settled == admitted + 1 or pump.books.open == 1
        assert (await pump.request(Pong("after"), "other")).text == "after"
