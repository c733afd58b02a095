"""A program that gets no memory for large messages: `python -m tests.battery.starved FILE ROOM`, ROOM in bytes.

It writes as JSON what became of what it put in: refused at once, handled, or a dead letter, by code.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentserver import HandlerMetadata, HandlerResponse, MessageState, StreamPump, running
from agentserver.queues.sqlite import SqliteQueue
from tests.organisms import Ping, Pong, listener, ping, pump_of

LARGE: Final = ping("y" * 900_000)
SMALL: Final = ping("small")
COUNT: Final = 30


async def answer(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


@contextmanager
def starving(room: int) -> Iterator[None]:
    """Let this process have no more than so many bytes of addresses more than it has, while the block lasts."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmSize:")]
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(line.split()[1]) * 1_024 + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


async def inject(pump: StreamPump, data: bytes, told: Counter[str]) -> None:
    try:
        await pump.inject(data, None, "user")
    except MemoryError:
        told["refused"] += 1
    else:
        told["admitted"] += 1


async def main(file: Path, room: int) -> None:
    told: Counter[str] = Counter()
    pump = pump_of(listener("echo", Ping, answer), waiting_in=SqliteQueue(file, exclusive=True))

    def leave(state: MessageState) -> None:
        told[state.failure.code if state.failure is not None else state.payload.text[:5]] += 1

    async with running(pump):
        assert (await pump.request(Ping("warm"), "echo")).text == "warm"
        pump.add_outlet(leave)
        pump.pause()
        for data in (LARGE, SMALL) * COUNT:
            await inject(pump, data, told)
        with starving(room):
            pump.resume()
            await asyncio.gather(*(inject(pump, data, told) for _ in range(COUNT) for data in (LARGE, SMALL)))
            await asyncio.wait([asyncio.create_task(pump.drained())], timeout=5)
        await asyncio.wait_for(pump.drained(), 60)
        assert (await pump.request(Ping("after"), "echo")).text == "after"
        told["balanced"] += pump.books.balanced
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
