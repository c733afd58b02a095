"""Organisms for tests: a few contracts, a pump around any handlers, envelopes to put in, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from agentserver import HandlerMetadata, StreamPump, running, xmlify
from agentserver.config import Limits, ListenerConfig, OrganismConfig
from agentserver.message_bus import MessageState
from agentserver.queues import MessageQueue

ENVELOPE_NS = "https://xml-pipeline.org/ns/envelope/v1"
THREAD = "6f2c8e1a-57b0-4a0e-9d0e-0c1d2e3f4a5b"


@xmlify
@dataclass
class Ping:
    """Asks."""

    text: str


@xmlify
@dataclass
class Pong:
    """Answers."""

    text: str


@xmlify
@dataclass
class Amount:
    """Holds a number."""

    value: int


def listener(
    name: str, payload_class: type[Any], handler: Callable[..., Any], **options: Any
) -> ListenerConfig:
    return ListenerConfig(name, payload_class=payload_class, handler=handler, **options)


def pump_of(
    *listeners: ListenerConfig,
    limits: Limits | None = None,
    waiting_in: MessageQueue | None = None,
    **options: Any,
) -> StreamPump:
    config = OrganismConfig("test", listeners=list(listeners), limits=limits or Limits(), **options)
    pump = StreamPump(config, queue=waiting_in)
    pump.register_all()
    return pump


def envelope(
    payload: str, to: str | None = "echo", sender: str = "user", thread: str | None = THREAD
) -> bytes:
    """Write an envelope around `payload`, as a program would that knows no library."""
    meta = f"<from>{sender}</from>"
    meta += f"<to>{to}</to>" if to is not None else ""
    meta += f"<thread>{thread}</thread>" if thread is not None else ""
    return f'<message xmlns="{ENVELOPE_NS}"><meta>{meta}</meta>{payload}</message>'.encode()


def ping(text: str = "hello", **where: Any) -> bytes:
    return envelope(f'<Ping xmlns=""><Text>{text}</Text></Ping>', **where)


async def outcomes(pump: StreamPump, *messages: bytes, sender: str | None = "user") -> list[MessageState]:
    """Inject messages, drain, and return what left or failed, in that order."""
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        for message in messages:
            await pump.inject(message, THREAD if sender else None, sender)
        await pump.drained()
    assert pump.books.balanced, pump.books
    return seen


def texts(states: list[MessageState]) -> list[str]:
    """Return what each reply says, or the code of what failed."""
    return [state.failure.code if state.failure else state.payload.text for state in states]


def meta_of(state: MessageState) -> dict[str, str | None]:
    """Return what stands in the meta of a message that left."""
    assert state.canonical is not None
    meta = etree.fromstring(state.canonical)[0]
    return {etree.QName(child).localname: child.text for child in meta}


class Recorder:
    """A handler that keeps what it was called with, and returns what it is told to."""

    def __init__(self, result: Any = None) -> None:
        self.calls: list[tuple[Any, HandlerMetadata]] = []
        self.result = result

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> Any:
        self.calls.append((payload, metadata))
        return self.result(payload) if callable(self.result) else self.result

    @property
    def payloads(self) -> list[Any]:
        return [payload for payload, _ in self.calls]
