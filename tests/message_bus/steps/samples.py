"""Contracts, envelopes and listeners that the tests of the steps share."""

from dataclasses import dataclass

from agentserver.message_bus import Listener, MessageState
from agentserver.message_bus.message_state import HandlerMetadata
from agentserver.wire import ENVELOPE_NS, StrictParser
from agentserver.xmlable import xmlify

THREAD = "6f2c8e1a-57b0-4a0e-9d0e-0c1d2e3f4a5b"


@xmlify
@dataclass
class Greeting:
    """Greets."""

    name: str


@xmlify
@dataclass
class Reading:
    """Holds one value of several kinds."""

    count: int = 0
    ratio: float = 0.0


GREETING = '<Greeting xmlns=""><Name>Bob</Name></Greeting>'


def envelope(payload: str = GREETING, meta: str | None = None) -> bytes:
    """Write an envelope around `payload`."""
    if meta is None:
        meta = f"<from>alice</from><to>greeter</to><thread>{THREAD}</thread>"
    return f'<message xmlns="{ENVELOPE_NS}"><meta>{meta}</meta>{payload}</message>'.encode()


def with_envelope(data: bytes) -> MessageState:
    return MessageState(envelope_tree=StrictParser().parse(data))


def with_payload(data: bytes) -> MessageState:
    return MessageState(payload_tree=StrictParser().parse(data))


async def ignore(payload: object, metadata: HandlerMetadata) -> None:
    """Handle nothing."""


def listener(name: str, payload_class: type = Greeting, broadcast: bool = False) -> Listener:
    return Listener(name, payload_class, ignore, broadcast=broadcast)
