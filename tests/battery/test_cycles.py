"""Conversations that would never end: F19, a ping-pong and a call of oneself; F20, ten messages for each one."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any, Final

import pytest

from agentserver import HandlerResponse, MessageState, StreamPump, running
from agentserver.config import BudgetConfig, Limits
from agentserver.queues import MessageQueue
from tests.battery.conftest import QUEUED
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, ping, pump_of

HOPS: Final = 200


def sends_to(name: str, count: int = 1) -> Recorder:
    return Recorder(lambda payload: [HandlerResponse(payload, to=name)] * count)


def echo() -> Recorder:
    return Recorder(lambda payload: HandlerResponse.respond(Pong(payload.text)))


def organism(way: str, waiting_in: MessageQueue, **options: Any) -> StreamPump:
    rows = {
        "ping-pong": [listener("a", Ping, sends_to("b")), listener("b", Ping, sends_to("a"))],
        "itself": [listener("a", Ping, sends_to("a"), is_agent=True, peers=["a"])],
    }[way]
    return pump_of(*rows, listener("echo", Ping, echo()), waiting_in=waiting_in, **options)


@pytest.mark.parametrize("way", ["ping-pong", "itself"])
async def test_f19_a_cycle_ends_at_the_bound_of_hops_and_grows_with_them_at_most(
    way: str, waiting_in: MessageQueue
) -> None:
    pump = organism(way, waiting_in, limits=Limits(hops=HOPS))
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        gc.collect()
        tracemalloc.start()
        try:
            await pump.inject(ping(to="a"), THREAD, "user")
            await pump.drained()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (await pump.request(Ping("fine"), "echo")).text == "fine"
        assert pump.books.balanced
        chain = pump.dead_letters[0].message.chain
    assert [state.failure.code for state in seen if state.failure] == ["hop-limit"]
    assert len(chain) <= HOPS + 1
    assert peak < 4_000_000  # 200 chains of 200 places each would be far more, written out


async def test_f20_ten_messages_for_each_one_in_a_cycle_end_by_the_budget(waiting_in: MessageQueue) -> None:
    """The queue is full all the time, which holds up whoever injects, and no answer."""
    budget = 1_500
    answered = asyncio.Event()
    pump = pump_of(
        listener("a", Ping, sends_to("b", 10)), listener("b", Ping, sends_to("a", 10)),
        listener("echo", Ping, echo()), waiting_in=waiting_in, budget=BudgetConfig(messages=budget),
    )  # fmt: skip
    full = 0

    def look(state: MessageState) -> None:
        nonlocal full
        full += pump.books.waiting > QUEUED
        if state.payload == Pong("beside"):
            answered.set()

    pump.add_outlet(look)

    async def ask() -> None:
        while not answered.is_set():
            await pump.inject(ping("beside"), None, "user")
            await asyncio.sleep(0)

    async with running(pump):
        for _ in range(3):
            await pump.inject(ping(to="a"), None, "user")
        await asyncio.wait_for(ask(), 30)
        during = pump.books.open
        await asyncio.wait_for(pump.drained(), 60)
        assert (await pump.request(Ping("after"), "echo")).text == "after"
        books, codes = pump.books, {letter.code for letter in pump.dead_letters}
        assert books.balanced
    assert (during > 0, full > 0) == (True, True)
    assert codes == {"budget"}
    assert books.emitted <= 3 * budget + 10_000
