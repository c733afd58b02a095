"""A program that one of its messages ends each time: `python -m tests.crash.deadly FILE ACKS COUNT WAY`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.queues.sqlite import SqliteQueue
from tests.crash.daemon import SENDER, noted_in, thread_of
from tests.organisms import Amount

DEADLY: Final = 7
"""The number that ends the process."""

WAYS: Final[Mapping[str, Callable[[], object]]] = MappingProxyType(
    {
        "exit": lambda: os._exit(1),
        "segfault": lambda: ctypes.string_at(0),
        "loop": lambda: asyncio.get_running_loop().stop(),
    }
)


async def serve(file: Path, acks: Path, count: int, way: str) -> None:
    async def handle(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(0)
        if payload.value == DEADLY:
            WAYS[way]()
            await asyncio.sleep(0)
        return HandlerResponse.respond(Amount(payload.value))

    known = noted_in(acks)
    config = OrganismConfig("deadly", listeners=[ListenerConfig("one", payload_class=Amount, handler=handle)])
    pump = StreamPump(config, queue=SqliteQueue(file, exclusive=True), thread_key=bytes(32))
    pump.register_all()
    noted = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    async with running(pump):
        for number in range(1, count + 1):
            if number not in known:
                payload = f"<Amount><Value>{number}</Value></Amount>".encode()
                await pump.inject(payload, thread_of(number), SENDER, key=str(number))
                os.write(noted, f"{number}\n".encode())
        await pump.drained()


if __name__ == "__main__":
    _, file, acks, count, way = sys.argv
    asyncio.run(serve(Path(file), Path(acks), int(count), way))
