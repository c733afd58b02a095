"""Handlers that raise whatever can be raised, or end in no other way: F16, F17. F15, those that block, is beside this.

F18, those that end the process, is in `tests/crash/test_deadly_handlers.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import Limits
from agentserver.config.resilience import RetryConfig
from agentserver.queues import MessageQueue
from tests.organisms import THREAD, Ping, Pong, listener, ping, pump_of


async def answer(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload)


def beside_a_good_one(bad: Callable[..., Any], waiting_in: MessageQueue, **options: Any) -> StreamPump:
    return pump_of(
        listener("bad", Ping, bad, **options), listener("good", Pong, answer), waiting_in=waiting_in,
        max_concurrent_handlers=2, limits=Limits(handler_timeout_s=30),
    )  # fmt: skip


async def good_is_answered(pump: StreamPump, text: str) -> None:
    assert await pump.request(Pong(text), "good", timeout_s=30) == Pong(text)


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("no"), asyncio.CancelledError(), GeneratorExit(), BaseException("no"), SystemExit(3),
        KeyboardInterrupt(), StopAsyncIteration(), RecursionError(), MemoryError(),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "waits"])
async def test_f16_whatever_a_handler_raises_it_is_tried_again_given_up_on_and_the_next_is_handled(
    raised: BaseException, waits: bool, waiting_in: MessageQueue
) -> None:
    calls: list[int] = []

    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        calls.append(metadata.attempt)
        if waits:
            await asyncio.sleep(0)
        raise raised

    retry = RetryConfig(attempts=3, base_s=0, on=("error", "crashed"))
    pump = beside_a_good_one(bad, waiting_in, retry=retry)
    async with running(pump):
        for number in range(2):
            await pump.inject(ping(to="bad"), THREAD, "user")
            await good_is_answered(pump, f"between {number}")
        await pump.drained()
        await good_is_answered(pump, "after")
        letters = [(letter.code, letter.message.attempt) for letter in pump.dead_letters]
        assert pump.books.balanced
    assert sorted(calls) == [0, 0, 1, 1, 2, 2]
    assert letters == [("handler-failed", 2)] * 2


async def returns_never() -> None:
    await asyncio.Event().wait()


async def swallows_its_cancellation() -> None:
    end = asyncio.get_running_loop().time() + 1
    while asyncio.get_running_loop().time() < end:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def leaves_a_task_behind() -> None:
    asyncio.create_task(asyncio.Event().wait(), name="orphan")  # noqa: RUF006  # nobody is to hold it
    asyncio.create_task(cancels_itself(), name="orphan")  # noqa: RUF006
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("way", "codes"),
    [
        (returns_never, ["handler-timeout"] * 5),
        (swallows_its_cancellation, ["handler-timeout"] * 5),
        (cancels_itself, ["handler-failed"] * 5),
        (leaves_a_task_behind, []),
    ],
)
async def test_f17_a_handler_that_ends_in_no_good_way_harms_its_own_messages_alone(
    way: Callable[[], Any], codes: list[str], waiting_in: MessageQueue
) -> None:
    async def bad(payload: Ping, metadata: HandlerMetadata) -> None:
        await way()

    pump = beside_a_good_one(bad, waiting_in, timeout_s=0.1)
    async with running(pump):
        for _ in range(5):
            await pump.inject(ping(to="bad"), THREAD, "user")
            await good_is_answered(pump, "beside")
        await pump.drained()
        await good_is_answered(pump, "after")
        assert [letter.code for letter in pump.dead_letters] == codes
        assert pump.books.balanced
    for task in asyncio.all_tasks():
        if task.get_name() == "orphan":
            task.cancel()
