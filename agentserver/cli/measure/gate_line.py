"""The gate line: this project's own stages in a plain loop, then the handler, awaited directly.

All of the gate's checks and none of the pump: no queue, no aiostream, no tasks, no books. What a handler sends on is
written, put into canonical form and goes through the gate again, as a straight line would have it; the pump's own
words are in canonical form already, here as there.

Over a batch of one a stage costs a call for each message; over a batch of the pump's size it does not, but more trees
are alive at once. Which is quicker depends on the message, so both are measured; the reference is the plain loop.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice

from agentserver.cli.measure.line import Line, LineBroken, Listening, Sink, Timed
from agentserver.cli.measure.samples import SENDER, THREAD, write
from agentserver.config import Limits, ListenerConfig
from agentserver.message_bus import HandlerMetadata, HandlerResponse, MessageState
from agentserver.message_bus.gate import gate_stages
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.pipeline import Stage
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.threads import Threads
from agentserver.wire import EnvelopeBuilder


def gate_line(
    name: str,
    inputs: Sequence[bytes],
    messages: int,
    listening: Listening,
    batch_size: int,
) -> Line:
    """Return the gate line over batches of `batch_size` inputs, each of which becomes `messages` messages."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Timed]:
        sink, table = Sink(), RoutingTable()
        for config in listening(sink):
            table.add(_listener(config))
        stages, builder = gate_stages(Limits(), table, Threads()), EnvelopeBuilder()

        async def timed(count: int) -> float:
            start = time.perf_counter()
            remaining = islice(cycle(inputs), count)
            while some := list(islice(remaining, batch_size)):
                batch = [MessageState(data, thread_id=THREAD, from_id=SENDER) for data in some]
                while batch:
                    batch = await _handled(_passed(batch, stages), builder)
            seconds = time.perf_counter() - start
            sink.check(name, count * messages)
            return seconds

        yield timed

    return Line(name, opened)


def _passed(batch: Batch, stages: Sequence[Stage]) -> Batch:
    for stage in stages:
        batch = stage.over(batch)
    return batch


async def _handled(batch: Batch, builder: EnvelopeBuilder) -> Batch:
    """Await each handler; return what they send on."""
    emitted: Batch = []
    for state in batch:
        if state.error is not None or not state.target_listeners:
            raise LineBroken(f"the gate refused the message: {state.error}")
        listener = state.target_listeners[0]
        sender = state.from_id or ""
        metadata = HandlerMetadata(state.thread_id or "", sender, listener.own_name, sender == listener.name)
        response = await listener.handler(state.payload, metadata)  # type: ignore[misc]  # the sink's are async
        if isinstance(response, HandlerResponse):
            data = write(builder, response.payload, listener.name, response.to)
            emitted.append(MessageState(data, canonical=data, thread_id=THREAD, from_id=listener.name))
    return emitted


def _listener(config: ListenerConfig) -> Listener:
    if config.payload_class is None or config.handler is None:
        raise LineBroken(f"{config.name}: a line's listeners are given as objects")
    return Listener(config.name, config.payload_class, config.handler, broadcast=config.broadcast)
