"""Steps of the user's own: anywhere in the gate, sync or async, guarded like ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentserver import ConfigError
from agentserver.config import STEP_NAMES, Limits, StepConfig
from agentserver.errors import PayloadError
from agentserver.message_bus import MessageState
from agentserver.message_bus.gate import gate_stages
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.threads import Threads
from tests.organisms import Ping, Recorder, listener, outcomes, ping, pump_of, texts


def count(seen: list[Any], what: str) -> Any:
    def step(state: MessageState) -> MessageState:
        seen.append(getattr(state, what))
        return state

    return step


async def test_a_step_sees_what_the_step_before_it_left() -> None:
    seen: list[Any] = []
    steps = [StepConfig("m.count", after="payload_extraction", step=count(seen, "from_id"))]
    await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert seen == ["user"]


async def test_steps_after_one_place_run_in_the_order_in_which_they_are_listed() -> None:
    seen: list[str] = []

    def named(name: str) -> Any:
        def step(state: MessageState) -> MessageState:
            seen.append(name)
            return state

        return step

    steps = [
        StepConfig("m.a", after="c14n", step=named("a")),
        StepConfig("m.b", after="c14n", step=named("b")),
        StepConfig("m.c", before="c14n", step=named("c")),
    ]
    await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert seen == ["c", "a", "b"]


async def test_a_step_may_be_asynchronous() -> None:
    seen: list[str] = []

    async def step(state: MessageState) -> MessageState:
        await asyncio.sleep(0)
        seen.append(state.payload.text)
        return state

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder), pipeline=steps)
    await outcomes(pump, *(ping(str(n)) for n in range(120)))
    assert (len(seen), len(recorder.calls)) == (120, 120)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_step_may_refuse_a_message(asynchronous: bool) -> None:
    def refuse(state: MessageState) -> MessageState:
        raise PayloadError("not today", code="closed-day")

    async def refuse_later(state: MessageState) -> MessageState:
        return refuse(state)

    steps = [StepConfig("m.step", after="deserialization", step=refuse_later if asynchronous else refuse)]
    states = await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert texts(states) == ["closed-day"]


@pytest.mark.parametrize("result", [None, 5])
async def test_a_step_that_returns_no_state_fails_that_message_alone(result: Any) -> None:
    def step(state: MessageState) -> Any:
        return result if state.payload.text == "bad" else state

    recorder = Recorder()
    steps = [StepConfig("m.step", after="deserialization", step=step)]
    states = await outcomes(
        pump_of(listener("echo", Ping, recorder), pipeline=steps), ping("a"), ping("bad"), ping("b")
    )
    assert (texts(states), len(recorder.calls)) == (["step-failed"], 2)


async def test_a_step_that_raises_a_bug_fails_that_message_alone_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def step(state: MessageState) -> MessageState:
        raise ZeroDivisionError("oops")

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    states = await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert (texts(states), "ZeroDivisionError: oops" in caplog.text) == (["step-failed"], True)


async def test_a_step_may_put_another_state_in_place() -> None:
    def step(state: MessageState) -> MessageState:
        return MessageState(
            payload=Ping("other"),
            target_listeners=state.target_listeners,
            thread_id=state.thread_id,
            from_id=state.from_id,
        )

    recorder = Recorder()
    steps = [StepConfig("m.step", after="deserialization", step=step)]
    await outcomes(pump_of(listener("echo", Ping, recorder), pipeline=steps), ping("one"))
    assert recorder.payloads == [Ping("other")]


async def test_a_step_at_an_unknown_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="no stage 'nowhere'"):
        pump_of(pipeline=[StepConfig("m.step", after="nowhere", step=lambda state: state)])


async def test_a_step_that_takes_the_targets_away_fails_that_message() -> None:
    def step(state: MessageState) -> MessageState:
        state.target_listeners = None
        return state

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    states = await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert texts(states) == ["missing-input"]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_step_that_exits_fails_that_message_alone(error: BaseException, asynchronous: bool) -> None:
    def leave(state: MessageState) -> MessageState:
        if state.payload.text == "bad":
            raise error
        return state

    async def leave_later(state: MessageState) -> MessageState:
        return leave(state)

    recorder = Recorder()
    steps = [StepConfig("m.step", after="deserialization", step=leave_later if asynchronous else leave)]
    pump = pump_of(listener("echo", Ping, recorder), pipeline=steps)
    states = await outcomes(pump, ping("bad"), ping("good"))
    assert (texts(states), recorder.payloads) == (["step-failed"], [Ping("good")])


async def test_a_step_may_be_an_object_with_an_asynchronous_call() -> None:
    class Step:
        seen = 0

        async def __call__(self, state: MessageState) -> MessageState:
            await asyncio.sleep(0)
            self.seen += 1
            return state

    step, recorder = Step(), Recorder()
    steps = [StepConfig("m.step", after="deserialization", step=step)]
    await outcomes(pump_of(listener("echo", Ping, recorder), pipeline=steps), ping())
    assert (step.seen, len(recorder.calls)) == (1, 1)


async def test_a_plain_step_that_returns_a_coroutine_is_told_what_to_write() -> None:
    async def later(state: MessageState) -> MessageState:
        return state

    def step(state: MessageState) -> Any:
        return later(state)

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    (failed,) = await outcomes(pump_of(listener("echo", Ping, Recorder()), pipeline=steps), ping())
    assert "make the step itself an `async def`" in (failed.error or "")


async def test_a_step_may_write_the_error_of_a_state() -> None:
    def step(state: MessageState) -> MessageState:
        state.error = "not on Sundays"
        return state

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    pump = pump_of(listener("echo", Ping, Recorder()), pipeline=steps)
    await outcomes(pump, ping())
    (letter,) = pump.dead_letters
    assert (letter.stage, letter.code, letter.reason) == ("step", "refused", "not on Sundays")


async def test_an_asynchronous_step_that_never_returns_times_out() -> None:
    async def step(state: MessageState) -> MessageState:
        await asyncio.Event().wait()
        return state

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    pump = pump_of(listener("echo", Ping, Recorder()), pipeline=steps, limits=Limits(handler_timeout_s=0.05))
    assert texts(await outcomes(pump, ping())) == ["step-failed"]


def test_the_places_are_the_stages_of_the_gate() -> None:
    stages = gate_stages(Limits(), RoutingTable(), Threads())
    assert [stage.name for stage in stages if stage.name != "fan_out_targets"] == list(STEP_NAMES)


async def test_a_step_that_returns_the_state_of_another_message_fails_alone() -> None:
    first: list[MessageState] = []

    def step(state: MessageState) -> MessageState:
        first.append(state)
        return first[0]

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    recorder = Recorder()
    states = await outcomes(pump_of(listener("echo", Ping, recorder), pipeline=steps), ping("a"), ping("b"))
    assert (texts(states), recorder.payloads) == (["step-failed"], [Ping("a")])


async def test_a_step_cannot_take_the_receipt_of_a_state_away() -> None:
    def step(state: MessageState) -> MessageState:
        state.delivery = None
        return state

    steps = [StepConfig("m.step", after="deserialization", step=step)]
    pump = pump_of(listener("echo", Ping, Recorder()), pipeline=steps)
    await outcomes(pump, ping())
    assert pump.books.settled == 1


async def test_a_step_that_sets_a_thread_to_what_is_no_text_fails_alone() -> None:
    def step(state: MessageState) -> MessageState:
        state.thread_id = 5  # type: ignore[assignment]
        return state

    steps = [StepConfig("m.step", after="payload_extraction", step=step)]
    pump = pump_of(listener("echo", Ping, Recorder()), pipeline=steps)
    assert texts(await outcomes(pump, ping())) == ["step-failed"]
