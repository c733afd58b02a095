"""Who is told that a message came to nothing, on which thread, and how much: never more than they may know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, RequestFailed, Secret, StreamPump, running, xmlify
from agentserver.config import BudgetConfig, HandlesConfig, Limits, ListenerConfig, MetaConfig
from agentserver.core import CORE_NS, Huh, SystemError_
from agentserver.errors import ConfigError
from agentserver.message_bus import MessageState
from agentserver.message_bus.outlets import is_refusal
from tests.organisms import (
    THREAD,
    Amount,
    Ping,
    Pong,
    Recorder,
    envelope,
    listener,
    meta_of,
    outcomes,
    ping,
    pump_of,
    texts,
)

HUH = f'<huh xmlns="{CORE_NS}"><code>a</code><reason>b</reason></huh>'


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


async def echo_pong(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload)


async def fails(payload: Any, metadata: HandlerMetadata) -> None:
    raise RuntimeError("the password is swordfish")


def asks(payload: Any, to: str | None) -> Callable[..., Any]:
    async def ask(_: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(payload, to)

    return ask


async def refused(pump: StreamPump, *messages: bytes, sender: str | None = "user") -> list[MessageState]:
    """Give the refusals that leave."""
    left: list[MessageState] = []
    pump.add_outlet(lambda state: left.append(state) if is_refusal(state) else None, refusals=True)
    await outcomes(pump, *messages, sender=sender)
    return [state for state in left if state.error is None]


def told(left: list[MessageState]) -> list[Any]:
    return [state.payload for state in left]


# whoever asked from outside


async def test_a_message_that_breaks_its_contract_is_answered_with_huh() -> None:
    left = await refused(pump_of(listener("echo", Ping, echo)), envelope("<Ping xmlns=''/>"))
    assert [Huh("schema", "the message breaks its schema")] == told(left)


async def test_a_refusal_comes_from_system_on_the_thread_on_which_was_asked() -> None:
    (left,) = await refused(pump_of(listener("echo", Ping, echo)), envelope("<Ping xmlns=''/>"))
    assert {"from": "system", "to": "user", "thread": THREAD} == meta_of(left)


async def test_a_handler_that_fails_is_answered_with_system_error_that_quotes_nothing() -> None:
    left = await refused(pump_of(listener("echo", Ping, fails)), ping())
    assert [SystemError_("handler-failed", "whoever it was for could not handle it")] == told(left)


async def test_a_handler_that_takes_too_long_is_answered_with_system_error() -> None:
    async def sleeps(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.Event().wait()

    left = await refused(pump_of(listener("echo", Ping, sleeps, timeout_s=0.01)), ping())
    assert [SystemError_("handler-timeout", "no answer came in time")] == told(left)


async def test_a_conversation_beyond_its_budget_is_answered_once() -> None:
    async def again(payload: Ping, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(payload, "echo"), HandlerResponse(payload, "echo")]

    pump = pump_of(listener("echo", Ping, again), budget=BudgetConfig(messages=20))
    assert [SystemError_("budget", "the conversation has used up its budget")] == told(
        await refused(pump, ping())
    )


async def test_what_is_not_there_and_what_is_not_allowed_look_the_same() -> None:
    pump = pump_of(listener("echo", Ping, echo), meta=MetaConfig(list_capabilities="peers"))
    hidden, absent = await refused(
        pump,
        envelope('<ListCapabilities xmlns=""/>', to="system.meta"),
        envelope('<ListCapabilities xmlns=""/>', to="system.nothing"),
    )
    assert absent.canonical == hidden.canonical
    assert Huh("no-listener", "there is no such listener, or it is not for you to address") == hidden.payload


async def test_a_payload_for_several_is_answered_as_one_for_nobody() -> None:
    pump = pump_of(listener("one", Ping, echo), listener("two", Ping, echo))
    several, nobody = await refused(pump, ping(to=None), envelope('<Nope xmlns=""/>', to=None))
    assert nobody.canonical == several.canonical


async def test_without_somebody_who_takes_them_no_refusal_is_made() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    seen = await outcomes(pump, envelope("<Ping xmlns=''/>"))
    assert (["schema"], 0, 0) == (texts(seen), pump.books.emitted, pump.unclaimed)


async def test_who_listens_to_replies_alone_sees_no_refusals() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    pump.add_outlet(lambda state: None, refusals=True)
    assert ["schema"] == texts(await outcomes(pump, envelope("<Ping xmlns=''/>")))


async def test_only_refusals_of_their_own_thread_are_made_for_whoever_listens_to_one() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    pump.add_outlet(lambda state: None, "11111111-57b0-4a0e-9d0e-0c1d2e3f4a5b", refusals=True)
    await outcomes(pump, envelope("<Ping xmlns=''/>"))
    assert 0 == pump.books.emitted


async def test_an_outlet_that_was_removed_takes_none() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    pump.add_outlet(lambda state: None, refusals=True)()
    await outcomes(pump, envelope("<Ping xmlns=''/>"))
    assert 0 == pump.books.emitted


async def test_what_nobody_can_read_from_nobody_is_not_answered() -> None:
    assert [] == await refused(pump_of(listener("echo", Ping, echo)), b"<<<", sender=None)


async def test_who_claims_to_be_a_listener_brings_it_no_refusal() -> None:
    victim = Recorder()
    pump = pump_of(listener("echo", Ping, echo, on_refusal=victim))
    assert [] == await refused(pump, envelope("<Ping xmlns=''/>", sender="echo"), sender=None)
    assert [] == victim.calls


async def test_a_request_fails_as_ever_while_somebody_takes_refusals() -> None:
    pump = pump_of(listener("echo", Ping, fails))
    pump.add_outlet(lambda state: None, refusals=True)
    async with running(pump):
        with pytest.raises(RequestFailed, match="swordfish"):
            await pump.request(Ping("hello"), "echo")


@pytest.mark.parametrize("thread_id", ["mine", "a\x00b", "\ud800"])
async def test_a_refusal_is_on_the_thread_that_stands_for_any_other_name(thread_id: str) -> None:
    left: list[MessageState] = []
    pump = pump_of(listener("echo", Ping, echo))
    pump.add_outlet(left.append, thread_id, refusals=True)
    async with running(pump):
        await pump.inject(b"<<<", thread_id, "user")
        await pump.drained()
    assert [True, False] == [state.error is not None for state in left]
    assert "syntax" == left[1].payload.code


async def test_a_refusal_that_cannot_be_made_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    pump = pump_of(listener("echo", Ping, fails, on_refusal=Recorder()), listener("other", Pong, echo_pong))
    async with running(pump):
        await pump.inject(b"<<<", "a\x00b", "echo")
        assert Pong("still there") == await pump.request(Pong("still there"), "other")
        await pump.drained()
    assert "no refusal can be made" in [record.msg for record in caplog.records]
    assert (1, True) == (len(pump.dead_letters), pump.books.balanced)


# nobody but the pump sends them


@pytest.mark.parametrize("to", ["echo", "system.meta", "nobody", None])
async def test_from_outside_a_core_message_is_refused(to: str | None) -> None:
    victim = Recorder()
    pump = pump_of(listener("echo", Ping, echo, on_refusal=victim))
    assert ["privileged"] == texts(await outcomes(pump, envelope(HUH, to=to)))
    assert [] == victim.calls


async def test_a_key_in_the_tag_does_not_reach_who_takes_refusals() -> None:
    victim = Recorder()
    pump = pump_of(listener("echo", Ping, echo, on_refusal=victim))
    tags = [f'<echo.huh xmlns="{CORE_NS}"/>', '<echo.huh xmlns=""/>', '<huh xmlns=""/>']
    codes = [code for tag in tags for code in texts(await outcomes(pump_like(pump), envelope(tag, to=None)))]
    assert ["privileged", "no-listener", "no-listener"] == codes


def pump_like(pump: StreamPump) -> StreamPump:
    return pump_of(*pump.config.listeners)


def test_no_listener_takes_core_messages_with_a_handler() -> None:
    with pytest.raises(ConfigError, match="Huh is taken with on_refusal"):
        pump_of(listener("echo", Huh, echo))


async def test_nobody_outside_is_called_system() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    assert ["false-sender"] == texts(await outcomes(pump, ping(sender="system"), sender=None))


# a listener that asked


def organism(boss: Recorder, worker: Callable[..., Any], **options: Any) -> StreamPump:
    """A boss that asks a worker, and is told in `boss` what came of it."""
    return pump_of(
        listener("boss", Ping, asks(Pong("work"), "worker"), on_refusal=boss),
        listener("worker", Pong, worker),
        **options,
    )


async def test_a_listener_is_told_on_the_thread_on_which_it_asked() -> None:
    boss = Recorder()
    await outcomes(organism(boss, fails), ping(to="boss"))
    ((payload, metadata),) = boss.calls
    assert SystemError_("handler-failed", "whoever it was for could not handle it") == payload
    assert ("system", THREAD) == (metadata.from_id, metadata.thread_id)


async def test_its_answer_goes_to_whoever_asked_it() -> None:
    boss = Recorder(lambda payload: HandlerResponse.respond(Pong(f"sorry: {payload.code}")))
    pump = organism(boss, fails)
    async with running(pump):
        assert Pong("sorry: handler-failed") == await pump.request(Ping("go"), "boss")
    assert pump.books.balanced


async def test_a_refusal_pops_to_the_next_who_takes_them() -> None:
    outer = Recorder()
    pump = pump_of(
        listener("outer", Ping, asks(Pong("x"), "middle"), on_refusal=outer),
        listener("middle", Pong, asks(Amount(1), "inner")),
        listener("inner", Amount, fails),
    )
    seen = await outcomes(pump, ping(to="outer"))
    ((payload, metadata),) = outer.calls
    assert ("handler-failed", THREAD) == (payload.code, metadata.thread_id)
    assert ["handler-failed"] == texts(seen)


async def test_of_a_failure_below_what_it_asked_a_listener_is_told_nothing_particular() -> None:
    outer = Recorder()
    pump = pump_of(
        listener("outer", Ping, asks(Pong("x"), "middle"), on_refusal=outer),
        listener("middle", Pong, asks(Amount(1), "secret.listener")),
    )
    await outcomes(pump, ping(to="outer"))
    assert [SystemError_("handler-failed", "whoever it was for could not handle it")] == outer.payloads


async def test_where_no_listener_takes_it_the_outside_is_told() -> None:
    pump = pump_of(listener("boss", Ping, asks(Pong("x"), "worker")), listener("worker", Pong, fails))
    assert [SystemError_("handler-failed", "whoever it was for could not handle it")] == told(
        await refused(pump, ping(to="boss"))
    )


async def test_who_took_it_keeps_it_from_those_further_out() -> None:
    assert [] == told(await refused(organism(Recorder(), fails), ping(to="boss")))


async def test_an_answer_that_its_asker_does_not_take_is_told_to_its_author() -> None:
    worker = Recorder()
    pump = pump_of(
        listener("boss", Ping, asks(Pong("x"), "worker")),
        listener("worker", Pong, Recorder(HandlerResponse.respond(Amount(1))), on_refusal=worker),
    )
    await outcomes(pump, ping(to="boss"))
    assert ["no-listener"] == [payload.code for payload in worker.payloads]


async def test_an_author_who_was_told_of_its_answer_can_still_answer() -> None:
    got = Recorder()
    pump = pump_of(
        listener(
            "boss", Ping, asks(Pong("x"), "worker"), handles=[HandlesConfig(payload_class=Fit, handler=got)]
        ),
        listener(
            "worker",
            Pong,
            Recorder(HandlerResponse.respond(Amount(1))),
            on_refusal=Recorder(HandlerResponse.respond(Fit("better"))),
        ),
    )
    await outcomes(pump, ping(to="boss"))
    ((payload, metadata),) = got.calls
    assert (Fit("better"), "worker", THREAD) == (payload, metadata.from_id, metadata.thread_id)


@xmlify
@dataclass
class Fit:
    """Is taken."""

    text: str


# no end without one


@pytest.mark.parametrize("result", [None, RuntimeError("again")])
async def test_a_refusal_is_not_refused(result: Exception | None) -> None:
    async def on_refusal(payload: Any, metadata: HandlerMetadata) -> None:
        calls.append(payload)
        if result is not None:
            raise result

    calls: list[Any] = []
    pump = pump_of(
        listener("boss", Ping, asks(Pong("x"), "worker"), on_refusal=on_refusal),
        listener("worker", Pong, fails),
    )
    assert [] == told(await refused(pump, ping(to="boss")))
    assert 1 == len(calls)


async def test_who_asks_again_and_again_is_told_three_times() -> None:
    boss = Recorder(HandlerResponse(Pong("again"), "worker"))
    pump = organism(boss, fails)
    await outcomes(pump, ping(to="boss"))
    assert 3 == len(boss.calls)
    assert [False, False, False, True] == [letter.exhausted for letter in pump.dead_letters]


async def test_two_who_ask_each_other_of_every_refusal_come_to_an_end() -> None:
    one = Recorder([HandlerResponse(Pong("again"), "two"), HandlerResponse(Pong("again"), "nobody")])
    two = Recorder([HandlerResponse(Ping("again"), "one"), HandlerResponse(Pong("again"), "nobody")])
    pump = pump_of(
        listener("one", Ping, asks(Pong("x"), "two"), on_refusal=one),
        listener("two", Pong, fails, on_refusal=two),
        budget=BudgetConfig(messages=500),
    )
    await outcomes(pump, ping(to="one"))
    refusals = len(one.calls) + len(two.calls)
    assert refusals <= pump.books.dead
    assert refusals < 20


async def test_each_failed_message_is_refused_once_at_most() -> None:
    boss = Recorder()
    pump = pump_of(
        listener(
            "boss",
            Ping,
            Recorder([HandlerResponse(Pong("x"), f"worker{n}") for n in range(9)]),
            on_refusal=boss,
        ),
        *(listener(f"worker{n}", Pong, fails) for n in range(9)),
    )
    await outcomes(pump, ping(to="boss"))
    assert (9, 9) == (len(boss.calls), pump.books.dead)


async def test_a_refusal_counts_for_the_budget() -> None:
    boss = Recorder(HandlerResponse(Ping("again"), "boss"))
    pump = pump_of(
        listener("boss", Ping, asks(Pong("x"), "worker"), on_refusal=boss),
        listener("worker", Pong, fails),
        budget=BudgetConfig(messages=10),
    )
    await outcomes(pump, ping(to="boss"))
    assert pump.books.emitted <= 10


async def test_a_refusal_that_would_be_too_long_says_less() -> None:
    boss = Recorder()
    pump = pump_of(
        listener("boss", Ping, asks(b"<Ping xmlns=''><Txt/></Ping>", "echo"), on_refusal=boss),
        listener("echo", Ping, echo),
        limits=Limits(message_bytes=480),
    )
    await outcomes(pump, ping(to="boss"))
    assert [Huh("schema", "the message breaks its schema")] == boss.payloads


# secrets


@xmlify
@dataclass
class Login:
    """Holds a secret."""

    password: Annotated[str, Secret]
    count: int


@pytest.mark.parametrize(
    "payload",
    [
        "<Login xmlns=''><Password>swordfish</Password><Count>swordfish</Count></Login>",
        "<Login xmlns=''><Password>swordfish</Password><Password>swordfish</Password></Login>",
        "<Login xmlns=''><Count>swordfish</Count></Login>",
    ],
)
async def test_no_refusal_holds_a_secret(payload: str) -> None:
    boss = Recorder()
    pump = pump_of(
        listener("boss", Ping, asks(payload, "door"), on_refusal=boss), listener("door", Login, fails)
    )
    await outcomes(pump, ping(to="boss"))
    assert 1 == len(boss.calls)
    left = await refused(pump_of(listener("door", Login, fails)), envelope(payload, to="door"))
    assert "swordfish" not in f"{boss.payloads} {left[0].canonical!r}"


async def test_what_no_xml_can_hold_is_replaced() -> None:
    boss = Recorder()
    pump = pump_of(
        listener("boss", Ping, asks(Pong("a\x00b"), "echo"), on_refusal=boss), listener("echo", Pong, echo)
    )
    await outcomes(pump, ping(to="boss"))
    assert ["bad-reply"] == [payload.code for payload in boss.payloads]


def test_on_refusal_is_found_by_its_path() -> None:
    config = ListenerConfig("echo", payload_class=Ping, handler=echo, on_refusal_path=f"{__name__}.echo")
    pump = pump_of(config)
    assert pump.routing_table.takes_refusals("echo")
