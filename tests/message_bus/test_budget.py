"""Budgets: a conversation that goes on for ever ends in one typed error on its thread, and nobody else notices."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, MessageState, RequestFailed, StreamPump, running
from agentserver.config import BudgetConfig, HandlesConfig, Limits
from agentserver.errors import BudgetExceeded, ConversationEnded
from agentserver.message_bus.budget import Spending
from agentserver.queues import MemoryQueue, MessageQueue, Settlement
from agentserver.testing.virtual_time import in_virtual_time, virtual_time
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

OTHER = "00000000-0000-4000-8000-000000000001"


def to(name: str, count: int = 1) -> Any:
    """Return what a handler returns that sends its payload on, so many times."""
    return lambda payload: [HandlerResponse(payload, to=name)] * count


def greeting_each_other(waiting_in: MessageQueue | None = None, **budget: Any) -> StreamPump:
    return pump_of(
        listener("alice", Ping, Recorder(to("bob")), is_agent=True, peers=["bob"]),
        listener("bob", Ping, Recorder(to("alice")), is_agent=True, peers=["alice"]),
        listener("echo", Ping, Recorder(lambda payload: HandlerResponse.respond(Pong(payload.text)))),
        budget=BudgetConfig(**budget),
        waiting_in=waiting_in,
    )


def amount(value: int, target: str = "count", thread: str = THREAD) -> bytes:
    return envelope(f'<Amount xmlns=""><Value>{value}</Value></Amount>', to=target, thread=thread)


def exceeded(states: list[MessageState]) -> list[BudgetExceeded]:
    return [state.failure for state in states if isinstance(state.failure, BudgetExceeded)]


async def test_two_agents_who_greet_each_other_for_ever_end_in_one_typed_error() -> None:
    pump = greeting_each_other(messages=50)
    states = await outcomes(pump, ping(to="alice"))
    (failure,) = exceeded(states)
    assert (len(states), failure.bound, failure.count, failure.limit) == (1, "messages", 51, 50)
    assert "budget: 51 messages in one conversation, and budget.messages is 50; raise that if" in str(failure)
    assert (pump.books.emitted, pump.books.dead, pump.books.open) == (50, 1, 0)
    assert [letter.code for letter in pump.dead_letters] == ["budget"]


async def test_the_rest_of_the_organism_never_notices() -> None:
    pump = greeting_each_other(messages=500)
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        await pump.inject(ping(to="alice"), OTHER, "user")
        for n in range(200):
            assert await pump.request(Ping(str(n)), "echo") == Pong(str(n))
        await pump.drained()
    assert len(exceeded(seen)) == 1
    assert {state.error for state in seen if state.failure is None} == {None}
    assert pump.books.balanced


async def test_without_a_word_about_it_conversations_are_bounded_too() -> None:
    pump = greeting_each_other()
    states = await outcomes(pump, ping(to="alice"))
    assert texts(states) == ["hop-limit"]  # a path has its bound before its conversation
    many = pump_of(listener("a", Ping, Recorder(to("a", 2))))
    states = await outcomes(many, ping(to="a"))
    assert (texts(states), many.books.emitted) == (["budget"], 10_000)


async def test_a_request_fails_at_once_even_while_a_handler_of_it_still_runs() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def stuck(payload: Pong, metadata: HandlerMetadata) -> None:
        begun.set()
        await release.wait()

    async def loud(payload: Ping, metadata: HandlerMetadata) -> list[HandlerResponse]:
        await begun.wait()
        return [HandlerResponse(payload, to="a")] * 5

    start = Recorder([HandlerResponse(Pong("x"), to="stuck"), HandlerResponse(Ping("x"), to="a")])
    pump = pump_of(
        listener("start", Amount, start), listener("stuck", Pong, stuck), listener("a", Ping, loud),
        budget=BudgetConfig(messages=4),
    )  # fmt: skip
    async with running(pump):
        with pytest.raises(RequestFailed, match=r"7 messages in one conversation") as caught:
            await pump.request(Amount(1), "start", timeout_s=20)
        release.set()
    assert caught.value.failure_code == "budget"


async def test_whoever_listens_to_the_thread_is_told_once_and_one_warning_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pump = pump_of(listener("a", Ping, Recorder(to("a", 3))), budget=BudgetConfig(messages=100))
    told: list[MessageState] = []
    pump.add_outlet(told.append, THREAD)
    await outcomes(pump, ping(to="a"))
    assert texts(told) == ["budget"]
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert {letter.code for letter in pump.dead_letters} == {"budget"}
    assert pump.books.dead == len(pump.dead_letters) > 30


async def test_what_still_waits_of_the_conversation_is_not_handled_any_more() -> None:
    slow = Recorder()
    gate = asyncio.Event()

    async def agent(payload: Pong, metadata: HandlerMetadata) -> None:
        await slow(payload, metadata)
        await gate.wait()

    async def over(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Ping("x"), to="start")] * 100

    start = Recorder([*[HandlerResponse(Pong("x"), to="agent")] * 20, HandlerResponse(Amount(1), to="over")])
    pump = pump_of(
        listener("start", Ping, start), listener("over", Amount, over),
        listener("agent", Pong, agent, is_agent=True, max_concurrent=2), budget=BudgetConfig(messages=50),
    )  # fmt: skip
    async with running(pump), pump.subscribe(THREAD) as messages:
        await pump.inject(ping(to="start"), THREAD, "user")
        failed = await anext(messages)
        gate.set()
        await pump.drained()
    assert isinstance(failed.failure, BudgetExceeded)
    assert (len(slow.calls), pump.books.dead, pump.books.open) == (2, 19, 0)


async def test_other_conversations_of_the_same_listeners_go_on() -> None:
    pump = pump_of(
        listener("a", Ping, Recorder(lambda payload: to("a", 2)(payload) if payload.text == "bad" else b"<Done/>")),
        budget=BudgetConfig(messages=20),
    )  # fmt: skip
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        for n in range(30):
            await pump.inject(ping("bad" if n == 10 else "good", to="a"), f"thread {n}", "user")
        await pump.drained()
    assert [state.failure.code for state in seen if state.failure] == ["budget"]
    assert len([state for state in seen if state.failure is None]) == 29


async def test_a_path_may_be_bounded_closer_than_by_the_limits() -> None:
    pump = greeting_each_other(hops=7)
    (failure,) = exceeded(await outcomes(pump, ping(to="alice")))
    assert (failure.key, failure.count, pump.books.emitted) == ("budget.hops", 8, 7)


async def test_hops_beyond_the_limits_stay_bounded_by_the_limits() -> None:
    pump = pump_of(
        listener("a", Ping, Recorder(to("a"))), limits=Limits(hops=5), budget=BudgetConfig(hops=50)
    )
    assert texts(await outcomes(pump, ping(to="a"))) == ["hop-limit"]


def test_a_conversation_may_be_bounded_in_time() -> None:
    async def slow(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(1)
        return HandlerResponse(payload, to="a")

    pump = pump_of(listener("a", Ping, slow), budget=BudgetConfig(wall_s=10.5))
    (failure,) = exceeded(in_virtual_time(outcomes(pump, ping(to="a"))))
    assert (failure.bound, round(failure.count, 3), pump.books.emitted) == ("wall_s", 11, 10)
    assert "a conversation of 11.0 s, and budget.wall_s is 10.5" in str(failure)


def test_the_time_of_a_conversation_begins_with_its_first_message() -> None:
    async def slow(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(1)
        return HandlerResponse(Pong(payload.text), to="b")

    recorder = Recorder()
    pump = pump_of(
        listener("a", Ping, slow, max_concurrent=1), listener("b", Pong, recorder),
        budget=BudgetConfig(wall_s=2.5),
    )  # fmt: skip
    states = in_virtual_time(outcomes(pump, *(ping(str(n), to="a") for n in range(4))))
    assert [payload.text for payload in recorder.payloads] == ["0", "1"]
    assert texts(states) == ["budget", "budget"]


async def test_one_call_may_send_only_so_many_messages_and_fails_alone_beyond() -> None:
    recorder = Recorder()
    start = Recorder([HandlerResponse(Ping("x"), to="loud"), HandlerResponse(Pong("x"), to="quiet")])
    pump = pump_of(
        listener("start", Amount, start), listener("loud", Ping, Recorder(to("loud", 4))),
        listener("quiet", Pong, recorder), budget=BudgetConfig(fan_out=3),
    )  # fmt: skip
    (failure,) = exceeded(await outcomes(pump, amount(1, "start")))
    assert (failure.key, failure.limit, len(recorder.calls)) == ("budget.fan_out", 3, 1)


async def test_the_messages_that_a_handler_wrote_itself_are_counted_as_well() -> None:
    pump = pump_of(listener("a", Ping, Recorder(b"<Done/>" * 5)), budget=BudgetConfig(fan_out=4))
    (failure,) = exceeded(await outcomes(pump, ping(to="a")))
    assert failure.bound == "fan_out"
    assert pump.books.emitted == 0


async def test_an_answer_of_exactly_what_is_left_is_sent() -> None:
    recorder = Recorder()
    pump = pump_of(
        listener("a", Ping, Recorder(to("b", 4))), listener("b", Ping, Recorder(to("c"))),
        listener("c", Ping, recorder), budget=BudgetConfig(messages=8, fan_out=4),
    )  # fmt: skip
    assert (await outcomes(pump, ping(to="a")), len(recorder.calls)) == ([], 4)


async def test_the_copies_of_a_broadcast_share_one_budget() -> None:
    config = [
        listener(f"all.{name}", Ping, Recorder(to(f"all.{name}")), broadcast=True) for name in ("a", "b", "c")
    ]
    pump = pump_of(*config, budget=BudgetConfig(messages=30))
    states = await outcomes(pump, ping(to="all"))
    assert (texts(states), 30 - pump.books.dead < 31) == (["budget"], True)
    assert pump.books.emitted == 30 + 3  # the copies, too, are booked as emitted


async def test_a_broadcast_in_the_middle_of_a_conversation_shares_its_budget() -> None:
    config = [
        listener(f"all.{name}", Pong, Recorder(to(f"all.{name}")), broadcast=True) for name in ("a", "b")
    ]
    pump = pump_of(
        listener("start", Ping, Recorder(HandlerResponse(Pong("x"), to="all"))),
        *config,
        budget=BudgetConfig(messages=20),
    )
    states = await outcomes(pump, ping(to="start"))
    assert (texts(states), pump.books.emitted) == (["budget"], 20 + 2)


async def test_conversations_that_came_in_one_input_have_budgets_of_their_own() -> None:
    pump = greeting_each_other(messages=20)
    states = await outcomes(
        pump, ping(to="alice", thread=THREAD) + ping("fine", to="echo", thread=OTHER), sender=None
    )
    assert sorted(texts(states)) == ["budget", "fine"]


async def test_an_outside_sender_may_keep_one_thread_for_all_it_asks() -> None:
    pump = greeting_each_other(messages=5)
    states = await outcomes(pump, *(ping(str(n), to="echo") for n in range(100)))
    assert texts(states) == [str(n) for n in range(100)]


async def test_a_message_that_was_handled_in_vain_is_not_charged() -> None:
    class Failing(MemoryQueue):
        failures = 3

        async def settle(self, outcome: Settlement) -> None:
            if outcome.puts and outcome.acks[0].message.hop == 2 and self.failures:
                self.failures -= 1
                raise OSError("disk full")
            await super().settle(outcome)

    pump = greeting_each_other(Failing(), messages=10)
    told: list[MessageState] = []
    pump.add_outlet(told.append)
    await pump.inject(ping(to="alice"), THREAD, "user")
    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            await pump.run()
    async with running(pump):
        await pump.drained()
    assert (texts(told), pump.books.emitted, pump.books.balanced) == (["budget"], 10, True)


async def test_an_end_that_was_not_committed_is_told_once_it_is() -> None:
    class Failing(MemoryQueue):
        failures = 1

        async def settle(self, outcome: Settlement) -> None:
            if outcome.dead and self.failures:
                self.failures -= 1
                raise OSError("disk full")
            await super().settle(outcome)

    pump = greeting_each_other(Failing(), messages=10)
    told: list[MessageState] = []
    pump.add_outlet(told.append)
    await pump.inject(ping(to="alice"), THREAD, "user")
    with pytest.raises(OSError, match="disk full"):
        await pump.run()
    async with running(pump):
        await pump.drained()
    assert [type(state.failure) for state in told] == [BudgetExceeded]


async def test_nothing_is_kept_of_a_conversation_that_is_over() -> None:
    def kept() -> int:
        gc.collect()
        return len([thing for thing in gc.get_objects() if type(thing) is Spending])

    arrived, held = asyncio.Semaphore(0), asyncio.Event()

    async def hold(payload: Pong, metadata: HandlerMetadata) -> None:
        arrived.release()
        await held.wait()

    pump = pump_of(
        listener("a", Ping, Recorder(lambda payload: HandlerResponse(Pong(payload.text), to="b"))),
        listener("b", Pong, hold),
    )
    before = kept()
    async with running(pump):
        for n in range(7):
            await pump.inject(ping(str(n), to="a"), THREAD, "user")
        for _ in range(7):
            await arrived.acquire()
        meanwhile = kept()
        held.set()
    assert (before + 7, before) == (meanwhile, kept())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=4),
    st.integers(1, 60),
    st.integers(1, 4),
)
def test_whatever_handlers_do_no_conversation_sends_more_than_its_budget_and_each_ends_once_at_most(
    plans: list[list[int]], messages: int, fan_out: int
) -> None:
    """A handler sends as many copies as its conversation's plan says for that depth, over and over; some calls fail."""
    sent: dict[str, int] = {}
    calls = 0

    async def count(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        nonlocal calls
        calls += 1
        conversation, depth = divmod(payload.value, 1_000)
        if calls % 7 == 0:
            await asyncio.sleep(0)
        if calls % 11 == 0:
            raise ValueError("now and then")
        plan = plans[conversation]
        return [HandlerResponse(Amount(payload.value + 1), to="count")] * plan[depth % len(plan)]

    class Counting(MemoryQueue):
        async def settle(self, outcome: Settlement) -> None:
            for message in outcome.puts:
                sent[message.root_id] = sent.get(message.root_id, 0) + 1
            await super().settle(outcome)

    async def scene() -> list[MessageState]:
        pump = pump_of(
            listener("count", Amount, count, max_concurrent=3),
            budget=BudgetConfig(messages=messages, fan_out=fan_out), limits=Limits(hops=100),
            waiting_in=Counting(),
        )  # fmt: skip
        seen: list[MessageState] = []
        pump.add_outlet(seen.append)
        async with running(pump):
            for number in range(len(plans)):
                await pump.inject(amount(number * 1_000), f"thread {number}", "user")
            await pump.drained()
        assert pump.books.balanced
        assert not pump.books.open
        return seen

    states = asyncio.run(scene())
    assert max(sent.values(), default=0) <= messages
    ended = [state.message.root_id for state in states if state.message and _ends(state.failure)]
    assert sorted(set(ended)) == sorted(ended)
    assert not [state for state in states if isinstance(state.failure, ConversationEnded)]


def _ends(failure: object) -> bool:
    return isinstance(failure, BudgetExceeded) and failure.ends_conversation


@virtual_time
async def test_a_handler_that_waits_is_ended_when_the_time_of_its_conversation_is_up() -> None:
    ended, loop = list[float](), asyncio.get_running_loop()

    async def wait(payload: Ping, metadata: HandlerMetadata) -> None:
        try:
            await asyncio.sleep(50)
        finally:
            ended.append(loop.time())

    pump = pump_of(listener("echo", Ping, wait), budget=BudgetConfig(wall_s=10))
    async with running(pump):
        began = loop.time()
        with pytest.raises(RequestFailed) as failed:
            await pump.request(Ping("x"), "echo", timeout_s=1_000)
        await pump.drained()
    assert isinstance(failed.value.__cause__, BudgetExceeded)
    assert 10 < ended[0] - began <= 11
    assert [letter.stage for letter in pump.dead_letters] == ["budget"]
    assert pump.books.balanced


@virtual_time
async def test_of_all_that_waits_in_a_conversation_whose_time_is_up_one_is_told() -> None:
    async def wait(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(50)

    async def spread(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Ping("x"), "echo")] * payload.value

    pump = pump_of(
        listener("echo", Ping, wait, max_concurrent=2), listener("spread", Amount, spread),
        budget=BudgetConfig(wall_s=2),
    )  # fmt: skip
    seen = await outcomes(pump, b"<Amount><Value>5</Value></Amount>")
    assert texts(seen) == ["budget"]
    assert len(pump.dead_letters) == 5


@virtual_time
async def test_answers_that_wait_for_others_are_ended_with_their_conversation() -> None:
    async def ask(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Ping(text), "echo") for text in ("fast", "slow")]

    async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(0 if payload.text == "fast" else 50)
        return HandlerResponse.respond(Pong(payload.text))

    handles = [HandlesConfig(payload_class=Pong, handler=Recorder())]
    pump = pump_of(
        listener("asker", Amount, ask, join=True, handles=handles), listener("echo", Ping, echo),
        budget=BudgetConfig(wall_s=2),
    )  # fmt: skip
    seen = await outcomes(pump, b"<Amount><Value>5</Value></Amount>")
    assert texts(seen) == ["budget"]
    assert [letter.stage for letter in pump.dead_letters] == ["budget", "budget"]
