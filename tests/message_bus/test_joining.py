"""The answers to what one reply asks, given together: all of them once, in the order of the questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, Huh, StreamPump, SystemError_, running, xmlify
from agentserver.config import HandlesConfig, RetryConfig
from agentserver.errors import RequestFailed
from agentserver.testing.virtual_time import virtual_time
from tests.organisms import Amount, Ping, Pong, listener, pump_of

Tool = Callable[[Any, HandlerMetadata], Awaitable[Any]]


@xmlify
@dataclass
class Start:
    """Sets an asker to work."""

    questions: int = 3


class Asker:
    """Asks as many questions as it is told to, and answers with what came of them."""

    def __init__(self, to: str = "tool") -> None:
        self.to, self.calls = to, list[tuple[Any, ...]]()

    async def ask(self, payload: Start, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Amount(number), self.to) for number in range(payload.questions)]

    async def conclude(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        self.calls.append(metadata.answers)
        return HandlerResponse.respond(Ping(" ".join(map(word, metadata.answers))))


def word(answer: Any) -> str:
    return str(answer.code if isinstance(answer, Huh | SystemError_) else answer.text)


def organism(
    asker: Asker, tool: Tool, *more: Any, join_timeout_s: float = 300.0, **options: Any
) -> StreamPump:
    return pump_of(
        listener(
            "asker", Start, asker.ask, join=True, join_timeout_s=join_timeout_s,
            handles=[HandlesConfig(payload_class=Pong, handler=asker.conclude)], **options,
        ),
        listener("tool", Amount, tool), *more,
    )  # fmt: skip


async def answer(pump: StreamPump, questions: int = 3) -> str:
    async with running(pump):
        reply = await pump.request(Start(questions), "asker", timeout_s=1_000)
        await pump.drained()
    assert pump.books.balanced, pump.books
    assert isinstance(reply, Ping)
    return reply.text


def respond(text: object) -> HandlerResponse:
    return HandlerResponse.respond(Pong(str(text)))


@virtual_time
async def test_they_come_in_the_order_of_the_questions_whichever_is_there_first() -> None:
    async def slow_first(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(10 - payload.value)
        return respond(payload.value)

    asker = Asker()
    assert await answer(organism(asker, slow_first)) == "0 1 2"
    assert len(asker.calls) == 1


async def test_a_single_answer_is_given_in_the_same_way() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    assert await answer(organism(Asker(), tool), 1) == "0"


async def test_a_listener_without_the_key_is_called_once_for_each() -> None:
    calls: list[tuple[Any, ...]] = []

    async def each(payload: Pong, metadata: HandlerMetadata) -> None:
        calls.append(metadata.answers)

    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    asker = Asker()
    pump = pump_of(
        listener("asker", Start, asker.ask, handles=[HandlesConfig(payload_class=Pong, handler=each)]),
        listener("tool", Amount, tool),
    )
    async with running(pump):
        await pump.inject(b"<Start><Questions>3</Questions></Start>", None, "user")
        await pump.drained()
    assert calls == [(), (), ()]


async def test_what_was_not_answered_is_told_in_its_place() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse | None:
        if payload.value == 0:
            raise ValueError
        return respond(payload.value) if payload.value == 1 else None

    assert await answer(organism(Asker(), tool)) == "handler-failed 1 no-reply"


async def test_a_question_that_is_passed_on_is_answered_by_whoever_answers_it() -> None:
    async def pass_on(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Ping(str(payload.value)), "clerk")

    async def clerk(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse | None:
        if metadata.from_id == "tool":
            return respond(f"{payload.text}!")
        return None

    pump = organism(Asker(), pass_on, listener("clerk", Ping, clerk))
    # the clerk answers the tool, which takes no Pong: so each question ends without an answer
    with pytest.raises(RequestFailed):
        await answer(pump)


@virtual_time
async def test_when_the_time_is_up_what_is_there_is_given() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        if payload.value == 1:
            await asyncio.sleep(50)
        return respond(payload.value)

    asker = Asker()
    assert await answer(organism(asker, tool, join_timeout_s=5)) == "0 handler-timeout 2"
    assert asker.calls[1:] == [()]  # the late one came by itself


async def test_when_nothing_is_answered_the_failure_goes_to_whoever_asked_first() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        raise ValueError

    with pytest.raises(RequestFailed):
        await answer(organism(Asker(), tool))


async def test_refusals_count_as_answers() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        if payload.value != 1:
            raise ValueError
        return respond(payload.value)

    asker = Asker()
    assert await answer(organism(asker, tool, on_refusal=asker.conclude)) == "handler-failed 1 handler-failed"
    assert len(asker.calls) == 1


async def test_refusals_alone_are_given_together_too() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        raise ValueError

    asker = Asker()
    assert (
        await answer(organism(asker, tool, on_refusal=asker.conclude), 2) == "handler-failed handler-failed"
    )
    assert len(asker.calls) == 1


async def test_an_answer_that_breaks_its_contract_counts_as_none() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> Any:
        return respond(payload.value) if payload.value else b"<Pong><Wrong/></Pong>"

    assert await answer(organism(Asker(), tool)) == "schema 1 2"


async def test_a_question_to_several_has_an_answer_of_each() -> None:
    async def north(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(f"north{payload.value}")

    async def south(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(f"south{payload.value}")

    asker = Asker(to="search")
    pump = organism(
        asker, north, listener("search.north", Amount, north, broadcast=True),
        listener("search.south", Amount, south, broadcast=True),
    )  # fmt: skip
    assert await answer(pump, 2) == "north0 south0 north1 south1"


async def test_askers_below_askers() -> None:
    """Each question of the outer one is answered by an asker that joins answers itself."""
    inner = Asker()

    async def begin(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Amount(10 * payload.value + number), "tool") for number in range(2)]

    async def end(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        inner.calls.append(metadata.answers)
        return respond("+".join(map(word, metadata.answers)))

    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    outer = Asker(to="inner")
    pump = organism(
        outer, tool,
        listener("inner", Amount, begin, join=True, handles=[HandlesConfig(payload_class=Pong, handler=end)]),
    )  # fmt: skip
    assert await answer(pump) == "0+1 10+11 20+21"
    assert (len(inner.calls), len(outer.calls)) == (3, 1)


async def test_many_askers_at_once_are_not_mixed() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(0)
        return respond(payload.value)

    pump = organism(Asker(), tool)
    async with running(pump):
        replies = await asyncio.gather(*(pump.request(Start(n), "asker") for n in range(1, 30)))
    assert [reply.text for reply in replies] == [" ".join(map(str, range(n))) for n in range(1, 30)]


@virtual_time
async def test_answers_that_wait_are_reached_by_a_cancellation() -> None:
    asked = asyncio.Event()

    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        if payload.value == 1:
            asked.set()
            await asyncio.sleep(100)
        return respond(payload.value)

    asker = Asker()
    pump = organism(asker, tool)
    async with running(pump):
        thread_id = await pump.inject(b"<Start><Questions>3</Questions></Start>", None, "user")
        await asked.wait()
        await asyncio.sleep(1)
        assert thread_id is not None
        assert await pump.cancel(thread_id) == 3  # two answers that waited, and the tool at work
        await pump.drained()
    assert asker.calls == []
    assert pump.books.balanced


@virtual_time
async def test_answers_that_wait_are_not_lost_at_a_shutdown() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        if payload.value == 1:
            await asyncio.sleep(100)
        return respond(payload.value)

    pump = organism(Asker(), tool)
    task = asyncio.create_task(pump.run())
    await pump.inject(b"<Start><Questions>3</Questions></Start>", None, "user")
    await asyncio.sleep(1)
    assert not await pump.shutdown(1)
    await asyncio.wait([task])
    assert [letter.stage for letter in pump.dead_letters] == ["shutdown"] * 3
    assert pump.books.balanced


async def test_a_handler_that_fails_with_them_fails_for_all_of_them() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    async def fail(payload: Pong, metadata: HandlerMetadata) -> None:
        raise ValueError

    asker = Asker()
    pump = pump_of(
        listener(
            "asker", Start, asker.ask, join=True, handles=[HandlesConfig(payload_class=Pong, handler=fail)]
        ),
        listener("tool", Amount, tool),
    )
    with pytest.raises(RequestFailed):
        await answer(pump)
    assert len(pump.dead_letters) == 3


@virtual_time
async def test_a_handler_that_is_tried_again_is_given_all_of_them_again() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    asker, tried = Asker(), list[tuple[int, int]]()

    async def conclude(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        tried.append((metadata.attempt, len(metadata.answers)))
        if not metadata.attempt:
            raise ValueError
        return await asker.conclude(payload, metadata)

    handles = [HandlesConfig(payload_class=Pong, handler=conclude)]
    retry = RetryConfig(attempts=2, base_s=5.0)
    pump = pump_of(
        listener("asker", Start, asker.ask, join=True, handles=handles, retry=retry),
        listener("tool", Amount, tool),
    )
    assert await answer(pump) == "0 1 2"
    assert tried == [(0, 3), (1, 3)]


@virtual_time
async def test_a_long_pause_before_the_next_attempt_is_no_time_of_waiting() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    asker, tried = Asker(), list[tuple[int, int]]()

    async def conclude(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        tried.append((metadata.attempt, len(metadata.answers)))
        if not metadata.attempt:
            raise ValueError
        return await asker.conclude(payload, metadata)

    handles = [HandlesConfig(payload_class=Pong, handler=conclude)]
    pump = pump_of(
        listener(
            "asker", Start, asker.ask, join=True, join_timeout_s=2, handles=handles,
            retry=RetryConfig(attempts=2, base_s=10.0),
        ),
        listener("tool", Amount, tool),
    )  # fmt: skip
    assert await answer(pump) == "0 1 2"
    assert tried == [(0, 3), (1, 3)]


@virtual_time
async def test_an_answer_more_than_was_asked_for_comes_behind_the_others_by_itself() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        await asyncio.sleep(payload.value)
        return [respond(payload.value)] * (1 if payload.value else 3)

    asker = Asker()
    assert await answer(organism(asker, tool)) == "0 1 2"
    assert [len(answers) for answers in asker.calls] == [3, 0, 0]


@virtual_time
async def test_each_yield_of_one_that_asks_as_it_goes_is_joined_for_itself() -> None:
    asker = Asker()

    async def ask(payload: Start, metadata: HandlerMetadata) -> AsyncIterator[Any]:
        yield HandlerResponse(Amount(0), "tool")
        yield [HandlerResponse(Amount(number), "tool") for number in (1, 2)]

    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(10 - payload.value)
        return respond(payload.value)

    handles = [HandlesConfig(payload_class=Pong, handler=asker.conclude)]
    pump = pump_of(listener("asker", Start, ask, join=True, handles=handles), listener("tool", Amount, tool))
    async with running(pump):
        await pump.inject(b"<Start><Questions>3</Questions></Start>", None, "user")
        await pump.drained()
    assert [[word(each) for each in answers] for answers in asker.calls] == [["1", "2"], ["0"]]


@virtual_time
async def test_a_question_that_is_cancelled_before_anybody_looked_at_it_counts_as_answered() -> None:
    asker, threads, loop = Asker(), list[str](), asyncio.get_running_loop()

    async def ask(payload: Start, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Amount(0), "tool"), HandlerResponse(Ping("x"), "slow")]

    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(payload.value)

    async def slow(payload: Ping, metadata: HandlerMetadata) -> None:
        threads.append(metadata.thread_id)
        await asyncio.sleep(1_000)

    handles = [HandlesConfig(payload_class=Pong, handler=asker.conclude)]
    pump = pump_of(
        listener("asker", Start, ask, join=True, handles=handles), listener("tool", Amount, tool),
        listener("slow", Ping, slow, timeout_s=10_000, max_concurrent=1),
    )  # fmt: skip
    async with running(pump):
        thread_id = await pump.inject(b"<Start><Questions>2</Questions></Start>", None, "user")
        await asyncio.sleep(1)
        for _ in range(300):  # more than the lane holds, so that the next question waits in the queue
            await pump.inject(b"<Ping><Text>y</Text></Ping>", None, "crowd")
        await pump.inject(b"<Start><Questions>2</Questions></Start>", thread_id, "user")
        await asyncio.sleep(1)
        began = loop.time()
        assert await pump.cancel(threads[0]) == 2
        await asyncio.sleep(1)
        assert [[word(each) for each in answers] for answers in asker.calls] == [["0", "handler-failed"]] * 2
        assert loop.time() - began < 2


@virtual_time
async def test_answers_that_wait_when_a_reload_takes_the_key_away_are_given_together() -> None:
    async def tool(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(5 * payload.value)
        return respond(payload.value)

    asker = Asker()
    pump, loop = organism(asker, tool), asyncio.get_running_loop()
    async with running(pump):
        began = loop.time()
        await pump.inject(b"<Start><Questions>3</Questions></Start>", None, "user")
        await asyncio.sleep(1)
        await pump.reload(
            replace(pump.config, listeners=[replace(each, join=False) for each in pump.config.listeners])
        )
        await pump.drained()
        assert loop.time() - began < 200  # and not `join_timeout_s`
    assert [len(answers) for answers in asker.calls] == [3]
