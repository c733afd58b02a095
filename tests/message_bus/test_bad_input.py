"""Bad input and bad handlers: each costs its own message, says why, and leaves its neighbours whole."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, running, xmlify
from agentserver.config import Limits
from tests.organisms import (
    ENVELOPE_NS,
    THREAD,
    Amount,
    Ping,
    Pong,
    envelope,
    listener,
    outcomes,
    ping,
    pump_of,
    texts,
)

GOOD = [ping("before"), ping("after")]

BAD_MESSAGES = {
    "empty": (b"", "syntax", "the message is empty"),
    "blank": (b" \n ", "syntax", "the message is empty"),
    "not XML": (b"hello", "syntax", "there is no element"),
    "truncated": (ping()[:-20], "syntax", "line 1"),
    "wrong namespace": (ping().replace(b"envelope/v1", b"envelope/v9"), "schema", "an envelope is"),
    "no namespace": (ping().replace(f' xmlns="{ENVELOPE_NS}"'.encode(), b""), "schema", "an envelope is"),
    "no meta": (
        f'<message xmlns="{ENVELOPE_NS}"><Ping xmlns=""/></message>'.encode(),
        "schema",
        "missing <meta>",
    ),
    "no from": (ping().replace(b"<from>user</from>", b""), "schema", "from"),
    "empty from": (ping().replace(b"<from>user</from>", b"<from/>"), "schema", "from"),
    "no payload": (envelope(""), "schema", "expected a payload"),
    "two payloads": (envelope('<Ping xmlns=""/><Ping xmlns=""/>'), "schema", "multiple payload roots"),
    "payload in the envelope's namespace": (envelope("<Ping/>"), "schema", 'write <Ping xmlns="">'),
    "unknown listener": (ping(to="nobody"), "no-listener", "no listener 'nobody' takes <Ping>"),
    "wrong payload for the listener": (
        envelope('<Pong xmlns=""><Text>x</Text></Pong>'),
        "no-listener",
        "no listener 'echo' takes <Pong>",
    ),
    "XSD violation": (envelope('<Amount xmlns=""><Value>many</Value></Amount>'), "schema", "'many'"),
    "missing field": (envelope('<Ping xmlns=""/>'), "schema", "Text"),
    "bad UTF-8": (ping().replace(b"hello", b"\xff\xfe"), "not-utf8", "is not UTF-8"),
    "DOCTYPE with entities": (
        b'<!DOCTYPE m [<!ENTITY e "x">]>' + ping().replace(b"hello", b"&e;"),
        "doctype",
        "a DOCTYPE is not taken",
    ),
    "too long": (ping("x" * 20_000), "too-large", "the limit is 20000"),
    "too deep": (envelope('<Ping xmlns="">' + "<a>" * 70 + "</a>" * 70 + "</Ping>"), "too-deep", "64"),
}


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_bad_message_fails_alone(name: str) -> None:
    data, code, words = BAD_MESSAGES[name]
    pump = pump_of(
        listener("echo", Ping, echo), listener("echo", Amount, echo), limits=Limits(message_bytes=20_000)
    )
    states = await outcomes(pump, GOOD[0], data, GOOD[1])
    (failed,) = [state for state in states if state.failure]
    assert failed.failure is not None
    assert (failed.failure.code, words in str(failed.failure)) == (code, True), failed.failure
    assert sorted(texts(states)) == sorted([code, "before", "after"])


async def test_a_bad_message_becomes_a_dead_letter_with_its_bytes_and_stage() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    await outcomes(pump, ping(to="nobody"))
    (letter,) = pump.dead_letters
    assert (letter.message.data, letter.stage, letter.code) == (
        ping(to="nobody"),
        "routing_resolution",
        "no-listener",
    )


def raise_value_error(payload: Any) -> Any:
    raise ValueError("no")


def call_sys_exit(payload: Any) -> Any:
    sys.exit(3)


def raise_cancelled(payload: Any) -> Any:
    raise asyncio.CancelledError


def raise_stop_iteration(payload: Any) -> Any:
    raise StopIteration(1)


def raise_recursion_error(payload: Any) -> Any:
    return raise_recursion_error(payload)


def raise_keyboard_interrupt(payload: Any) -> Any:
    raise KeyboardInterrupt


def raise_generator_exit(payload: Any) -> Any:
    raise GeneratorExit


class UntellableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def raise_untellable(payload: Any) -> Any:
    raise UntellableError


class Sneaky(Pong):
    """A subclass that is no contract."""


BAD_HANDLERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (raise_value_error, "handler-failed"),
    "calls sys.exit": (call_sys_exit, "handler-failed"),
    "raises CancelledError": (raise_cancelled, "handler-failed"),
    "raises StopIteration": (raise_stop_iteration, "handler-failed"),
    "recurses for ever": (raise_recursion_error, "handler-failed"),
    "raises KeyboardInterrupt": (raise_keyboard_interrupt, "handler-failed"),
    "raises GeneratorExit": (raise_generator_exit, "handler-failed"),
    "raises what cannot be told": (raise_untellable, "handler-failed"),
    "returns a number": (lambda _: 5, "bad-reply"),
    "returns a bare instance": (lambda _: Pong("x"), "bad-reply"),
    "returns no contract": (lambda _: HandlerResponse.respond(object()), "bad-reply"),
    "returns a subclass that is none": (lambda _: HandlerResponse.respond(Sneaky("x")), "bad-reply"),
    "returns a wrong field": (lambda _: HandlerResponse.respond(Pong(5)), "bad-reply"),  # type: ignore[arg-type]
    "returns a control character": (lambda _: HandlerResponse.respond(Pong("\x00")), "bad-reply"),
    "returns a wrong address": (lambda _: HandlerResponse(Pong("x"), to=7), "bad-reply"),  # type: ignore[arg-type]
    "returns malformed XML": (lambda _: b"<Pong><Text>x</Pong>", "bad-reply"),
    "returns no XML": (lambda _: b"nothing here", "bad-reply"),
    "returns a closed wrapper": (lambda _: b"</dummy><dummy>", "bad-reply"),
    "returns an entity": (
        lambda _: b'<!DOCTYPE a [<!ENTITY e "x">]><Pong><Text>&e;</Text></Pong>',
        "bad-reply",
    ),
    "returns too much": (lambda _: HandlerResponse.respond(Pong("x" * 2_000_000)), "bad-reply"),
    "returns too many bytes": (lambda _: b"<Pong><Text>" + b"x" * 2_000_000 + b"</Text></Pong>", "bad-reply"),
    "returns one bad among good": (lambda _: [HandlerResponse.respond(Pong("x")), 5], "bad-reply"),
}


@pytest.mark.parametrize("form", ["async", "sync"])
@pytest.mark.parametrize("name", BAD_HANDLERS)
async def test_bad_handler_harms_its_own_message_alone(name: str, form: str) -> None:
    misbehave, code = BAD_HANDLERS[name]

    async def bad_async(payload: Amount, metadata: HandlerMetadata) -> Any:
        return misbehave(payload)

    def bad_sync(payload: Amount, metadata: HandlerMetadata) -> Any:
        return misbehave(payload)

    bad = bad_async if form == "async" else bad_sync
    pump = pump_of(listener("echo", Ping, echo), listener("bad", Amount, bad))
    states = await outcomes(
        pump, GOOD[0], envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad"), GOOD[1]
    )
    assert sorted(texts(states)) == sorted([code, "before", "after"])


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()]
)
@pytest.mark.parametrize("when", ["read", "written", "read outside"])
async def test_a_contract_whose_own_code_exits_fails_its_message_alone(
    error: BaseException, when: str
) -> None:
    armed = when == "read"

    @xmlify
    @dataclass
    class Trap:
        text: str

        def __post_init__(self) -> None:
            if armed:
                raise error

        def __getattribute__(self, name: str) -> Any:
            if when == "written" and name == "text":
                raise error
            return super().__getattribute__(name)

    async def send_trap(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        nonlocal armed
        trap = Trap("x")
        armed = when == "read outside"
        return HandlerResponse.respond(trap)

    pump = pump_of(
        listener("echo", Ping, echo), listener("trap", Trap, echo), listener("sender", Amount, send_trap)
    )
    bad = b"<Trap><Text>x</Text></Trap>" if when == "read" else b"<Amount><Value>1</Value></Amount>"
    states = await outcomes(pump, GOOD[0], bad, GOOD[1])
    good = [state.payload.text for state in states if isinstance(state.payload, Pong)]
    assert (sorted(good), len(states)) == (["after", "before"], 3)


@pytest.mark.parametrize("to", ["", "a b", "</to>", "x" * 1000])
async def test_an_address_that_is_no_name_is_refused_where_it_was_written(to: str) -> None:
    async def bad(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Pong("x"), to=to)

    states = await outcomes(pump_of(listener("a", Amount, bad)), b"<Amount><Value>1</Value></Amount>")
    assert texts(states) == ["bad-reply"]


async def test_a_handler_that_cancels_its_own_task_harms_nobody_else() -> None:
    async def cancel_itself(payload: Amount, metadata: HandlerMetadata) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    pump = pump_of(listener("echo", Ping, echo), listener("bad", Amount, cancel_itself))
    bad = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad")
    assert sorted(texts(await outcomes(pump, bad, GOOD[0], bad, GOOD[1]))) == [
        "after", "before", "handler-failed", "handler-failed"
    ]  # fmt: skip


async def test_a_handler_that_never_returns_times_out_and_frees_its_slot() -> None:
    async def never(payload: Amount, metadata: HandlerMetadata) -> None:
        await asyncio.Event().wait()

    pump = pump_of(
        listener("echo", Ping, echo),
        listener("bad", Amount, never),
        limits=Limits(handler_timeout_s=0.05),
        max_concurrent_handlers=1,
    )
    bad = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad")
    assert sorted(texts(await outcomes(pump, bad, GOOD[0]))) == ["before", "handler-timeout"]


async def test_what_a_handler_returns_after_its_deadline_has_no_effect() -> None:
    release, returned = asyncio.Event(), asyncio.Event()

    async def stubborn(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await release.wait()
        returned.set()
        return HandlerResponse.respond(Pong("late"))

    pump = pump_of(
        listener("bad", Amount, stubborn), listener("echo", Ping, echo), limits=Limits(handler_timeout_s=0.05)
    )
    bad = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad")
    async with running(pump), pump.subscribe(THREAD) as messages:
        await pump.inject(bad, THREAD, "user")
        first = await anext(messages)
        release.set()
        await returned.wait()
        await pump.inject(GOOD[0], THREAD, "user")
        second = await anext(messages)
    assert (texts([first, second]), pump.books.emitted) == (["handler-timeout", "before"], 1)


async def test_a_part_without_a_canonical_form_fails_alone() -> None:
    pump = pump_of(listener("echo", Ping, echo))
    data = b'<Ping xmlns="relative"><Text>x</Text></Ping><Ping><Text>good</Text></Ping>'
    assert sorted(texts(await outcomes(pump, data))) == ["good", "namespace-uri"]


async def test_what_comes_from_outside_is_never_repaired() -> None:
    pump = pump_of(listener("echo", Ping, echo), repair="recover")
    data = [b"Sure! " + ping("a"), ping("a & b"), ping("x")[:-3]]
    assert texts(await outcomes(pump, *data)) == ["syntax"] * 3


async def test_a_payload_that_two_listeners_take_needs_an_address() -> None:
    pump = pump_of(listener("a", Ping, echo), listener("b", Ping, echo))
    assert texts(await outcomes(pump, b"<Ping><Text>x</Text></Ping>")) == ["ambiguous"]


async def test_bytes_of_a_handler_that_two_listeners_take_are_refused() -> None:
    async def call(payload: Amount, metadata: HandlerMetadata) -> bytes:
        return b"<Ping><Text>x</Text></Ping>"

    pump = pump_of(listener("a", Ping, echo), listener("b", Ping, echo), listener("c", Amount, call))
    assert texts(await outcomes(pump, b"<Amount><Value>1</Value></Amount>")) == ["bad-reply"]


async def test_plain_functions_that_never_return_do_not_use_up_all_threads() -> None:
    import threading

    release = threading.Event()

    def block(payload: Amount, metadata: HandlerMetadata) -> None:
        release.wait(60)

    def handlers() -> int:
        return len([thread for thread in threading.enumerate() if thread.name == "agentserver-handler"])

    before = handlers()
    pump = pump_of(
        listener("bad", Amount, block), limits=Limits(handler_timeout_s=0.01), max_concurrent_handlers=2
    )
    bad = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad")
    states = await outcomes(pump, *[bad] * 80)
    grown = handlers() - before
    release.set()
    codes = texts(states)
    assert (len(codes), grown <= 66, set(codes)) == (80, True, {"handler-timeout", "handler-failed"})


async def test_a_plain_function_that_blocks_does_not_hold_up_the_others() -> None:
    import threading

    release = threading.Event()

    def block(payload: Amount, metadata: HandlerMetadata) -> None:
        release.wait(30)

    pump = pump_of(listener("echo", Ping, echo), listener("bad", Amount, block))
    async with running(pump), pump.subscribe(THREAD) as messages:
        await pump.inject(envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="bad"), THREAD, "user")
        await pump.inject(GOOD[0], THREAD, "user")
        assert (await anext(messages)).payload == Pong("before")
        release.set()
        await pump.drained()


async def test_two_agents_that_greet_each_other_for_ever_stop_at_the_hop_limit() -> None:
    async def ping_on(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Pong("x"), to="b")

    async def pong_on(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Ping("x"), to="a")

    pump = pump_of(listener("a", Ping, ping_on), listener("b", Pong, pong_on), limits=Limits(hops=50))
    (failed,) = await outcomes(pump, ping(to="a"))
    assert (texts([failed]), pump.books.emitted) == (["hop-limit"], 50)


fragments = st.sampled_from(
    [
        *(b"<", b">", b"</", b"/>", b"<message", b"</message>", b"<meta>", b"</meta>", b"<from>user</from>"),
        *(b"&", b"&amp;", b'"', f' xmlns="{ENVELOPE_NS}"'.encode(), b"<Ping>", b"</Ping>", b"<Text>x</Text>"),
        *(b"<to>echo</to>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<!DOCTYPE a>", b"<?xml version='1.0'?>"),
        *(b"\x00", b"\xff", b" xmlns=''", b" xmlns='rel'", ping()),
    ]
)
anything = st.binary(max_size=200) | st.lists(fragments | st.binary(max_size=5), max_size=12).map(b"".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(anything, min_size=1, max_size=10), st.booleans())
def test_any_bytes_leave_the_books_balanced_and_the_pump_alive(messages: list[bytes], known: bool) -> None:
    async def body() -> list[str]:
        pump = pump_of(listener("echo", Ping, echo))
        states = await outcomes(pump, *messages, ping("alive"), sender="user" if known else None)
        assert (pump.books.waiting, pump.books.in_flight) == (0, 0)
        return texts([state for state in states if not state.error])

    assert "alive" in asyncio.run(body())
