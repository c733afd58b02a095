"""An agent that sends to its own contract goes on with its own thought, and comes to an end by the budget."""

from __future__ import annotations

from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse
from agentserver.config import BudgetConfig, HandlesConfig
from agentserver.errors import BudgetExceeded
from tests.organisms import Amount, Pong, Recorder, envelope, listener, outcomes, pump_of, texts

START = envelope('<Amount xmlns=""><Value>3</Value></Amount>', to="thinker")


def on(payload: Amount, way: str) -> Any:
    further = Amount(payload.value - 1)
    answers: dict[str, Any] = {
        "blind": HandlerResponse(further),
        "by name": HandlerResponse(further, to="thinker"),
        "written": f"I think on.\n<Amount><Value>{further.value}</Value></Amount>",
    }
    return answers[way]


@pytest.mark.parametrize("way", ["blind", "by name", "written"])
async def test_an_agent_goes_on_by_itself_and_its_answer_comes_to_whoever_asked(way: str) -> None:
    seen: list[HandlerMetadata] = []

    async def think(payload: Amount, metadata: HandlerMetadata) -> Any:
        seen.append(metadata)
        return on(payload, way) if payload.value else HandlerResponse.respond(Pong("done"))

    async def pass_on(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(payload)

    thinker = listener(
        "thinker", Amount, think, is_agent=True, handles=[HandlesConfig(payload_class=Pong, handler=pass_on)]
    )
    states = await outcomes(pump_of(thinker), START)
    assert texts(states) == ["done"]
    assert [metadata.is_self_call for metadata in seen] == [False, True, True, True]
    assert [metadata.from_id for metadata in seen] == ["user", "thinker", "thinker", "thinker"]
    assert len({metadata.thread_id for metadata in seen}) == 4


@pytest.mark.parametrize("way", ["blind", "by name", "written"])
async def test_one_that_never_comes_to_an_end_is_ended_by_the_budget(way: str) -> None:
    thinker = Recorder(lambda payload: on(payload, way))
    other = Recorder(HandlerResponse.respond(Pong("fine")))
    pump = pump_of(
        listener("thinker", Amount, thinker, is_agent=True), listener("other", Pong, other),
        budget=BudgetConfig(messages=10),
    )  # fmt: skip
    states = await outcomes(pump, START, envelope('<Pong xmlns=""><Text>a</Text></Pong>', to="other"))
    (failure,) = [state.failure for state in states if state.failure is not None]
    assert isinstance(failure, BudgetExceeded)
    assert (failure.bound, len(thinker.calls), len(states)) == ("messages", 11, 2)
