"""`agentserver.testing.call`: one handler, and what it sent, checked against the contracts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from agentserver import BindingError, HandlerMetadata, HandlerResponse, Pattern, xmlify
from agentserver.errors import BadReply, HandlerTimedOut
from agentserver.testing import call, virtual_time


@xmlify
@dataclass
class Ask:
    text: Annotated[str, Pattern("[a-z]+")]


@xmlify
@dataclass
class Answer:
    number: int


async def answer(payload: Ask, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Answer(len(payload.text)))


async def test_what_it_sent() -> None:
    assert [HandlerResponse.respond(Answer(5))] == await call(answer, Ask("hello"))


async def test_what_it_is_told_of_its_message() -> None:
    told = []

    def note(payload: Ask, metadata: HandlerMetadata) -> None:
        told.append(metadata)

    assert [] == await call(note, Ask("a"), from_id="me", own_name="desk", is_self_call=True)
    assert ("me", "desk", True) == (told[0].from_id, told[0].own_name, told[0].is_self_call)


async def test_a_payload_that_does_not_fit_never_arrives() -> None:
    with pytest.raises(BindingError, match="Ask/Text"):
        await call(answer, Ask("NOT LOWER"))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (5, "returned int, expected HandlerResponse"),
        (HandlerResponse(5), "payload int is no @xmlify class"),
        (HandlerResponse(Answer("five")), "Answer/Number: found str 'five'"),  # type: ignore[arg-type]
        ("<Answer><Number>", "malformed reply: syntax"),
    ],
)
async def test_what_cannot_become_a_message_is_refused(result: Any, words: str) -> None:
    async def careless(payload: Ask, metadata: HandlerMetadata) -> Any:
        return result

    with pytest.raises(BadReply, match=words):
        await call(careless, Ask("a"))


async def test_xml_that_it_wrote_itself_is_read() -> None:
    async def model(payload: Ask, metadata: HandlerMetadata) -> str:
        return "<Answer><Number>1</Number></Answer><Answer><Number>2</Number></Answer>"

    assert ["1", "2"] == [each.payload[0].text for each in await call(model, Ask("a"))]


async def test_an_async_generator_sends_as_it_goes() -> None:
    async def counting(payload: Ask, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        for number in (1, 2):
            yield HandlerResponse(Answer(number), to="clerk")

    assert [Answer(1), Answer(2)] == [each.payload for each in await call(counting, Ask("a"))]


async def test_what_it_raises_comes_out_as_it_is() -> None:
    async def failing(payload: Ask, metadata: HandlerMetadata) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await call(failing, Ask("a"))


@virtual_time
async def test_its_deadline_costs_no_time() -> None:
    async def slow(payload: Ask, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(3_600)

    with pytest.raises(HandlerTimedOut, match="no answer within 60 s"):
        await call(slow, Ask("a"))
