"""The pump as a program holds it: inject, request, subscribe."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, RequestFailed, running, xmlify
from agentserver.errors import NoReply, PumpClosed, RequestTimedOut
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, meta_of, outcomes, ping, pump_of


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


async def test_a_message_reaches_its_handler_as_an_instance() -> None:
    recorder = Recorder()
    await outcomes(pump_of(listener("echo", Ping, recorder)), ping("hello"))
    assert recorder.payloads == [Ping("hello")]


async def test_a_handler_is_told_thread_and_sender() -> None:
    recorder = Recorder()
    await outcomes(pump_of(listener("echo", Ping, recorder)), ping())
    assert recorder.calls[0][1][:4] == (THREAD, "user", None, False)


async def test_an_agent_is_told_its_own_name() -> None:
    recorder = Recorder()
    await outcomes(pump_of(listener("echo", Ping, recorder, is_agent=True)), ping())
    assert recorder.calls[0][1].own_name == "echo"


async def test_an_answer_goes_to_who_asked_on_the_thread_on_which_they_asked() -> None:
    (reply,) = await outcomes(pump_of(listener("echo", Ping, echo)), ping("hello"))
    assert (reply.payload, meta_of(reply)) == (
        Pong("hello"),
        {"from": "echo", "to": "user", "thread": THREAD},
    )


async def test_a_bare_payload_is_routed_by_its_tag() -> None:
    (reply,) = await outcomes(pump_of(listener("echo", Ping, echo)), b"<Ping><Text>bare</Text></Ping>")
    assert reply.payload == Pong("bare")


async def test_a_payload_may_name_its_whole_key() -> None:
    (reply,) = await outcomes(
        pump_of(listener("echo", Ping, echo)), b"<echo.ping><Text>key</Text></echo.ping>"
    )
    assert reply.payload == Pong("key")


async def test_matching_of_addresses_ignores_case() -> None:
    (reply,) = await outcomes(pump_of(listener("Echo", Ping, echo)), ping("hello", to="eCHO"))
    assert reply.payload == Pong("hello")


async def test_names_may_hold_dots_and_dashes() -> None:
    pump = pump_of(listener("search.web-2", Ping, echo))
    (reply,) = await outcomes(pump, ping("hello", to="search.web-2"))
    assert reply.from_id == "search.web-2"


async def test_request_returns_the_reply() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump:
        assert await pump.request(Ping("hello"), to="echo") == Pong("hello")


async def test_requests_at_once_get_each_their_own_reply() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump:
        replies = await asyncio.gather(*(pump.request(Ping(str(n)), to="echo") for n in range(100)))
    assert replies == [Pong(str(n)) for n in range(100)]


async def test_an_answered_request_is_not_unclaimed() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump:
        await pump.request(Ping("hello"), to="echo")
    assert pump.unclaimed == 0


async def test_request_fails_at_once_when_its_message_fails() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump:
        with pytest.raises(RequestFailed) as caught:
            await pump.request(Ping("hello"), to="nobody")
    assert caught.value.failure_code == "no-listener"


async def test_request_fails_at_once_when_nobody_answered() -> None:
    async with running(pump_of(listener("echo", Ping, Recorder()))) as pump:
        with pytest.raises(NoReply):
            await pump.request(Ping("hello"), to="echo")


async def test_request_times_out_when_the_handler_does_not_return() -> None:
    async def never(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.Event().wait()

    async with running(pump_of(listener("echo", Ping, never)), drain_timeout_s=0) as pump:
        with pytest.raises(RequestTimedOut):
            await pump.request(Ping("hello"), to="echo", timeout_s=0.01)


async def test_request_through_several_listeners_gets_the_last_answer() -> None:
    async def ask(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Amount(len(payload.text)), to="count")

    async def double(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Pong("x" * payload.value))

    async def pass_on(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(payload)

    pump = pump_of(listener("ask", Ping, ask), listener("count", Amount, double))
    pump.register_listener(listener("ask", Pong, pass_on))
    async with running(pump):
        assert await pump.request(Ping("abc"), to="ask") == Pong("xxx")


@pytest.mark.parametrize("to", ["", "a b", "\x00", 7])
async def test_request_refuses_an_address_that_is_no_name(to: Any) -> None:
    with pytest.raises(ValueError, match="is no name"):
        await pump_of(listener("echo", Ping, echo)).request(Ping("x"), to=to)


async def test_request_tells_two_classes_of_one_name_apart() -> None:
    def make() -> type[Any]:
        @xmlify
        @dataclass
        class Answer:
            text: str

        return Answer

    one, other = make(), make()
    pump = pump_of(
        listener("a", Ping, Recorder(lambda p: HandlerResponse.respond(one(p.text)))),
        listener("b", Ping, Recorder(lambda p: HandlerResponse.respond(other(p.text)))),
    )
    async with running(pump):
        replies = await asyncio.gather(*(pump.request(Ping(str(n)), to="ab"[n % 2]) for n in range(20)))
    assert [type(reply) for reply in replies] == [one, other] * 10


async def test_an_honest_thread_that_is_no_uuid_is_no_false_claim() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    async with running(pump), pump.subscribe("order-7") as messages:
        await pump.inject(ping(thread="order-7"), "order-7", "user")
        reply = await anext(messages)
    assert (reply.error, pump.false_claims) == (None, 0)


async def test_a_message_to_the_outside_sender_ignores_case() -> None:
    pump = pump_of(listener("echo", Ping, Recorder(HandlerResponse(Pong("x"), to="USER"))))
    assert [state.to_id for state in await outcomes(pump, ping())] == ["user"]


async def test_request_under_a_listeners_name_is_refused() -> None:
    with pytest.raises(ValueError, match="is a listener here"):
        await pump_of(listener("echo", Ping, echo)).request(Ping("x"), to="echo", from_id="echo")


async def test_a_subscriber_sees_only_its_thread() -> None:
    other = "00000000-0000-4000-8000-000000000000"
    async with running(pump_of(listener("echo", Ping, echo))) as pump, pump.subscribe(other) as messages:
        await pump.inject(ping("mine"), THREAD, "user")
        await pump.inject(ping("other"), other, "user")
        assert (await anext(messages)).payload == Pong("other")


async def test_a_subscriber_sees_failures_on_its_thread() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump, pump.subscribe(THREAD) as messages:
        await pump.inject(b"<broken", THREAD, "user")
        assert "syntax" in ((await anext(messages)).error or "")


async def test_a_thread_that_is_no_uuid_always_stands_for_the_same_one() -> None:
    async with running(pump_of(listener("echo", Ping, echo))) as pump, pump.subscribe("order 7") as messages:
        first = await pump.inject(ping("a"), "order 7", "user")
        second = await pump.inject(ping("b"), "order 7", "user")
        assert (first, (await anext(messages)).thread_id) == (second, first)


async def test_inject_returns_a_new_thread_when_none_is_given() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    first, second = [await pump.inject(ping(), None, "user") for _ in range(2)]
    assert first != second
    await pump.shutdown()


async def test_the_envelope_says_sender_and_thread_when_the_program_does_not() -> None:
    (reply,) = await outcomes(
        pump_of(listener("echo", Ping, echo)), ping("hello", sender="alice"), sender=None
    )
    assert meta_of(reply) == {"from": "echo", "to": "alice", "thread": THREAD}


async def test_an_outside_sender_cannot_claim_a_listeners_name() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    (failed,) = await outcomes(pump, ping("hello", sender="Echo"), sender=None)
    assert failed.failure is not None
    assert failed.failure.code == "false-sender"


async def test_what_the_program_says_of_the_sender_counts_and_a_false_claim_is_counted() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    await outcomes(pump, ping(sender="admin", thread="00000000-0000-4000-8000-000000000000"))
    assert (recorder.calls[0][1][:2], pump.false_claims) == ((THREAD, "user"), 2)


@pytest.mark.parametrize("name", ["", "1x", "a b", "a<b", "x" * 65, "ä"])
async def test_inject_refuses_a_sender_that_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        await pump_of().inject(ping(), THREAD, name)


async def test_inject_refuses_what_is_not_bytes() -> None:
    text: Any = "<Ping/>"
    with pytest.raises(TypeError, match="raw_bytes is str"):
        await pump_of().inject(text, THREAD, "user")


async def test_inject_refuses_after_shutdown() -> None:
    pump = pump_of()
    await pump.shutdown()
    with pytest.raises(PumpClosed):
        await pump.inject(ping(), THREAD, "user")


async def test_a_reply_that_nobody_listens_for_is_counted() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
    assert (pump.unclaimed, pump.books.dead) == (1, 0)


async def test_two_pumps_in_one_process_share_nothing() -> None:
    first, second = Recorder(), Recorder()
    one, two = pump_of(listener("echo", Ping, first)), pump_of(listener("echo", Ping, second))
    async with running(one), running(two):
        await one.inject(ping("one"), THREAD, "user")
        await two.inject(ping("two"), THREAD, "user")
        await asyncio.gather(one.drained(), two.drained())
    assert (first.payloads, second.payloads) == ([Ping("one")], [Ping("two")])


async def test_a_handler_may_be_replaced_while_the_pump_runs() -> None:
    pump, recorder = pump_of(listener("echo", Ping, echo)), Recorder()
    async with running(pump):
        pump.routing_table["echo.ping"][0].handler = recorder
        await pump.inject(ping("hello"), THREAD, "user")
        await pump.drained()
    assert recorder.payloads == [Ping("hello")]


async def test_the_pipeline_runs_over_a_source_of_single_states() -> None:
    from agentserver.message_bus import MessageState

    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))

    async def source() -> Any:
        for n in range(3):
            yield MessageState(raw_bytes=ping(str(n)), thread_id=THREAD, from_id="user")

    async with pump.build_pipeline(source()).stream() as streamer:
        finished = [state async for batch in streamer for state in batch]
    assert ([state.error for state in finished], len(recorder.calls)) == ([None] * 3, 3)


async def test_a_slow_subscriber_loses_its_subscription_and_nothing_else() -> None:
    from agentserver import PumpError

    pump = pump_of(listener("echo", Ping, echo))
    async with running(pump), pump.subscribe(THREAD, buffer=2) as messages:
        for n in range(5):
            await pump.inject(ping(str(n)), THREAD, "user")
        await pump.drained()
        read = [(await anext(messages)).payload.text for _ in range(2)]
        with pytest.raises(PumpError, match="behind"):
            await anext(messages)
    assert (read, pump.books.settled) == (["0", "1"], 10)
