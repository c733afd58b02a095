"""The pump line: a real pump, as a program has it, from the first `inject` until nothing is left.

Default limits, the queue in memory with its default bound: while it is full, `inject` waits for the pump, so what is
timed is both at once, and nothing is left out of either.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice

from agentserver.cli.measure.line import Line, LineBroken, Listening, Sink, Timed
from agentserver.cli.measure.samples import SENDER, THREAD
from agentserver.config import OrganismConfig
from agentserver.message_bus import StreamPump, running


def pump_line(name: str, inputs: Sequence[bytes], messages: int, listening: Listening) -> Line:
    """Return the line of a pump, with inputs that each become `messages` messages."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Timed]:
        sink = Sink()
        pump = StreamPump(OrganismConfig(name="bench", listeners=list(listening(sink))))
        pump.register_all()

        async def timed(count: int) -> float:
            start = time.perf_counter()
            for data in islice(cycle(inputs), count):
                await pump.inject(data, THREAD, SENDER)
            await pump.drained()
            seconds = time.perf_counter() - start
            sink.check(name, count * messages)
            if not pump.books.balanced or pump.books.dead:
                raise LineBroken(f"the books of the {name} line do not balance: {pump.books}")
            return seconds

        async with running(pump):
            yield timed

    return Line(name, opened)
