"""One input that is several messages: each gets a state of its own, and a payload without an envelope gets one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agentserver.errors import WireError
from agentserver.message_bus import MessageState
from agentserver.message_bus.steps import FanOut, TargetFanOut, extract_payloads, make_repair_step
from agentserver.message_bus.steps.repair import RepairPolicy
from agentserver.message_bus.stream_pump import extract_payloads as extract_payloads_of_the_pump
from agentserver.queues import Delivery, QueuedMessage
from agentserver.wire import ENVELOPE_NS, canonical
from tests.message_bus.steps.samples import GREETING, THREAD, envelope, listener, with_payload

GOOD = envelope()
BARE = b"<Greeting><Name>Bob</Name></Greeting>"


def fanned(
    data: bytes, policy: RepairPolicy = "safe", max_payloads: int = 1_000, sender: str | None = "model"
) -> list[MessageState]:
    """Parse and fan out one input of a sender that is known."""
    state = MessageState(raw_bytes=data, from_id=sender, thread_id=THREAD)
    return FanOut(max_payloads).over([make_repair_step(policy=policy)(state)])


def forms(states: Sequence[MessageState]) -> list[bytes]:
    return [canonical(state.envelope_tree) for state in states if state.envelope_tree is not None]


def from_model(payload: str) -> bytes:
    return envelope(payload, f"<from>model</from><thread>{THREAD}</thread>")


def test_one_envelope_stays_one_state() -> None:
    states = fanned(GOOD)
    assert [GOOD] == forms(states)


def test_several_envelopes() -> None:
    assert [GOOD] * 3 == forms(fanned(GOOD * 3))


def test_several_bare_payloads_get_envelopes() -> None:
    assert [from_model(GREETING)] * 3 == forms(fanned(BARE * 3))


def test_envelopes_and_bare_payloads_may_be_mixed() -> None:
    assert [GOOD, from_model(GREETING), GOOD] == forms(fanned(GOOD + BARE + GOOD))


def test_each_part_stands_alone() -> None:
    first, second = fanned(GOOD * 2)
    first.note("mine")
    assert {} == second.metadata
    assert first.envelope_tree is not None
    assert first.envelope_tree.getparent() is None


def test_text_between_messages_is_dropped_with_a_note() -> None:
    states = fanned(b"First: " + BARE + b" and then: " + BARE + b" Done.")
    assert [from_model(GREETING)] * 2 == forms(states)
    assert all(("prose",) == state.metadata["repairs"] for state in states)
    assert all(state.metadata["diagnostics"] for state in states)


def test_text_between_messages_is_refused_when_off() -> None:
    (state,) = fanned(BARE + b" and then: " + BARE, "off")
    assert "syntax" in (state.error or "")


@pytest.mark.parametrize(("count", "states"), [(5, 5), (6, 1)])
def test_there_may_be_only_so_many(count: int, states: int) -> None:
    fanned_out = fanned(BARE * count, max_payloads=5)
    assert states == len(fanned_out)
    assert (count > 5) is ("too-many" in (fanned_out[0].error or ""))


def test_a_bare_payload_needs_a_known_sender() -> None:
    (state,) = fanned(BARE, sender=None)
    assert "missing <from>" in (state.error or "")


def test_a_payload_in_the_envelopes_place_keeps_its_own_namespace() -> None:
    (state,) = fanned(b'<g:Greeting xmlns:g="urn:g"><Name>Bob</Name></g:Greeting>')
    expected = '<g:Greeting xmlns="" xmlns:g="urn:g"><Name>Bob</Name></g:Greeting>'
    assert [
        from_model(expected).replace(b' xmlns="" xmlns:g', b" xmlns:g").replace(b"<Name", b'<Name xmlns=""')
    ] == forms([state])


def test_a_payload_without_a_canonical_form_fails_alone() -> None:
    states = fanned(b'<a xmlns="relative"/>' + BARE)
    assert ["namespace-uri", None] == [getattr(state.failure, "code", None) for state in states]


def test_a_message_element_of_another_namespace_is_left_for_the_schema_to_refuse() -> None:
    (state,) = fanned(b'<message xmlns="urn:other"/>')
    assert [b'<message xmlns="urn:other"></message>'] == forms([state])


def test_an_input_that_failed_is_not_split() -> None:
    state = make_repair_step()(MessageState(raw_bytes=GOOD * 2))
    state.fail("custom", WireError("not this one"))
    assert [state] == FanOut().over([state])


def test_parts_share_the_receipt_of_their_input() -> None:
    delivery = Delivery(QueuedMessage("1", GOOD * 2))
    state = MessageState(raw_bytes=GOOD * 2, delivery=delivery)
    parts = FanOut().over([make_repair_step()(state)])
    assert [(None, delivery)] * 2 == [(part.delivery, part.part_of) for part in parts]


def test_other_states_of_the_batch_keep_their_place() -> None:
    repair = make_repair_step()
    batch = [repair(MessageState(raw_bytes=data)) for data in (GOOD, GOOD * 2, b"<a>", GOOD)]
    assert [True, True, True, False, True] == [state.error is None for state in FanOut().over(batch)]


def test_each_target_gets_a_state_and_a_tree_of_its_own() -> None:
    state = with_payload(BARE)
    state.target_listeners = [listener("search.a", broadcast=True), listener("search.b", broadcast=True)]
    first, second = TargetFanOut().over([state])
    assert ["search.a", "search.b"] == [
        part.target_listeners[0].name for part in (first, second) if part.target_listeners
    ]
    assert first.payload_tree is not second.payload_tree
    assert first.payload_tree is not None
    assert second.payload_tree is not None
    assert BARE == canonical(first.payload_tree) == canonical(second.payload_tree)


def test_a_single_target_needs_no_copy() -> None:
    state = with_payload(BARE)
    state.target_listeners = [listener("greeter")]
    assert [state] == TargetFanOut().over([state])


# extract_payloads, for programs that fan out by themselves


async def extracted(data: bytes | None) -> list[MessageState]:
    state = MessageState(raw_bytes=data, thread_id=THREAD, from_id="model", metadata={"note": [1]})
    return [part async for part in extract_payloads(state)]


def test_the_pump_module_offers_it_too() -> None:
    assert extract_payloads is extract_payloads_of_the_pump


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (BARE, [BARE]),
        (BARE * 3, [BARE] * 3),
        (GOOD, [GOOD]),
        (b"<?xml version='1.0'?><a/><b/>", [b"<a></a>", b"<b></b>"]),
        (b"\n <a/>\n<b/> ", [b"<a></a>", b"<b></b>"]),
        (b"Hi <a/> there <b/>", [b"<a></a>", b"<b></b>"]),
        (b"<a>AT&T</a>", [b"<a>AT&amp;T</a>"]),
    ],
)
async def test_payloads_are_extracted(data: bytes, parts: list[bytes]) -> None:
    states = await extracted(data)
    assert parts == [state.raw_bytes for state in states]
    assert all(state.error is None for state in states)


async def test_parts_keep_thread_sender_and_metadata() -> None:
    first, second = await extracted(BARE * 2)
    assert [(THREAD, "model", {"note": [1]})] * 2 == [
        (part.thread_id, part.from_id, part.metadata) for part in (first, second)
    ]
    assert first.metadata["note"] is not second.metadata["note"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "no payload"),
        (b"", "no payload"),
        (b"  ", "no payload"),
        (b"plain text", "no payload"),
        (b"<a><b></a>", "syntax"),
        (b"<a>", "syntax"),
        (b"</roots><roots>", "syntax"),
        (b"<a>\xff</a>", "not-utf8"),
    ],
)
async def test_what_holds_no_payload_is_given_back_with_an_error(data: bytes | None, words: str) -> None:
    (state,) = await extracted(data)
    assert words in (state.error or "")
    assert data == state.raw_bytes


async def test_what_failed_before_is_given_back() -> None:
    state = MessageState(raw_bytes=BARE)
    state.fail("earlier", WireError("first"))
    assert [state] == [part async for part in extract_payloads(state)]


async def test_a_payload_without_a_canonical_form_leaves_the_others() -> None:
    assert [False, True] == [part.error is None for part in await extracted(b'<a xmlns="relative"/><b/>')]


def test_the_envelope_namespace_is_the_published_one() -> None:
    assert "https://xml-pipeline.org/ns/envelope/v1" == ENVELOPE_NS
