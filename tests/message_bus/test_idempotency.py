"""Messages that mean the same are handled once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import IdempotencyConfig, RetryConfig
from agentserver.errors import Duplicate
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Ping, Pong, Recorder, envelope, listener, ping, pump_of

OTHER_THREAD = "7f2c8e1a-57b0-4a0e-9d0e-0c1d2e3f4a5c"


class Slow:
    """A handler that takes a second, fails the first so many times, and answers then."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.texts = failures, list[str]()
        self.at_once = self.most = 0

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> Any:
        self.texts.append(payload.text)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(1)
        self.at_once -= 1
        if len(self.texts) <= self.failures:
            raise OSError("down")
        return HandlerResponse.respond(Pong(payload.text))


def played(
    handler: Callable[..., Any], scene: Callable[[StreamPump], Coroutine[Any, Any, Any]], **options: Any
) -> StreamPump:
    """Play a scene with a pump around a handler, to the end of all that it puts in."""
    pump = pump_of(listener("echo", Ping, handler, retry=options.pop("retry", None)), **options)

    async def whole() -> None:
        async with running(pump):
            await scene(pump)
            await pump.drained()

    in_virtual_time(whole())
    assert pump.books.balanced
    assert not pump.books.open
    return pump


@pytest.mark.parametrize("at_once", [True, False])
def test_of_one_key_one_message_is_handled(at_once: bool) -> None:
    async def scene(pump: StreamPump) -> None:
        for text in "abc":
            await pump.inject(ping(text), THREAD, "user", key="k")
            if not at_once:
                await pump.drained()

    handler = Slow()
    pump = played(handler, scene)
    assert (handler.texts, pump.duplicates) == (["a"], 2)
    assert (pump.books.settled, pump.books.dead) == (4, 0)  # three messages and a reply


def test_a_key_is_its_sender_s_own() -> None:
    async def scene(pump: StreamPump) -> None:
        await pump.inject(ping("a"), THREAD, "ada", key="k")
        await pump.inject(ping("b"), OTHER_THREAD, "bob", key="k")
        await pump.inject(ping("c"), None, "ada", key="k")
        await pump.inject(ping("d"), None, "ada", key="l")
        await pump.inject(ping("e"), None, "ada")

    handler = Slow()
    assert played(handler, scene).duplicates == 1
    assert handler.texts == ["a", "b", "d", "e"]


def test_one_that_failed_may_be_sent_again_and_those_that_waited_are_handled_one_by_one() -> None:
    async def scene(pump: StreamPump) -> None:
        for text in "abcd":
            await pump.inject(ping(text), THREAD, "user", key="k")

    handler = Slow(failures=2)
    pump = played(handler, scene)
    assert (handler.texts, handler.most, pump.duplicates, pump.books.dead) == (["a", "b", "c"], 1, 1, 2)


def test_while_the_first_is_tried_again_the_others_wait() -> None:
    async def scene(pump: StreamPump) -> None:
        for text in "ab":
            await pump.inject(ping(text), THREAD, "user", key="k")

    handler = Slow(failures=1)
    pump = played(handler, scene, retry=RetryConfig())
    assert (handler.texts, pump.duplicates, pump.books.dead) == (["a", "a"], 1, 0)


def test_a_message_that_does_not_pass_the_gate_uses_up_no_key() -> None:
    async def scene(pump: StreamPump) -> None:
        await pump.inject(b"<broken", THREAD, "user", key="k")
        await pump.drained()
        await pump.inject(ping("a"), THREAD, "user", key="k")

    handler = Slow()
    assert played(handler, scene).duplicates == 0
    assert handler.texts == ["a"]


def test_a_request_for_what_was_handled_is_told_so() -> None:
    async def scene(pump: StreamPump) -> None:
        assert await pump.request(Ping("a"), to="echo", key="k") == Pong("a")
        with pytest.raises(Duplicate) as caught:
            await pump.request(Ping("a"), to="echo", key="k")
        first = handler.calls[0][1].message_id
        assert caught.value.first_id == first
        assert (
            str(caught.value) == f"duplicate: message {first} was the same, and was handled; this one was not"
        )

    handler = Recorder(lambda payload: HandlerResponse.respond(Pong(payload.text)))
    assert played(handler, scene).duplicates == 1


def test_whoever_listens_is_told_of_a_duplicate() -> None:
    codes: list[str | None] = []

    async def scene(pump: StreamPump) -> None:
        pump.add_outlet(lambda state: codes.append(state.failure.code if state.failure else None), THREAD)
        for _ in range(2):
            await pump.inject(ping(), THREAD, "user", key="k")

    played(Recorder(), scene)
    assert codes == ["duplicate"]


def test_the_window_passes() -> None:
    async def scene(pump: StreamPump) -> None:
        for _ in range(4):
            await pump.inject(ping("a"), THREAD, "user", key="k")
            await asyncio.sleep(40)

    handler = Slow()
    pump = played(handler, scene, idempotency=IdempotencyConfig(window_s=60))
    assert (len(handler.texts), pump.duplicates) == (2, 2)


def test_the_parts_of_an_input_have_a_key_each() -> None:
    three = b"".join(ping(text) for text in "abc")

    async def scene(pump: StreamPump) -> None:
        for _ in range(2):
            await pump.inject(three, THREAD, "user", key="k")

    handler = Slow()
    assert played(handler, scene).duplicates == 3
    assert handler.texts == ["a", "b", "c"]


def test_without_keys_content_may_tell() -> None:
    async def scene(pump: StreamPump) -> None:
        await pump.inject(ping("a"), THREAD, "user")
        await pump.inject(
            ping("a").replace(b"<Ping ", b"<Ping  "), THREAD, "user"
        )  # the same in canonical form
        await pump.inject(ping("b"), THREAD, "user")
        await pump.inject(ping("a", thread=OTHER_THREAD), OTHER_THREAD, "user")
        await pump.inject(ping("a"), THREAD, "user", key="k")  # a key goes before

    handler = Slow()
    pump = played(handler, scene, idempotency=IdempotencyConfig("content"))
    assert (handler.texts, pump.duplicates) == (["a", "b", "a", "a"], 1)


def test_the_same_twice_in_one_input_is_meant_twice() -> None:
    async def scene(pump: StreamPump) -> None:
        await pump.inject(ping("a") * 2, THREAD, "user")

    handler = Slow()
    assert played(handler, scene, idempotency=IdempotencyConfig("content")).duplicates == 0
    assert handler.texts == ["a", "a"]


def test_what_handlers_send_is_never_a_duplicate() -> None:
    async def twice(payload: Pong, metadata: HandlerMetadata) -> Any:
        return [HandlerResponse(Ping("a"), to="echo")] * 2

    pump = pump_of(
        listener("echo", Ping, handler := Recorder()), listener("twice", Pong, twice),
        idempotency=IdempotencyConfig("content"),
    )  # fmt: skip

    async def scene() -> None:
        async with running(pump):
            await pump.inject(
                envelope('<Pong xmlns=""><Text>x</Text></Pong>', to="twice"), THREAD, "user", key="k"
            )
            await pump.drained()

    in_virtual_time(scene())
    assert (len(handler.calls), pump.duplicates) == (2, 0)


def test_off_looks_at_nothing() -> None:
    async def scene(pump: StreamPump) -> None:
        for _ in range(2):
            await pump.inject(ping("a"), THREAD, "user", key="k")

    handler = Slow()
    assert played(handler, scene, idempotency=IdempotencyConfig("off")).duplicates == 0
    assert handler.texts == ["a", "a"]


def test_those_that_wait_for_another_are_cancelled_with_it() -> None:
    async def scene(pump: StreamPump) -> None:
        for text in "abc":
            await pump.inject(ping(text), THREAD, "user", key="k")
        await asyncio.sleep(0.5)
        assert await pump.cancel(THREAD) == 3
        await pump.inject(ping("d"), OTHER_THREAD, "user", key="k")

    handler = Slow()
    pump = played(handler, scene)
    assert (handler.texts, pump.books.dead, pump.duplicates) == (["a", "d"], 3, 0)


def test_many_with_one_key_take_no_place_from_others() -> None:
    order: list[str] = []

    async def scene(pump: StreamPump) -> None:
        pump.add_outlet(lambda state: order.append(state.payload.text) if state.error is None else None)
        for _ in range(500):
            await pump.inject(ping("a"), THREAD, "user", key="k")
        await pump.inject(ping("other"), OTHER_THREAD, "user", key="l")

    handler = Slow()
    pump = played(handler, scene, max_concurrent_pipelines=10)
    assert (sorted(order), pump.duplicates) == (["a", "other"], 499)


@pytest.mark.parametrize(
    ("key", "error"), [("", ValueError), ("x" * 257, ValueError), ("\ud800", ValueError), (7, TypeError)]
)
def test_what_is_no_key(key: Any, error: type[Exception]) -> None:
    async def scene() -> None:
        pump = pump_of(listener("echo", Ping, Slow()))
        with pytest.raises(error, match="key"):
            await pump.inject(ping(), THREAD, "user", key=key)
        assert pump.books.injected == 0

    asyncio.run(scene())
