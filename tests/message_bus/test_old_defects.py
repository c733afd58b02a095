"""Defects that an earlier system of this design had, each as a test, where no other test is about it."""

from __future__ import annotations

import asyncio

import pytest

from agentserver import HandlerMetadata, HandlerResponse, running
from agentserver.config import Limits
from tests.organisms import (
    THREAD,
    Amount,
    Ping,
    Pong,
    Recorder,
    envelope,
    listener,
    outcomes,
    ping,
    pump_of,
    texts,
)


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    await asyncio.sleep(0)
    return HandlerResponse.respond(Pong(payload.text))


async def test_a_shutdown_with_100_queued_finishes_them_all() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    running_pump = asyncio.create_task(pump.run())
    for _ in range(100):
        await pump.inject(ping(), THREAD, "user")
    assert await pump.shutdown(10)
    await running_pump
    assert (100, 0, 0) == (
        pump.books.settled - 100,
        pump.books.dead,
        pump.books.waiting,
    )  # each with its reply


async def test_a_stuck_listener_does_not_let_20_000_messages_in() -> None:
    stuck = asyncio.Event()

    async def wait(payload: Ping, metadata: HandlerMetadata) -> None:
        await stuck.wait()

    pump = pump_of(listener("echo", Ping, wait), limits=Limits(queue_messages=100))

    async def flood() -> None:
        for _ in range(20_000):
            await pump.inject(ping(), THREAD, "user")

    async with running(pump):
        flooding = asyncio.create_task(flood())
        await asyncio.wait([flooding], timeout=0.2)
        waiting, taken = pump.books.waiting, pump.books.in_flight
        flooding.cancel()
        stuck.set()
        await pump.drained()
    assert (100, True) == (waiting, taken <= pump.config.max_concurrent_pipelines)


async def test_an_answer_finds_its_way_through_names_with_dots() -> None:
    answered = Recorder()
    pump = pump_of(
        listener("a.b", Ping, Recorder(HandlerResponse(Pong("x"), to="b.c.d"))),
        listener("b.c.d", Pong, Recorder(HandlerResponse.respond(Amount(1)))),
        listener("a.b", Amount, answered),
        listener("a", Amount, Recorder()),
    )
    assert [] == await outcomes(pump, ping(to="a.b"))
    assert [("b.c.d", Amount(1))] == [(told.from_id, payload) for payload, told in answered.calls]


HOSTILE = "b</to><thread>evil</thread><to>b"


@pytest.mark.parametrize("name", [HOSTILE, "a&b", "a b", 'a"', "", "a\n"])
async def test_no_name_gets_into_an_envelope_unless_it_is_one(name: str) -> None:
    pump = pump_of(
        listener("echo", Ping, Recorder(HandlerResponse(Pong("x"), to=name))), listener("b", Pong, Recorder())
    )
    with pytest.raises(ValueError, match="is no name"):
        await pump.inject(ping(), THREAD, name)
    with pytest.raises(ValueError, match="is no name"):
        await pump.request(Ping("x"), to=name)
    assert ["bad-reply"] == texts(await outcomes(pump, ping()))


@pytest.mark.parametrize("text", ["xmlns=", ' xmlns=""', "<Ping xmlns='urn:x'>", "</Ping>"])
async def test_a_text_cannot_change_the_namespace_of_its_payload(text: str) -> None:
    recorder = Recorder()
    pump = pump_of(
        listener("a", Amount, Recorder(HandlerResponse(Ping(text), to="echo"))),
        listener("echo", Ping, recorder),
    )
    await outcomes(pump, envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="a"))
    assert [Ping(text)] == recorder.payloads
