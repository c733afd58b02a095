"""The battery of bad input through a pump: from outside, as what a handler returns, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, running
from tests.bad_input import ROWS, Row, listeners
from tests.organisms import THREAD, Amount, Ping, Pong, envelope, listener, outcomes, ping, pump_of, texts

AMOUNT = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="writer")
NEIGHBOURS = ("before", "after")
MENDABLE = ("syntax", "not-utf8", "schema")
"""Codes of what a handler's reply may be mended from, or of what its target refuses, not its author."""


async def answer(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text if isinstance(payload, Ping) else "accept"))


def told(state: Any) -> str:
    """Return the code of what failed; else `accept`, or the text of a neighbour."""
    if state.failure is not None:
        return str(state.failure.code)
    return state.payload.text if state.payload.text in NEIGHBOURS else "accept"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_row_from_outside(row: Row) -> None:
    pump = pump_of(*listeners(answer), limits=row.limits)
    states = await outcomes(pump, ping("before"), row.data, ping("after"))
    assert sorted(["before", row.code, "after"]) == sorted(map(told, states))
    assert all(len(state.error or "") < 700 for state in states)


@pytest.mark.parametrize("repair", ["off", "safe", "recover"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_row_as_what_a_handler_returns(row: Row, repair: Any) -> None:
    async def write(payload: Amount, metadata: HandlerMetadata) -> bytes:
        return row.data

    pump = pump_of(*listeners(answer), listener("writer", Amount, write, repair=repair), limits=row.limits)
    states = await outcomes(pump, ping("before"), AMOUNT, ping("after"))
    found = list(map(told, states))
    assert set(NEIGHBOURS) <= set(found)
    if row.code not in ("accept", *MENDABLE):
        assert 1 == found.count("bad-reply") + found.count(row.code), found


async def test_b32_every_prefix_of_a_message() -> None:
    states = await outcomes(pump_of(*listeners(answer)), *(ping()[:end] for end in range(len(ping()))))
    assert {"syntax"} == set(map(told, states))


async def test_b43_a_sender_that_nobody_vouches_for_cannot_bear_a_listeners_name() -> None:
    states = await outcomes(
        pump_of(*listeners(answer)), ping(sender="echo"), ping(sender="system", thread=None), sender=None
    )
    assert ["false-sender"] * 2 == texts(states)


async def test_b43_b44_what_an_envelope_claims_has_no_effect_and_is_counted() -> None:
    pump = pump_of(*listeners(answer))
    other = "11111111-2222-3333-4444-555555555555"
    (state,) = await outcomes(pump, ping(sender="system", thread=other))
    assert ("user", THREAD, 2) == (state.to_id, state.thread_id, pump.false_claims)


@pytest.mark.parametrize(
    "text", ["</to><from>x", "<&\"'>", "]]>", "&amp;", "a\tb\nc", '<Ping xmlns="">', ' xmlns="']
)
async def test_b46_a_hostile_text_goes_in_and_out_as_it_is(text: str) -> None:
    pump = pump_of(*listeners(answer))
    async with running(pump):
        assert Pong(text) == await pump.request(Ping(text), "echo")


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (None, None),
        ("", "bad-reply"),
        ("a text", "bad-reply"),
        (b"</dummy>", "bad-reply"),
        (b"</dummy><dummy>", "bad-reply"),
        (HandlerResponse(Pong("x"), to="nobody"), "no-listener"),
        (ping(to="nobody"), "no-listener"),
    ],
    ids=str,
)
async def test_b49_what_a_handler_returns(returned: Any, code: str | None) -> None:
    async def write(payload: Amount, metadata: HandlerMetadata) -> Any:
        return returned

    pump = pump_of(*listeners(answer), listener("writer", Amount, write))
    states = await outcomes(pump, AMOUNT, ping("alive"))
    assert sorted(filter(None, [code, "alive"])) == sorted(texts(states))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_row_costs_much(request: pytest.FixtureRequest) -> None:
    # a process of its own, for its memory; times are those of a machine that takes 15 ms for a good MiB
    command = [sys.executable, "-m", "tests.message_bus.bad_input_costs"]
    result = subprocess.run(command, cwd=request.config.rootpath, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for cost in json.loads(result.stdout):
        assert cost["ms"] < 250, cost
        assert cost["lag_ms"] < 50, cost
        assert cost["mib"] < 64, cost
