"""The bare line: the lxml calls that any program makes that validates and binds, and not one more.

Per message: parse with a plain parser, exclusive C14N, the envelope's XSD, the payload's XSD, the contract's compiled
reader, await the handler. No hardening, no routing, no claims, no queue, no tasks: what is left is the work that
nobody can leave out, so it is the measure of all that this project adds. One of the few files outside `wire/` that
know lxml, as the plain calls are what it is about.

Each message is put into canonical form once. In a chain that is where it is written, so the next hop leaves it out.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any, Final, TypeAlias

from lxml import etree

from agentserver.cli.measure.line import Line, LineBroken, Listening, Sink, Timed
from agentserver.cli.measure.samples import SENDER, THREAD, write
from agentserver.message_bus import HandlerMetadata
from agentserver.wire import EnvelopeBuilder, StrictParser, envelope_schema
from agentserver.xmlable import contract_of

BareLoop: TypeAlias = Callable[[bytes, int, Mapping[str, Any]], Awaitable[None]]
"""Handle an input so many times, with handlers by listener name."""

LIBXML2_VERSION: Final = ".".join(map(str, etree.LIBXML_VERSION))

_METADATA: Final = HandlerMetadata(THREAD, SENDER)


def bare_line(loop: BareLoop, data: bytes, messages: int, listening: Listening) -> Line:
    """Return the bare line over one input that becomes `messages` messages."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Timed]:
        sink = Sink()
        handlers = {config.name: config.handler for config in listening(sink)}

        async def timed(count: int) -> float:
            start = time.perf_counter()
            await loop(data, count, handlers)
            seconds = time.perf_counter() - start
            sink.check("bare", count * messages)
            return seconds

        yield timed

    return Line("bare", opened)


def bare_single(cls: type[Any]) -> BareLoop:
    """Return the loop over one envelope for one listener."""
    contract, envelope, parser = contract_of(cls), envelope_schema(), etree.XMLParser()
    schema, read = contract.schema, contract.read

    async def loop(data: bytes, count: int, handlers: Mapping[str, Any]) -> None:
        (handler,) = handlers.values()
        for _ in repeat(None, count):
            root = etree.fromstring(data, parser)
            etree.tostring(root, method="c14n", exclusive=True)
            payload = root[1]
            if not (envelope.validate(root) and schema.validate(payload)):
                raise LineBroken("the bare line's message is not valid")
            await handler(read(payload), _METADATA)

    return loop


def bare_chain(cls: type[Any], first: str) -> BareLoop:
    """Return the loop over one envelope that goes from listener to listener, written anew at each hop."""
    contract, envelope, parser, builder = (
        contract_of(cls),
        envelope_schema(),
        etree.XMLParser(),
        EnvelopeBuilder(),
    )
    schema, read = contract.schema, contract.read

    async def loop(data: bytes, count: int, handlers: Mapping[str, Any]) -> None:
        for _ in repeat(None, count):
            root = etree.fromstring(data, parser)
            etree.tostring(root, method="c14n", exclusive=True)
            name = first
            while True:
                payload = root[1]
                if not (envelope.validate(root) and schema.validate(payload)):
                    raise LineBroken("the bare line's message is not valid")
                response = await handlers[name](read(payload), _METADATA)
                if response is None:
                    break
                root = etree.fromstring(write(builder, response.payload, name, response.to), parser)
                name = response.to

    return loop


def bare_several(cls: type[Any]) -> BareLoop:
    """Return the loop over an input of several envelopes, which a plain parser takes below one root."""
    contract, envelope, parser = contract_of(cls), envelope_schema(), etree.XMLParser()
    schema, read = contract.schema, contract.read

    async def loop(data: bytes, count: int, handlers: Mapping[str, Any]) -> None:
        (handler,) = handlers.values()
        for _ in repeat(None, count):
            for root in etree.fromstring(b"<roots>" + data + b"</roots>", parser):
                etree.tostring(root, method="c14n", exclusive=True)
                payload = root[1]
                if not (envelope.validate(root) and schema.validate(payload)):
                    raise LineBroken("the bare line's message is not valid")
                await handler(read(payload), _METADATA)

    return loop


def bare_broadcast(cls: type[Any]) -> BareLoop:
    """Return the loop over one envelope that several listeners take, each with an instance of its own."""
    contract, envelope, parser = contract_of(cls), envelope_schema(), etree.XMLParser()
    schema, read = contract.schema, contract.read

    async def loop(data: bytes, count: int, handlers: Mapping[str, Any]) -> None:
        each = list(handlers.values())
        for _ in repeat(None, count):
            root = etree.fromstring(data, parser)
            etree.tostring(root, method="c14n", exclusive=True)
            payload = root[1]
            if not envelope.validate(root):
                raise LineBroken("the bare line's message is not valid")
            for handler in each:
                if not schema.validate(payload):
                    raise LineBroken("the bare line's message is not valid")
                await handler(read(payload), _METADATA)

    return loop


def plain_parse_line(data: bytes) -> Line:
    """Return the line that parses as lxml does by itself."""
    parser = etree.XMLParser()
    return _parse_line("plain parse", lambda: etree.fromstring(data, parser))


def strict_parse_line(data: bytes) -> Line:
    """Return the line that parses as the gate does."""
    parser = StrictParser()
    return _parse_line("strict parse", lambda: parser.parse(data))


def _parse_line(name: str, parse: Callable[[], object]) -> Line:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Timed]:
        async def timed(count: int) -> float:
            start = time.perf_counter()
            for _ in repeat(None, count):
                parse()
            return time.perf_counter() - start

        yield timed

    return Line(name, opened)
