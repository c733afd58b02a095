"""The program that is killed: an organism of three hops on a SQLite file, which feeds itself with numbers.

`python -m tests.crash.daemon FILE ACKS COUNT`: puts in the numbers 1 to COUNT that ACKS does not name yet, notes each
in ACKS once `inject` has returned, and ends with 0 when all of them are handled.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.queues.sqlite import SqliteQueue
from tests.organisms import Amount, Ping, Pong

AT_ONCE: Final = 64
"""Messages that are being put in at the same moment."""
SENDER: Final = "teller"


async def first(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse(Ping(str(payload.value)), "second")


async def second(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse(Pong(payload.text), "third")


async def third(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse(Amount(int(payload.text)), SENDER)


def organism() -> OrganismConfig:
    return OrganismConfig(
        "crash",
        listeners=[
            ListenerConfig("first", payload_class=Amount, handler=first),
            ListenerConfig("second", payload_class=Ping, handler=second),
            ListenerConfig("third", payload_class=Pong, handler=third),
        ],
    )


def thread_of(number: int) -> str:
    """Return the thread of a number, which is the same in every life of the program."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def noted_in(acks: Path) -> set[int]:
    """Return the numbers that were acknowledged in earlier lives."""
    return set(map(int, acks.read_text().split())) if acks.exists() else set()


async def serve(file: Path, acks: Path, count: int) -> None:
    known = noted_in(acks)
    numbers = iter([number for number in range(1, count + 1) if number not in known])
    queue = SqliteQueue(
        file, exclusive=True, max_crashes=1_000
    )  # no handler is to blame for what kills it here
    pump = StreamPump(organism(), queue=queue, thread_key=bytes(32))
    pump.register_all()
    noted = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    async with running(pump):
        await asyncio.gather(*(_tell(pump, numbers, noted) for _ in range(AT_ONCE)))
        await pump.drained()


async def _tell(pump: StreamPump, numbers: Iterator[int], noted: int) -> None:
    for number in numbers:
        payload = f"<Amount><Value>{number}</Value></Amount>".encode()
        await pump.inject(payload, thread_of(number), SENDER, key=str(number))
        os.write(noted, f"{number}\n".encode())


if __name__ == "__main__":
    _, file, acks, count = sys.argv
    asyncio.run(serve(Path(file), Path(acks), int(count)))
