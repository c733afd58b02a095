"""The gate of an organism with nothing behind it."""

from __future__ import annotations

import asyncio
from typing import Any

from agentserver.config import StepConfig
from agentserver.errors import GateError
from agentserver.message_bus.rehearsal import Rehearsal, Verdict
from agentserver.queues import Frame, QueuedMessage
from tests.organisms import Amount, Ping, Recorder, envelope, listener, ping, pump_of


def verdicts(*messages: QueuedMessage, **options: Any) -> list[list[Verdict]]:
    pump = pump_of(
        listener("echo", Ping, Recorder()),
        listener("count", Amount, Recorder()),
        listener("agent", Ping, Recorder(), is_agent=True, peers=["count"]),
        **options,
    )
    return asyncio.run(Rehearsal(pump).of(messages))


def sent(data: bytes, number: int = 1, **fields: Any) -> QueuedMessage:
    return QueuedMessage(f"run-{number}", data, **fields)


def test_each_message_has_its_verdict() -> None:
    data = envelope('<Amount xmlns=""><Value>much</Value></Amount>', to="count")
    (fit,), (unfit,), (lost,) = verdicts(sent(ping()), sent(data, 2), sent(ping(to="nobody"), 3))

    assert Verdict("echo.ping") == fit
    assert (None, "schema", "xsd_validation") == (unfit.listener, unfit.code, unfit.stage)
    assert (None, "no-listener", "routing_resolution") == (lost.listener, lost.code, lost.stage)


def test_an_input_of_several_has_one_for_each_part_in_order() -> None:
    data = ping() + envelope('<Amount xmlns=""><Value>7</Value></Amount>', to="count") + ping(to="nobody")
    (found,) = verdicts(sent(data))

    assert ["echo.ping", "count.amount", None] == [verdict.listener for verdict in found]


def test_no_handler_is_called() -> None:
    handler = Recorder()
    pump = pump_of(listener("echo", Ping, handler))
    asyncio.run(Rehearsal(pump).of([sent(ping())]))

    assert [] == handler.calls
    assert 0 == pump.books.injected


def test_the_users_steps_are_asked() -> None:
    async def refuse(state: Any) -> Any:
        raise GateError("not today", code="closed-today")

    ((found,),) = verdicts(sent(ping()), pipeline=[StepConfig("x.refuse", after="c14n", step=refuse)])
    assert ("closed-today", "refuse") == (found.code, found.stage)


def test_a_sender_is_held_to_its_peers() -> None:
    chain = (Frame("user", "t"),)
    from_agent: dict[str, Any] = {"sender": "agent", "hop": 1, "chain": chain, "canonical": True}
    (found,), (answer,) = verdicts(
        sent(ping(sender="agent"), to_id="echo", **from_agent),
        sent(ping(sender="agent"), 2, to_id="echo", in_reply_to="run-0", **from_agent),
    )

    assert ("not-allowed", "addressing") == (found.code, found.stage)
    assert "echo.ping" == answer.listener


def test_anybody_goes_on_with_any_thread_as_that_was_asked_when_it_came() -> None:
    found = verdicts(sent(ping(sender="ada")), sent(ping(sender="bob"), 2))

    assert [[Verdict("echo.ping")]] * 2 == found
