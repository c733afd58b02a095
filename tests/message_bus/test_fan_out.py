"""One input that becomes several messages: envelopes, bare payloads, listeners of one name."""

from __future__ import annotations

from agentserver import HandlerMetadata, HandlerResponse
from agentserver.config import Limits
from tests.organisms import Amount, Ping, Pong, Recorder, envelope, listener, outcomes, ping, pump_of, texts


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


async def test_several_envelopes_in_one_input_become_messages_of_their_own() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    assert texts(await outcomes(pump, ping("a") + b"\n" + ping("b") + ping("c"))) == ["a", "b", "c"]


async def test_several_bare_payloads_in_one_input_become_messages_of_their_own() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    data = b"<Ping><Text>a</Text></Ping><Ping><Text>b</Text></Ping>"
    assert texts(await outcomes(pump, data)) == ["a", "b"]


async def test_one_bad_part_leaves_the_others_whole() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    data = ping("a") + ping("b", to="nobody") + ping("c")
    assert sorted(texts(await outcomes(pump, data))) == ["a", "c", "no-listener"]


async def test_the_dead_letter_of_a_part_holds_that_part_alone() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    await outcomes(pump, ping("a") + ping("b", to="nobody"))
    assert [letter.message.data for letter in pump.dead_letters] == [ping("b", to="nobody")]


async def test_parts_count_as_emitted_and_their_input_as_settled() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    await outcomes(pump, ping("a") + ping("b") + ping("c"))
    assert (pump.books.injected, pump.books.emitted, pump.books.settled) == (1, 3, 4)


async def test_too_many_parts_are_refused_whole() -> None:
    pump = pump_of(listener("echo", Ping, echo), limits=Limits(payloads=2))
    assert texts(await outcomes(pump, ping("a") + ping("b") + ping("c"))) == ["too-many"]


async def test_a_broadcast_reaches_every_listener_below_the_name() -> None:
    google, bing, other = Recorder(), Recorder(), Recorder()
    pump = pump_of(
        listener("search.google", Ping, google, broadcast=True),
        listener("search.bing", Ping, bing, broadcast=True),
        listener("search.private", Ping, other),
    )
    await outcomes(pump, ping("x", to="search"))
    assert (google.payloads, bing.payloads, other.payloads) == ([Ping("x")], [Ping("x")], [])


async def test_listeners_of_a_broadcast_do_not_share_the_payload() -> None:
    async def spoil(payload: Ping, metadata: HandlerMetadata) -> None:
        payload.text = "spoiled"

    recorder = Recorder()
    pump = pump_of(
        listener("s.a", Ping, spoil, broadcast=True), listener("s.b", Ping, recorder, broadcast=True)
    )
    await outcomes(pump, ping("x", to="s"))
    assert recorder.payloads == [Ping("x")]


async def test_a_broadcast_listener_is_reached_by_its_own_name_alone_too() -> None:
    google, bing = Recorder(), Recorder()
    pump = pump_of(
        listener("search.google", Ping, google, broadcast=True),
        listener("search.bing", Ping, bing, broadcast=True),
    )
    await outcomes(pump, ping("x", to="search.bing"))
    assert (len(google.calls), len(bing.calls)) == (0, 1)


async def test_a_listener_of_a_broadcast_that_fails_leaves_the_others_whole() -> None:
    def fail(payload: Ping) -> None:
        raise ValueError(payload.text)

    pump = pump_of(
        listener("s.a", Ping, Recorder(fail), broadcast=True), listener("s.b", Ping, echo, broadcast=True)
    )
    assert sorted(texts(await outcomes(pump, ping("x", to="s")))) == ["handler-failed", "x"]


async def test_a_handler_may_return_several_answers() -> None:
    async def thrice(payload: Ping, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse.respond(Pong(payload.text * n)) for n in (1, 2, 3)]

    assert texts(await outcomes(pump_of(listener("echo", Ping, thrice)), ping("x"))) == ["x", "xx", "xxx"]


async def test_bytes_of_a_handler_hold_several_payloads_each_addressed_by_its_tag() -> None:
    pings, amounts = Recorder(), Recorder()

    async def call_tools(payload: Pong, metadata: HandlerMetadata) -> bytes:
        return b"I will call: <Ping><Text>AT&T</Text></Ping> and <Amount><Value>7</Value></Amount> now."

    pump = pump_of(
        listener("model", Pong, call_tools), listener("echo", Ping, pings), listener("count", Amount, amounts)
    )
    await outcomes(pump, envelope('<Pong xmlns=""><Text>go</Text></Pong>', to="model"))
    assert (pings.payloads, amounts.payloads) == ([Ping("AT&T")], [Amount(7)])


async def test_a_handler_may_return_an_envelope_whose_claims_do_not_count() -> None:
    recorder = Recorder()
    forged = ping("x", to="echo", sender="bank", thread="00000000-0000-4000-8000-000000000000")
    pump = pump_of(listener("forger", Pong, Recorder(forged)), listener("echo", Ping, recorder))
    await outcomes(pump, envelope('<Pong xmlns=""><Text>go</Text></Pong>', to="forger"))
    metadata = recorder.calls[0][1]
    assert (metadata.from_id, metadata.thread_id != "00000000-0000-4000-8000-000000000000", pump.false_claims) == (
        "forger", True, 2,
    )  # fmt: skip


async def test_bytes_that_no_listener_takes_are_an_answer() -> None:
    (reply,) = await outcomes(pump_of(listener("echo", Ping, Recorder("<Done>ä</Done>"))), ping())
    assert (reply.to_id, reply.payload.text) == ("user", "ä")
