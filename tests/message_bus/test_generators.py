"""Handlers that send as they go: each `yield` is a message before the next, under the bounds of one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import BudgetConfig, Limits
from agentserver.errors import NoReply
from agentserver.queues import MemoryQueue, Settlement
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, outcomes, ping, pump_of, texts


def answer(text: str) -> HandlerResponse:
    return HandlerResponse.respond(Pong(text))


class Trace:
    """A handler that yields what it is told to, and notes its own end."""

    def __init__(self, *answers: Any, error: Exception | None = None) -> None:
        self.answers, self.error = answers, error
        self.asked: list[Any] = []
        self.closed = 0

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> AsyncIterator[Any]:
        try:
            for each in self.answers:
                self.asked.append(each)
                yield each
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1


async def test_each_answer_is_sent_before_the_next_is_asked_for() -> None:
    heard = asyncio.Semaphore(0)

    async def handler(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        for text in ("one", "two", "three"):
            yield answer(text)
            await heard.acquire()  # which the answer's arrival allows

    pump = pump_of(listener("echo", Ping, handler))
    pump.add_outlet(lambda state: heard.release())
    assert texts(await outcomes(pump, ping())) == ["one", "two", "three"]


async def test_an_answer_may_be_whatever_a_handler_returns() -> None:
    trace = Trace(
        answer("response"), b"<Pong><Text>bytes</Text></Pong>", "<Pong><Text>text</Text></Pong>", None,
        [answer("several"), HandlerResponse(Amount(1), to="next")],
        "<Pong><Text>four</Text></Pong><Pong><Text>five</Text></Pong>",
    )  # fmt: skip
    following = Recorder()
    pump = pump_of(listener("echo", Ping, trace), listener("next", Amount, following))
    states = await outcomes(pump, ping())
    assert [state.error for state in states] == [None] * 6
    assert following.payloads == [Amount(1)]
    assert (pump.books.emitted, pump.books.settled, trace.closed) == (7, 8, 1)


async def test_ids_count_on_over_one_call() -> None:
    pump = pump_of(listener("echo", Ping, Trace(answer("a"), [answer("b"), answer("c")], answer("d"))))
    states = await outcomes(pump, ping())
    ids = [state.message.id for state in states if state.message is not None]
    assert [id_.partition(".")[2] for id_ in ids] == ["0", "1", "2", "3"]


async def test_a_request_is_answered_by_the_first_of_them() -> None:
    pump = pump_of(listener("echo", Ping, Trace(answer("first"), answer("second"))))
    async with running(pump):
        assert await pump.request(Ping("a"), "echo") == Pong("first")
        await pump.drained()
    assert pump.books.balanced


async def test_a_request_waits_for_what_follows_from_one_of_them() -> None:
    trace = Trace(HandlerResponse(Amount(1), to="next"))
    pump = pump_of(listener("echo", Ping, trace), listener("next", Amount, Recorder()))
    async with running(pump):
        with pytest.raises(NoReply):
            await pump.request(Ping("a"), "echo")
        assert pump.books.open == 0


async def test_what_was_sent_before_a_failure_stays_sent() -> None:
    trace = Trace(answer("sent"), error=ValueError("broken"))
    pump = pump_of(listener("echo", Ping, trace))
    states = await outcomes(pump, ping())
    assert sorted(texts(states)) == ["handler-failed", "sent"]
    assert (pump.books.dead, trace.closed) == (1, 1)


async def test_an_answer_that_cannot_be_sent_ends_the_call_and_not_what_was_sent() -> None:
    trace = Trace(answer("sent"), [answer("fine"), 42], answer("never asked for"))
    pump = pump_of(listener("echo", Ping, trace))
    assert sorted(texts(await outcomes(pump, ping()))) == ["bad-reply", "sent"]
    assert (len(trace.asked), trace.closed, pump.books.emitted) == (2, 1, 1)


class Keeping(MemoryQueue):
    """A queue that keeps the ids of what handlers emitted."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    async def settle(self, outcome: Settlement) -> None:
        self.ids += [message.id.partition(".")[2] for message in outcome.puts]
        await super().settle(outcome)


async def test_its_own_failure_is_told_to_whoever_asked_under_an_id_of_its_own() -> None:
    told, queue = Recorder(), Keeping()
    asking = Recorder(lambda payload: HandlerResponse(payload, to="echo"))
    trace = Trace(HandlerResponse(Amount(1), to="next"), error=ValueError("broken"))
    config = pump_of(
        listener("asker", Ping, asking, on_refusal=told), listener("echo", Ping, trace),
        listener("next", Amount, Recorder()),
    ).config  # fmt: skip
    pump = StreamPump(config, queue=queue)
    pump.register_all()
    await outcomes(pump, ping(to="asker"))
    assert [metadata.from_id for _, metadata in told.calls] == ["system"]
    assert queue.ids == ["0", "0.0", "0.1"]


async def endless(payload: Any, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
    while True:
        yield answer("again")


async def test_one_that_never_ends_is_stopped_by_the_fan_out() -> None:
    pump = pump_of(listener("echo", Ping, endless), budget=BudgetConfig(fan_out=5))
    states = await outcomes(pump, ping())
    assert sorted(texts(states)) == ["again"] * 5 + ["budget"]
    assert "6 messages or more of one call" in str(next(s.error for s in states if s.error))


@pytest.mark.parametrize("last", ["<Pong><Text>x</Text></Pong>" * 3, [answer("x")] * 3])
async def test_the_fan_out_counts_several_in_one_answer(last: Any) -> None:
    trace = Trace(answer("one"), answer("two"), last)
    pump = pump_of(listener("echo", Ping, trace), budget=BudgetConfig(fan_out=4))
    assert sorted(texts(await outcomes(pump, ping()))) == ["budget", "one", "two"]


@pytest.mark.parametrize("last", ["<Pong><Text>x</Text></Pong>" * 2, [answer("x")] * 2])
async def test_all_that_the_budget_allows_may_be_sent(last: Any) -> None:
    trace = Trace(answer("one"), answer("two"), last)
    pump = pump_of(listener("echo", Ping, trace), budget=BudgetConfig(messages=4, fan_out=4))
    assert [state.error for state in await outcomes(pump, ping())] == [None] * 4


def test_the_deadline_is_that_of_the_whole_call() -> None:
    async def slow(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        for text in ("1", "2", "3", "4"):
            yield answer(text)
            await asyncio.sleep(1)

    pump = pump_of(listener("echo", Ping, slow), limits=Limits(handler_timeout_s=2.5))
    assert texts(in_virtual_time(outcomes(pump, ping()))) == ["1", "2", "3", "handler-timeout"]


async def test_what_it_yields_after_its_end_has_no_effect() -> None:
    called, closed = asyncio.Event(), asyncio.Event()

    async def stubborn(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        try:
            yield answer("sent")
            called.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield answer("late")
        finally:
            closed.set()

    pump = pump_of(listener("echo", Ping, stubborn))
    seen: list[Any] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
        await called.wait()
        assert await pump.cancel(THREAD) == 1
        await closed.wait()
        await pump.drained()
    assert (texts(seen), pump.books.emitted) == (["sent", "cancelled"], 1)


async def test_others_have_their_turn_beside_one_that_never_waits() -> None:
    echo = Recorder(lambda payload: answer("good"))
    pump = pump_of(
        listener("busy", Ping, endless), listener("echo", Ping, echo), budget=BudgetConfig(fan_out=200)
    )
    states = await outcomes(pump, ping(to="busy"), ping(to="echo"))
    assert texts(states).index("good") < 100


async def test_a_plain_handler_may_give_one() -> None:
    def handler(payload: Ping, metadata: HandlerMetadata) -> Any:
        return (
            endless(payload, metadata) if payload.text == "endless" else Trace(answer("a"))(payload, metadata)
        )

    pump = pump_of(listener("echo", Ping, handler))
    assert texts(await outcomes(pump, ping())) == ["a"]
