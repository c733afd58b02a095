"""Every step by itself: what it needs, what it gives, and the words in which it says what is wrong."""

from __future__ import annotations

import asyncio
from importlib import import_module

import pytest

from agentserver.errors import WireError
from agentserver.message_bus import MessageState
from agentserver.message_bus.guard import Step
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps.c14n import c14n_step
from agentserver.message_bus.steps.deserialization import deserialization_step
from agentserver.message_bus.steps.envelope_validation import envelope_validation_step
from agentserver.message_bus.steps.payload_extraction import payload_extraction_step
from agentserver.message_bus.steps.repair import repair_step
from agentserver.message_bus.steps.routing_resolution import make_routing_step
from agentserver.message_bus.steps.thread_assignment import thread_assignment_step
from agentserver.message_bus.steps.xsd_validation import xsd_validation_step
from agentserver.message_bus.threads import is_thread_id
from agentserver.queues import Delivery, QueuedMessage
from agentserver.xmlable import contract_of
from tests.message_bus.steps.samples import (
    GREETING,
    THREAD,
    Greeting,
    Reading,
    envelope,
    listener,
    with_envelope,
    with_payload,
)

STEPS = [
    repair_step,
    c14n_step,
    envelope_validation_step,
    payload_extraction_step,
    thread_assignment_step,
    xsd_validation_step,
    deserialization_step,
    make_routing_step({}),
]
ids = [step.name for step in STEPS]


@pytest.mark.parametrize(
    "name",
    [
        *("repair", "c14n", "envelope_validation", "payload_extraction", "thread_assignment"),
        *("xsd_validation", "deserialization"),
    ],
)
def test_a_step_is_found_under_its_name(name: str) -> None:
    module = import_module(f"agentserver.message_bus.steps.{name}")
    assert isinstance(getattr(module, f"{name}_step"), Step)
    assert name == getattr(module, f"{name}_step").name


@pytest.mark.parametrize("step", STEPS, ids=ids)
def test_a_step_gives_the_state_that_it_was_given(step: Step) -> None:
    state = MessageState()
    assert state is step(state)


@pytest.mark.parametrize("step", STEPS, ids=ids)
async def test_a_step_may_be_awaited(step: Step) -> None:
    state = MessageState()
    assert state is await step(state)


@pytest.mark.parametrize("step", STEPS, ids=ids)
def test_a_step_skips_what_has_failed(step: Step) -> None:
    state = MessageState(raw_bytes=b"<a/>")
    state.fail("earlier", WireError("first"))
    step(state)
    assert ("earlier", "syntax: first", b"<a/>") == (state.stage, state.error, state.raw_bytes)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (repair_step, "no raw_bytes"),
        (c14n_step, "no envelope_tree"),
        (envelope_validation_step, "no envelope_tree"),
        (payload_extraction_step, "no envelope_tree"),
        (xsd_validation_step, "no payload_tree"),
        (deserialization_step, "no payload_tree"),
        (make_routing_step({}), "no payload_tree"),
    ],
)
def test_a_step_says_what_it_misses(step: Step, words: str) -> None:
    state = step(MessageState())
    assert words in (state.error or "")
    assert step.name == state.stage


@pytest.mark.parametrize(
    ("payload", "meta", "words"),
    [
        (GREETING, "<to>greeter</to>", "missing <from>"),
        (GREETING, "<from/>", "missing <from>"),
        ("", None, "no payload"),
        (GREETING * 2, None, "multiple payload roots"),
    ],
)
def test_extraction_says_what_is_wrong_with_an_envelope(payload: str, meta: str | None, words: str) -> None:
    state = payload_extraction_step(with_envelope(envelope(payload, meta)))
    assert words in (state.error or "")


@pytest.mark.parametrize("data", [b"<message/>", b"<message><Greeting/></message>"])
def test_extraction_misses_meta(data: bytes) -> None:
    assert "missing <meta>" in (payload_extraction_step(with_envelope(data)).error or "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (envelope("", "<from>a</from>"), "found its end, expected a payload"),
        (envelope(GREETING * 2), "multiple payload roots"),
        (envelope().replace(b"<meta>", b"<x>").replace(b"</meta>", b"</x>"), "missing <meta>"),
        (envelope("<Greeting/>"), 'xmlns=""'),
        (b"<Greeting/>", "an envelope is <message"),
    ],
)
def test_validation_hints_at_what_is_meant(data: bytes, words: str) -> None:
    assert words in (envelope_validation_step(with_envelope(data)).error or "")


def test_a_good_envelope_is_taken_apart() -> None:
    state = MessageState(raw_bytes=envelope())
    for step in (
        repair_step,
        c14n_step,
        envelope_validation_step,
        payload_extraction_step,
        thread_assignment_step,
    ):
        step(state)
    assert state.error is None
    assert ("alice", "greeter", THREAD) == (state.from_id, state.to_id, state.thread_id)
    assert state.payload_tree is not None
    assert "Greeting" == state.payload_tree.tag
    assert state.claimed
    assert {} == state.metadata


def test_canonical_bytes_that_are_there_already_are_kept() -> None:
    state = with_envelope(b"<a/>")
    state.canonical = b"<a></a>"
    assert state.canonical is c14n_step(state).canonical


def test_a_relative_namespace_has_no_canonical_form() -> None:
    assert "namespace-uri" in (c14n_step(with_envelope(b'<a xmlns="foo"/>')).error or "")


@pytest.mark.parametrize("claim", ["not-a-uuid", "x" * 100_000, None, ""])
def test_a_thread_id_that_is_no_uuid_is_replaced_and_noted(claim: str | None) -> None:
    state = thread_assignment_step(MessageState(thread_id=claim))
    assert state.error is None
    assert is_thread_id(state.thread_id)
    (note,) = state.metadata["diagnostics"]
    assert str(state.thread_id) in note
    assert len(note) < 1_000


def test_a_uuid_is_kept() -> None:
    state = thread_assignment_step(MessageState(thread_id=THREAD))
    assert (THREAD, {}) == (state.thread_id, state.metadata)


def test_b43_b44_what_the_pump_knows_of_sender_and_thread_wins() -> None:
    state = with_envelope(envelope(meta="<from>system</from><thread>another</thread>"))
    state.from_id, state.thread_id = "alice", THREAD
    payload_extraction_step(state)
    assert ("alice", THREAD, False) == (state.from_id, state.thread_id, state.claimed)
    assert 2 == state.metadata["false_claims"]
    assert 2 == len(state.metadata["diagnostics"])


def test_a_true_claim_is_not_noted() -> None:
    state = with_envelope(envelope())
    state.from_id, state.thread_id = "alice", THREAD
    assert {} == payload_extraction_step(state).metadata


def test_a_payload_is_validated_against_the_schema_in_metadata() -> None:
    schema = contract_of(Greeting).schema
    good, bad = with_payload(GREETING.encode()), with_payload(b"<Greeting><Wrong/></Greeting>")
    good.metadata["schema"] = bad.metadata["schema"] = schema
    assert xsd_validation_step(good).error is None
    assert "Wrong" in (xsd_validation_step(bad).error or "")


def test_a_payload_is_validated_against_its_target() -> None:
    state = with_payload(b"<Greeting><Wrong/></Greeting>")
    state.target_listeners = [listener("greeter")]
    assert "schema" in (xsd_validation_step(state).error or "")


def test_a_payload_without_a_schema_is_no_payload_to_validate() -> None:
    assert "no schema" in (xsd_validation_step(with_payload(GREETING.encode())).error or "")


@pytest.mark.parametrize("in_metadata", [True, False])
def test_a_payload_is_read_as_its_class(in_metadata: bool) -> None:
    state = with_payload(GREETING.encode())
    if in_metadata:
        state.metadata["payload_class"] = Greeting
    else:
        state.target_listeners = [listener("greeter")]
    assert Greeting("Bob") == deserialization_step(state).payload


def test_a_payload_without_a_class_cannot_be_read() -> None:
    assert "no payload_class" in (deserialization_step(with_payload(GREETING.encode())).error or "")


def test_routing_finds_listeners_by_address_and_tag_whatever_the_case() -> None:
    greeter = listener("greeter")
    state = with_payload(b"<GREETING><Name>Bob</Name></GREETING>")
    state.to_id = "Greeter"
    make_routing_step({"greeter.greeting": [greeter]})(state)
    assert [greeter] == state.target_listeners
    assert state.payload_tree is not None
    assert "Greeting" == state.payload_tree.tag


@pytest.mark.parametrize("tag", ["Greeting", "greeter.greeting"])
def test_routing_without_an_address_goes_by_the_tag(tag: str) -> None:
    greeter = listener("greeter")
    state = make_routing_step({"greeter.greeting": [greeter]})(with_payload(f"<{tag}/>".encode()))
    assert [greeter] == state.target_listeners


def test_routing_says_that_nobody_takes_it() -> None:
    state = with_payload(b"<Greeting/>")
    state.to_id = "nobody"
    assert "no-listener" in (
        make_routing_step({"greeter.greeting": [listener("greeter")]})(state).error or ""
    )


def test_an_outside_sender_cannot_bear_a_listeners_name() -> None:
    state = with_payload(b"<Greeting/>")
    state.from_id, state.claimed = "Greeter", True
    make_routing_step({"greeter.greeting": [listener("greeter")]})(state)
    assert "false-sender" in (state.error or "")


@pytest.mark.parametrize("values", ["<Count>1</Count><Ratio>1.5</Ratio>"])
def test_a_reading_passes_the_whole_gate(values: str) -> None:
    state = MessageState(raw_bytes=envelope(f'<Reading xmlns="">{values}</Reading>', "<from>alice</from>"))
    routing = make_routing_step({"meter.reading": [listener("meter", Reading)]})
    before = (
        repair_step,
        c14n_step,
        envelope_validation_step,
        payload_extraction_step,
        thread_assignment_step,
    )
    for step in (*before, routing, xsd_validation_step, deserialization_step):
        state = step(state)
    assert (None, Reading(1, 1.5)) == (state.error, state.payload)


def test_a_step_may_be_awaited_in_a_new_loop() -> None:
    async def through() -> MessageState:
        return await repair_step(MessageState(raw_bytes=b"<a/>"))

    assert asyncio.run(through()).error is None


def redelivered(target: str, payload: bytes) -> MessageState:
    """Return a copy for one of several listeners, as it is taken from the queue again."""
    state = with_payload(payload)
    state.delivery = Delivery(QueuedMessage("1", b"", target=target))
    return state


def test_a_copy_for_one_listener_is_routed_to_it_alone() -> None:
    first, second = listener("search.a", broadcast=True), listener("search.b", broadcast=True)
    table = RoutingTable()
    table.add(first)
    table.add(second)
    state = make_routing_step(table)(redelivered("search.b.greeting", b"<GREETING/>"))
    assert [second] == state.target_listeners
    assert state.payload_tree is not None
    assert "Greeting" == state.payload_tree.tag


def test_a_copy_for_a_listener_that_is_gone_says_so() -> None:
    state = make_routing_step(RoutingTable())(redelivered("search.b.greeting", b"<Greeting/>"))
    assert "no-listener" in (state.error or "")
    assert "search.b.greeting" in (state.error or "")


def test_what_leaves_the_organism_needs_no_listener() -> None:
    state = with_payload(GREETING.encode())
    state.delivery = Delivery(QueuedMessage("1", b"", outbound=True))
    for step in (make_routing_step({}), xsd_validation_step, deserialization_step):
        step(state)
    assert (None, None) == (state.error, state.payload)
