"""One reply of a model calls three tools, and their answers come back as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import ConfigLoader, HandlesConfig
from handlers.calculator import Result
from handlers.tools import MAX_TASKS, ScriptedModel, Solved, Solver, Task
from tests.organisms import outcomes

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config" / "examples" / "task.xml"


class Script:
    """A model that says what it is told to, and keeps what it was asked."""

    def __init__(self, *replies: str) -> None:
        self.replies, self.asked = list(replies), list[list[str]]()

    async def complete(self, conversation: Sequence[str]) -> str:
        self.asked.append(list(conversation))
        return self.replies.pop(0)


def organism(model: Any) -> StreamPump:
    """Return the sample organism, with a model of ours."""
    config = ConfigLoader.load(ROOT / "config" / "tools.yaml")
    solver = Solver(model)
    agent = replace(
        config.listeners[0], payload_class_path="", handler_path="", payload_class=Task, handler=solver.solve,
        on_refusal_path="", on_refusal=solver.conclude,
        handles=[HandlesConfig(payload_class=Result, handler=solver.conclude)],
    )  # fmt: skip
    config.listeners[0] = agent
    pump = StreamPump(config)
    pump.register_all()
    return pump


async def test_the_sample_gives_one_joined_answer() -> None:
    states = await outcomes(organism(ScriptedModel()), EXAMPLE.read_bytes(), sender=None)
    assert [state.payload for state in states] == [Solved("The parts are 3.5, 42, 0.3.")]


async def test_the_model_is_asked_twice_and_shown_the_answers_in_the_order_of_its_calls() -> None:
    script = Script(ScriptedModel.first, "done")
    pump = organism(script)
    async with running(pump):
        assert await pump.request(Task("go"), "solver") == Solved("done")
    assert script.asked == [["go"], ["go", ScriptedModel.first, "3.5", "42", "0.3"]]


async def test_tasks_at_once_are_not_mixed() -> None:
    class Adding:
        async def complete(self, conversation: Sequence[str]) -> str:
            if len(conversation) > 1:
                return " ".join(conversation[2:])
            return "".join(f"<Add><A>{conversation[0]}</A><B>{n}</B></Add>" for n in range(3))

    pump = organism(Adding())
    async with running(pump):
        answers = await asyncio.gather(*(pump.request(Task(str(n)), "solver") for n in range(0, 200, 10)))
    assert answers == [Solved(f"{n} {n + 1} {n + 2}") for n in range(0, 200, 10)]


async def test_a_model_that_calls_nothing_answers_at_once() -> None:
    pump = organism(Script("I know that."))
    async with running(pump):
        assert await pump.request(Task("go"), "solver") == Solved("I know that.")


async def test_a_call_that_breaks_its_contract_is_told_among_the_answers() -> None:
    script = Script("<Add><A>1</A><B>2</B></Add><Multiply><A>six</A><B>7</B></Multiply>", "done")
    pump = organism(script)
    async with running(pump):
        assert await pump.request(Task("go"), "solver") == Solved("done")
    assert script.asked[1][2:] == ["3", "no answer (schema)"]


async def test_calls_that_all_fail_are_told_too() -> None:
    script = Script("<Add><A>one</A><B>2</B></Add><Multiply><A>six</A><B>7</B></Multiply>", "sorry")
    pump = organism(script)
    async with running(pump):
        assert await pump.request(Task("go"), "solver") == Solved("sorry")
    assert script.asked[1][2:] == ["no answer (schema)", "no answer (schema)"]


async def test_of_more_tasks_than_it_keeps_the_oldest_is_forgotten() -> None:
    solver = Solver(ScriptedModel())
    for number in range(MAX_TASKS + 1):
        await solver.solve(Task("go"), HandlerMetadata(str(number), "me"))
    answers = [await conclude(solver, thread) for thread in ("0", "1", str(MAX_TASKS))]
    assert [answer is not None for answer in answers] == [False, True, True]


async def test_an_answer_that_nobody_waits_for_is_left_alone() -> None:
    assert await conclude(Solver(ScriptedModel()), "late") is None


async def conclude(solver: Solver, thread: str) -> HandlerResponse | None:
    answer = Result(Decimal(1))
    return await solver.conclude(answer, HandlerMetadata(thread, "calculator.add", answers=(answer,)))
