"""What `agentserver can` says is what the pump does: in any organism, allow exactly where the message arrives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, meta, running, xmlify
from agentserver.config import HandlesConfig, ListenerConfig, MetaAudience, MetaConfig
from agentserver.config.decisions import decide
from agentserver.config.members import members_of, system_members
from agentserver.config.reachability import Reachability
from agentserver.message_bus import StreamPump
from tests.organisms import Ping, Pong, pump_of

NAMES = ("till", "Clerk", "search.shelf", "search.attic")
ADDRESSES = (*NAMES, "search", "TILL", "system.meta")
ENTRIES = (
    *(*NAMES, "search", "CLERK", "till.ping", "Till.Pong", "clerk.pong", "search.ping", "search.shelf.pong"),
    *("system.meta", "System.Meta.ListCapabilities", "system.meta.requestschema"),
)
PAYLOADS = ("Ping", "Pong", "ListCapabilities")

Message = tuple[str, str, str]
"""Who sends it, to whom, and which payload."""


@xmlify
@dataclass
class Send:
    """Tells a listener what to send."""

    to: str
    payload: str


class Desk:
    """A listener that sends what it is told to, and notes what arrives."""

    def __init__(self, name: str, arrived: set[Message]) -> None:
        self.name, self.arrived = name, arrived

    async def send(self, payload: Send, metadata: HandlerMetadata) -> HandlerResponse:
        text = f"{self.name}>{payload.to}"
        made = {"Ping": Ping(text), "Pong": Pong(text), "ListCapabilities": meta.ListCapabilities()}
        return HandlerResponse(made[payload.payload], to=payload.to)

    async def note(self, payload: Ping | Pong, metadata: HandlerMetadata) -> None:
        sender, _, address = payload.text.partition(">")
        self.arrived.add((sender, address, type(payload).__name__))

    async def note_answer(self, payload: meta.Capabilities, metadata: HandlerMetadata) -> None:
        self.arrived.add((self.name, "system.meta", "ListCapabilities"))

    def config(self, takes: list[type[Any]], **options: Any) -> ListenerConfig:
        handles = [
            HandlesConfig(payload_class=meta.Capabilities, handler=self.note_answer),
            *(HandlesConfig(payload_class=each, handler=self.note) for each in takes),
        ]
        return ListenerConfig(self.name, payload_class=Send, handler=self.send, handles=handles, **options)


@st.composite
def organisms(draw: st.DrawFn) -> tuple[StreamPump, set[Message]]:
    """Draw up to four listeners, and give the set that will hold what arrived."""
    arrived: set[Message] = set()
    audience: MetaAudience = draw(st.sampled_from(("none", "peers", "all")))
    listeners = [
        Desk(name, arrived).config(
            draw(st.lists(st.sampled_from((Ping, Pong)), min_size=1, unique=True)),
            is_agent=draw(st.booleans()),
            peers=draw(st.none() | st.lists(st.sampled_from(ENTRIES), max_size=4)),
            broadcast=name.startswith("search") and draw(st.booleans()),
        )
        for name in NAMES[: draw(st.integers(1, len(NAMES)))]
    ]
    return pump_of(*listeners, meta=MetaConfig(audience, audience, audience, audience)), arrived


@given(organisms())
@settings(max_examples=60)
def test_what_is_allowed_arrives_and_nothing_else(drawn: tuple[StreamPump, set[Message]]) -> None:
    pump, arrived = drawn
    members = members_of(pump.config)
    graph = Reachability([*members, *system_members(pump.config)])
    messages = [
        (sender.name, address, payload) for sender, address, payload in product(members, ADDRESSES, PAYLOADS)
    ]

    async def send_all() -> None:
        async with running(pump):
            for sender, address, payload in messages:
                order = f"<Send><To>{address}</To><Payload>{payload}</Payload></Send>"
                await pump.inject(_addressed(order, sender), None, "user")
            await pump.drained()

    asyncio.run(send_all())
    expected = {message for message in messages if _says_can(graph, *message)}
    assert sorted(expected) == sorted(arrived)


def _addressed(payload: str, to: str) -> bytes:
    envelope = '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>user</from><to>{}</to></meta>{}</message>'
    return envelope.format(to, payload.replace("<Send>", '<Send xmlns="">')).encode()


def _says_can(graph: Reachability, sender: str, address: str, payload: str) -> bool:
    receivers = graph.at(address)
    if not any(payload in receiver.contracts for receiver in receivers):
        return False  # the command does not find it
    [member] = [each for each in graph.at(sender) if each.name == sender]
    return decide(member, address, receivers, payload).allowed
