"""Whatever listeners do about refusals, it ends: never more refusals than failures, and the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, Huh, SystemError_
from agentserver.config import BudgetConfig
from tests.organisms import Ping, Pong, listener, outcomes, ping, pump_of

NAMES = ("a", "b", "c")

ANSWERS: dict[str, Any] = {
    **{f"ask {name}": HandlerResponse(Ping("x"), name) for name in (*NAMES, "nobody")},
    "respond": HandlerResponse.respond(Ping("x")),
    "respond wrongly": HandlerResponse.respond(Pong("x")),
    "malformed": "<Ping>",
    "unfit": "<Ping><Txt/></Ping>",
    "no reply": 7,
}

doings = st.one_of(st.just("raise"), st.lists(st.sampled_from(sorted(ANSWERS)), max_size=3))
listeners = st.tuples(*(st.tuples(doings, st.none() | doings) for _ in NAMES))


def doing(what: Any, seen: list[Any]) -> Callable[..., Any]:
    async def handler(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Huh | SystemError_):
            seen.append((metadata.own_name, metadata.thread_id))
        if what == "raise":
            raise RuntimeError("as it was told to")
        return [ANSWERS[each] for each in what]

    return handler


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(listeners, st.booleans(), st.integers(0, 3))
def test_refusals_end(doings: tuple[Any, ...], outside: bool, feedback: int) -> None:
    seen: list[Any] = []
    pump = pump_of(
        *(
            listener(name, Ping, doing(what, seen), on_refusal=None if then is None else doing(then, seen))
            for name, (what, then) in zip(NAMES, doings, strict=True)
        ),
        budget=BudgetConfig(messages=300, fan_out=10),
        feedback=feedback,
    )
    left: list[Any] = []
    pump.add_outlet(
        lambda state: left.append(state) if state.from_id == "system" and state.error is None else None,
        refusals=outside,
    )
    asyncio.run(outcomes(pump, ping(to="a")))
    assert len(seen) + len(left) <= pump.books.dead
    assert pump.books.balanced
    assert outside or not left
    assert feedback or not seen
