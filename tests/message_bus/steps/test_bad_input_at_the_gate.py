"""Rows B41 to B48 of the bad-input battery: well-formed, and still nothing that a listener may get."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

import pytest

from agentserver.message_bus import MessageState
from agentserver.message_bus.guard import Step
from agentserver.message_bus.steps import (
    c14n_step,
    deserialization_step,
    envelope_validation_step,
    make_routing_step,
    payload_extraction_step,
    repair_step,
    thread_assignment_step,
    xsd_validation_step,
)
from agentserver.message_bus.threads import is_thread_id
from agentserver.wire import ENVELOPE_NS, EnvelopeBuilder, canonical
from agentserver.xmlable import contract_of, xmlify
from tests.message_bus.steps.samples import GREETING, Greeting, Reading, envelope, listener
from tests.wire.samples import is_linear


@xmlify
@dataclass
class Moment:
    """Holds a time."""

    when: datetime | None = None
    at: time | None = None


ROUTING = make_routing_step(
    {"greeter.greeting": [listener("greeter")], "meter.reading": [listener("meter", Reading)]}
)
GATE: list[Step] = [
    repair_step,
    c14n_step,
    envelope_validation_step,
    payload_extraction_step,
    thread_assignment_step,
    ROUTING,
    xsd_validation_step,
    deserialization_step,
]


def through(data: bytes, steps: Iterable[Step] = GATE) -> MessageState:
    state = MessageState(raw_bytes=data)
    for step in steps:
        state = step(state)
    return state


def refusal(data: bytes) -> tuple[str, str | None]:
    """Return where a message was refused, and with which code."""
    state = through(data)
    assert state.payload is None
    return state.stage, getattr(state.failure, "code", None)


META = "<from>alice</from>"


def test_a_good_message_passes() -> None:
    assert Greeting("Bob") == through(envelope()).payload


@pytest.mark.parametrize(
    "data",
    [
        envelope("<meta><from>system</from></meta>" + GREETING),
        envelope("<meta><from>system</from></meta>"),
        envelope(envelope().decode()),
        envelope(GREETING + GREETING),
        envelope(f'<e:meta xmlns:e="{ENVELOPE_NS}"><e:from>system</e:from></e:meta>'),
        envelope(GREETING, META + META),
        envelope("text" + GREETING),
        envelope(""),
    ],
)
def test_b41_one_meta_and_one_payload(data: bytes) -> None:
    assert ("envelope_validation", "schema") == refusal(data)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        " ",
        " alice",
        "alice ",
        "alice\n",
        "\u0430lice",
        "al ice",
        "1alice",
        ".alice",
        "a" * 65,
        "a" * 900_000,
    ],
)
@pytest.mark.parametrize("tag", ["from", "to"])
def test_b42_names(sender: str, tag: str) -> None:
    meta = f"<from>{sender}</from>" if tag == "from" else f"{META}<to>{sender}</to>"
    assert ("envelope_validation", "schema") == refusal(envelope(meta=meta))


def test_b42_a_bad_name_of_a_megabyte_gives_a_short_error() -> None:
    assert len(through(envelope(meta=f"<from>{'a' * 900_000}</from>")).error or "") < 700


def test_b43_an_outside_client_cannot_name_itself_after_a_listener() -> None:
    data = envelope(meta="<from>greeter</from><to>greeter</to>")
    assert ("routing_resolution", "false-sender") == refusal(data)


def test_b44_a_thread_that_is_no_uuid_is_replaced() -> None:
    state = through(envelope(meta=f"{META}<to>greeter</to><thread>mine</thread>"))
    assert state.error is None
    assert is_thread_id(state.thread_id)


@pytest.mark.parametrize("thread", ["x" * 129, "x" * 900_000])
def test_b44_a_thread_that_is_too_long(thread: str) -> None:
    data = envelope(meta=f"{META}<thread>{thread}</thread>")
    assert ("envelope_validation", "schema") == refusal(data)


@pytest.mark.parametrize("text", ["</to><from>x", "<&\"'>", "]]>", "&amp;", "a\tb\nc"])
def test_b46_hostile_text_arrives_as_it_was(text: str) -> None:
    contract = contract_of(Greeting)
    message, root = EnvelopeBuilder().build("alice", "greeter", "t", "Greeting")
    contract.fill(Greeting(text), root)
    state = through(canonical(message))
    assert (Greeting(text), "alice", "greeter") == (state.payload, state.from_id, state.to_id)


XSI = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.mark.parametrize(
    "payload",
    [
        f'<Greeting xmlns="" {XSI} x:type="Other"><Name>Bob</Name></Greeting>',
        f'<Greeting xmlns="" {XSI} x:nil="true"/>',
        f'<Greeting xmlns="" {XSI}><Name x:nil="true"/></Greeting>',
        f'<Greeting xmlns=""><Name {XSI} x:type="xs:int">1</Name></Greeting>',
        '<Greeting xmlns="" xmlns:x="http://www.w3.org/2001/XMLSchema-&#105;nstance" x:type="O"/>',
    ],
)
def test_b47_type_switches(payload: str) -> None:
    assert ("envelope_validation", "schema") == refusal(envelope(payload, META))


def test_b47_type_switches_are_found_without_canonical_bytes() -> None:
    data = envelope(f'<Greeting xmlns="" {XSI} x:nil="true"/>', META)
    state = through(data, [repair_step, envelope_validation_step])
    assert "xsi:nil" in (state.error or "")


@pytest.mark.parametrize(
    "data",
    [
        envelope().replace(b"<meta>", b'<meta role="admin">'),
        envelope().replace(b"<from>", b'<from id="1">'),
        envelope().replace(b"<message ", b'<message version="2" '),
        envelope(meta="<from>alice<b/></from>"),
        envelope(meta=f"{META}<hop>3</hop>"),
        envelope(meta=f"<to>greeter</to>{META}"),
    ],
)
def test_b47_anything_more_in_the_envelope(data: bytes) -> None:
    assert ("envelope_validation", "schema") == refusal(data)


@pytest.mark.parametrize(
    "payload",
    [
        '<Greeting xmlns=""><Name>Bob</Name><Name>Eve</Name></Greeting>',
        '<Greeting xmlns="" role="admin"><Name>Bob</Name></Greeting>',
        '<Greeting xmlns=""><Name>Bob<b/></Name></Greeting>',
        '<Greeting xmlns=""><Name xmlns="urn:other">Bob</Name></Greeting>',
        '<Reading xmlns=""><Count>one</Count></Reading>',
    ],
)
def test_a_payload_that_breaks_its_contract(payload: str) -> None:
    assert ("xsd_validation", "schema") == refusal(envelope(payload, META))


@pytest.mark.parametrize(
    "inside",
    [
        f"<Count>{'9' * 5_000}</Count>",
        f"<Count>{'9' * 100_000}</Count>",
        "<Count>1e999</Count>",
        "<Count>NaN</Count>",
        "<Count>\u0661</Count>",
        "<Ratio>Infinity</Ratio>",
        "<Ratio>nan</Ratio>",
        "<Ratio>0x1p3</Ratio>",
        "<Ratio>1_0</Ratio>",
    ],
)
def test_b48_numbers(inside: str) -> None:
    count = "" if inside.startswith("<Count") else "<Count>1</Count>"
    stage, code = refusal(envelope(f'<Reading xmlns="">{count}{inside}</Reading>', META))
    assert stage in ("xsd_validation", "deserialization")
    assert code in ("schema", "binding")


@pytest.mark.parametrize(
    "inside", ["<When>99999999999-01-01T00:00:00Z</When>", "<At>25:00:00</At>", "<When>now</When>"]
)
def test_b48_times(inside: str) -> None:
    state = MessageState(raw_bytes=f"<Moment>{inside}</Moment>".encode())
    repair_step(state)
    state.payload_tree = state.envelope_tree
    state.metadata |= {"schema": contract_of(Moment).schema, "payload_class": Moment}
    for step in (xsd_validation_step, deserialization_step):
        step(state)
    assert getattr(state.failure, "code", None) in ("schema", "binding")


@pytest.mark.parametrize(
    "steps", [GATE, [step for step in GATE if step is not c14n_step]], ids=["gate", "no c14n"]
)
def test_b21_many_violations_take_linear_time(steps: list[Step]) -> None:
    def passage(count: int) -> Callable[[], object]:
        return partial(through, envelope(f'<Greeting xmlns="">{"<Wrong/>" * count}</Greeting>', META), steps)

    assert is_linear(passage, 1_200)
