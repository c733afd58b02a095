"""`agentserver.testing.organism`: the real pump in virtual time, with mocks that pass the same gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, Secret, xmlify
from agentserver.config import ListenerConfig
from agentserver.testing import Bus, Mock, organism, virtual_time

CONFIG = Path(__file__).parents[2] / "config" / "organism.yaml"


@xmlify
@dataclass
class Ask:
    text: str
    times: int = 1


@xmlify
@dataclass
class Answer:
    text: str
    password: Annotated[str, Secret] = ""


async def answer(payload: Ask, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Answer(payload.text.upper(), "hunter2-hunter2"))


def listeners(handler: Any = answer, name: str = "desk") -> Sequence[ListenerConfig]:
    return [ListenerConfig(name, payload_class=Ask, handler=handler)]


@virtual_time
async def test_what_was_sent_is_read_by_its_contract() -> None:
    async with organism(listeners()) as bus:
        thread_id = await bus.send(Ask("hello"), to="desk", from_id="me")
        await bus.settled()

    (sent,) = bus.sent
    assert ("desk", "me", thread_id, Answer("HELLO", "hunter2-hunter2")) == (
        sent.from_id, sent.to_id, sent.thread_id, sent.payload,
    )  # fmt: skip
    assert sent.leaves


@virtual_time
async def test_messages_between_listeners_are_seen_too() -> None:
    async with organism(CONFIG) as bus:
        await bus.send("<Draft><Text>one  two</Text></Draft>", to="editor", from_id="me")
        await bus.settled()

    assert ["counter", "printer", "counter", "editor", "me"] == [each.to_id for each in bus.sent]


@virtual_time
async def test_a_mock_answers_for_a_listener_and_knows_what_it_was_asked() -> None:
    async with organism(listeners(), mocks={"desk": Answer("mocked")}) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    bus.assert_sent(Answer("mocked"), from_id="desk", to="test")
    assert [Ask("hello")] == bus.mocks["desk"].payloads


@virtual_time
async def test_what_a_mock_returns_passes_the_gate() -> None:
    async with organism(listeners(), mocks={"desk": "<Answer><Nope/>"}) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    assert bus.assert_refused("bad-reply").stage == "replies"
    bus.assert_nothing_sent()


@virtual_time
async def test_a_mock_that_raises_is_a_handler_that_failed() -> None:
    async with organism(listeners(), mocks={"desk": RuntimeError("out of paper")}) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    bus.assert_refused("handler-failed")
    assert ["handler-failed"] == [letter.code for letter in bus.dead_letters]


@virtual_time
async def test_a_mock_may_be_a_function() -> None:
    mock = Mock(lambda payload, metadata: Answer(f"{payload.text} from {metadata.from_id}"))
    async with organism(listeners(), mocks={"desk": mock}) as bus:
        await bus.send(Ask("hello"), to="desk", from_id="me")
        await bus.settled()

    bus.assert_sent(Answer("hello from me"))


async def test_an_unknown_mock_is_named_with_the_nearest_listener() -> None:
    with pytest.raises(ValueError, match="no listener 'dsk' to mock; did you mean 'desk'"):
        async with organism(listeners(), mocks={"dsk": None}):
            pass


async def sleep_long(payload: Ask, metadata: HandlerMetadata) -> None:
    await asyncio.sleep(3_600)


@virtual_time
async def test_a_deadline_of_a_minute_passes_at_once() -> None:
    began = time.monotonic()
    async with organism(listeners(sleep_long)) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    bus.assert_refused("handler-timeout")
    assert time.monotonic() - began < 30


def answer_in_a_thread(payload: Ask, metadata: HandlerMetadata) -> HandlerResponse:
    time.sleep(0.02)
    return HandlerResponse.respond(Answer(payload.text))


@virtual_time
async def test_a_plain_handler_is_not_overtaken_by_its_deadline() -> None:
    async with organism(listeners(answer_in_a_thread)) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    bus.assert_sent(Answer("hello"))


async def test_it_runs_in_real_time_as_well() -> None:
    async with organism(listeners()) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.settled()

    bus.assert_sent(Answer)


@virtual_time
async def test_no_xml_goes_in_as_it_is() -> None:
    async with organism(listeners()) as bus:
        await bus.send("<Ask><Text>", to="desk")
        await bus.settled()

    bus.assert_refused("syntax")


async def sent_by_the_desk() -> Bus:
    async with organism(listeners()) as bus:
        await bus.send(Ask("hello"), to="desk")
        await bus.send(Ask("hello"), to="dsk")
        await bus.settled()
    return bus


@virtual_time
async def test_an_assertion_tells_what_differs_and_what_was_found() -> None:
    bus = await sent_by_the_desk()

    with pytest.raises(AssertionError) as caught:
        bus.assert_sent(Answer("HALLO", "hunter2-hunter2"), from_id="desk")
    lines = str(caught.value).splitlines()
    assert [
        "expected a message desk -> anybody: <Answer>",
        "  the nearest differs: Answer/Text: expected 'HALLO', found 'HELLO'",
        "found desk -> test: <Answer><Text>HELLO</Text><Password>***</Password></Answer>",
    ] == lines[:3]
    assert "no-listener" in lines[3]


@virtual_time
async def test_an_assertion_shows_no_secret() -> None:
    bus = await sent_by_the_desk()

    with pytest.raises(AssertionError, match="Answer/Password: expected a secret") as caught:
        bus.assert_sent(Answer("HELLO", "swordfish"))
    assert "hunter2" not in str(caught.value)
    assert "swordfish" not in str(caught.value)


@virtual_time
async def test_nothing_sent_tells_what_was() -> None:
    bus = await sent_by_the_desk()

    with pytest.raises(AssertionError, match="expected no message"):
        bus.assert_nothing_sent()
    with pytest.raises(AssertionError, match="expected a refusal: schema"):
        bus.assert_refused("schema")
