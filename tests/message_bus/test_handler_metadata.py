"""What a handler is told about its message: how to write to its peers, and until when."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running, xmlify
from agentserver.config import Limits, ListenerConfig, OrganismConfig
from agentserver.message_bus.briefing import Briefing
from agentserver.message_bus.handler_metadata import HandlerMetadata as Defined
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, outcomes, ping, pump_of


@xmlify
@dataclass
class Quote:
    """Asks for a price."""

    article: str


async def told(*others: ListenerConfig, **options: Any) -> HandlerMetadata:
    """Return what the listener `agent` is told of one message."""
    recorder = Recorder()
    await outcomes(pump_of(listener("agent", Ping, recorder, **options), *others), ping(to="agent"))
    return recorder.calls[0][1]


async def test_an_agent_is_told_how_to_write_to_its_peers_and_to_nobody_else() -> None:
    bank, desk, vault = (listener(name, Quote, Recorder()) for name in ("bank", "desk", "vault"))
    metadata = await told(bank, desk, vault, is_agent=True, peers=["bank", "desk"])
    usage = metadata.usage_instructions
    assert [line for line in usage.splitlines() if line.startswith("Listener ")] == [
        "Listener bank", "Listener desk"
    ]  # fmt: skip
    assert ("send one XML element <Quote>" in usage, "vault" in usage) == (True, False)


async def test_of_a_peer_that_is_narrowed_only_those_contracts_are_told() -> None:
    bank = [listener("bank", Quote, Recorder()), listener("bank", Amount, Recorder())]
    peers = [{"name": "bank", "payloads": ["Quote"]}]
    usage = (await told(*bank, is_agent=True, peers=peers)).usage_instructions
    assert ("<Quote>" in usage, "<Amount>" in usage) == (True, False)


async def test_an_agent_without_peers_and_whoever_is_no_agent_is_told_nothing() -> None:
    bank = listener("bank", Quote, Recorder())
    usages = [
        (await told(bank, **options)).usage_instructions
        for options in ({"is_agent": True}, {"is_agent": True, "peers": []}, {"peers": ["bank"]}, {})
    ]
    assert usages == ["", "", "", ""]


async def test_an_agent_that_may_ask_system_meta_is_told_how() -> None:
    usage = (await told(is_agent=True, peers=["system.meta.RequestSchema"])).usage_instructions
    assert ("<RequestSchema>" in usage, "<RequestPrompt>" in usage) == (True, False)


async def test_a_listener_that_comes_later_is_told_of_from_then_on() -> None:
    recorder = Recorder()
    pump = pump_of(listener("agent", Ping, recorder, is_agent=True, peers=["bank"]))
    async with running(pump):
        await pump.inject(ping(to="agent"), THREAD, "user")
        await pump.drained()
        before = recorder.calls[0][1].usage_instructions
        pump.register_listener(listener("bank", Quote, Recorder()))
        await pump.inject(ping(to="agent"), THREAD, "user")
        await pump.drained()
    assert (before, "<Quote>" in recorder.calls[1][1].usage_instructions) == ("", True)


async def test_the_text_is_made_once() -> None:
    recorder = Recorder()
    bank = listener("bank", Quote, Recorder())
    pump = pump_of(listener("agent", Ping, recorder, is_agent=True, peers=["bank"]), bank)
    await outcomes(pump, ping(to="agent"), ping(to="agent"))
    first, second = (metadata.usage_instructions for _, metadata in recorder.calls)
    assert first is second


@pytest.mark.parametrize(("options", "seconds"), [({}, 7.0), ({"timeout_s": 3.0}, 3.0)])
async def test_the_deadline_is_the_time_of_the_call_and_its_timeout(
    options: dict[str, Any], seconds: float
) -> None:
    recorder = Recorder()
    limits = Limits(handler_timeout_s=7)
    config = OrganismConfig("o", listeners=[listener("echo", Ping, recorder, **options)], limits=limits)
    pump = StreamPump(config, clock=lambda: 1000.0)
    pump.register_all()
    await outcomes(pump, ping())
    assert recorder.calls[0][1].deadline == 1000.0 + seconds


def test_the_first_fields_stay_in_their_places() -> None:
    metadata = HandlerMetadata("t", "someone", "me", True)
    assert metadata[:4] == ("t", "someone", "me", True)
    assert (metadata.usage_instructions, metadata.message_id, metadata.in_reply_to, metadata.attempt) == (
        "", "", None, 0
    )  # fmt: skip


def test_it_is_made_by_keywords() -> None:
    metadata = HandlerMetadata(thread_id="t", from_id="f", usage_instructions="how", attempt=2, deadline=9.5)
    assert (metadata.usage_instructions, metadata.attempt, metadata.deadline) == ("how", 2, 9.5)


async def test_a_text_that_was_not_made_yet_is_there_wherever_it_is_asked_for() -> None:
    metadata = await told(listener("bank", Quote, Recorder()), is_agent=True, peers=["bank"])
    usage = metadata.usage_instructions
    unpacked = list(metadata)[4]
    assert unpacked == metadata._asdict()["usage_instructions"] == usage
    assert pickle.loads(pickle.dumps(metadata)).usage_instructions == usage
    assert metadata._replace(attempt=1).usage_instructions == usage


async def test_its_repr_names_the_fields_but_for_the_long_text() -> None:
    metadata = await told(listener("bank", Quote, Recorder()), is_agent=True, peers=["bank"])
    assert f"thread_id={THREAD!r}, from_id='user', own_name='agent'" in repr(metadata)
    assert "usage_instructions" not in repr(metadata)


def test_a_message_that_no_queue_holds_is_told_of_as_far_as_is_known() -> None:
    row = Listener("echo", Ping, Recorder(HandlerResponse.respond(Pong("x"))))
    metadata = Briefing(clock=lambda: 5.0).metadata(MessageState(thread_id="t", from_id="f"), row, 1.0)
    assert metadata == Defined("t", "f", deadline=6.0)
