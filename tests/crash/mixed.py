"""A daemon under mixed load until it is told to stop, or killed: `python -m tests.crash.mixed FILE ACKS COUNT`.

It puts in the numbers 1 to COUNT that ACKS does not name yet, each for the listener that its remainder names, and notes
each in ACKS once `inject` has returned. When all of them are handled it ends with 0, and so it does by SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agentserver import HandlerMetadata, HandlerResponse, StreamPump
from agentserver.cli import exit_codes
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.serving import run_to_end, serve
from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.resilience import RetryConfig
from agentserver.queues.sqlite import SqliteQueue
from tests.crash.daemon import SENDER, first, noted_in, second, third, thread_of
from tests.organisms import Amount, Ping, Pong, envelope

AT_ONCE: Final = 8
PAUSE_S: Final = 0.05
"""Seconds between two messages of each of those that put them in."""
DRAIN_S: Final = 20.0
LEAVES: Final = 5
KINDS: Final = ("first", "fan", "flaky", "slow", "late")
"""Where a number goes, by its remainder."""


async def fan(payload: Amount, metadata: HandlerMetadata) -> list[HandlerResponse]:
    return [HandlerResponse(payload, "leaf")] * LEAVES


async def leaf(payload: Amount, metadata: HandlerMetadata) -> None:
    await asyncio.sleep(0)


async def flaky(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
    if not metadata.attempt:
        raise ConnectionError("once")
    return HandlerResponse(payload, SENDER)


async def slow(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
    await asyncio.sleep(0.2)
    return HandlerResponse(payload, SENDER)


async def late(payload: Amount, metadata: HandlerMetadata) -> None:
    await asyncio.Event().wait()


def organism() -> OrganismConfig:
    amounts = {"first": first, "fan": fan, "leaf": leaf, "slow": slow}
    once_more = RetryConfig(attempts=2, base_s=0.05)
    return OrganismConfig(
        "mixed",
        listeners=[
            *(ListenerConfig(name, payload_class=Amount, handler=each) for name, each in amounts.items()),
            ListenerConfig("second", payload_class=Ping, handler=second),
            ListenerConfig("third", payload_class=Pong, handler=third),
            ListenerConfig("flaky", payload_class=Amount, handler=flaky, retry=once_more),
            ListenerConfig("late", payload_class=Amount, handler=late, timeout_s=0.1),
        ],
    )


async def live(file: Path, acks: Path, count: int, forced_exit: ForcedExit) -> int:
    known = noted_in(acks)
    numbers = (number for number in range(1, count + 1) if number not in known)
    queue = SqliteQueue(
        file, exclusive=True, max_crashes=1_000
    )  # no handler is to blame for what kills it here
    pump = StreamPump(organism(), queue=queue, thread_key=bytes(32))
    pump.register_all()
    noted = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ending = await serve(pump, _work(pump, numbers, noted), forced_exit=forced_exit, drain_timeout_s=DRAIN_S)
    return exit_codes.OK if ending.drained else exit_codes.FAILED


async def _work(pump: StreamPump, numbers: Iterator[int], noted: int) -> None:
    await asyncio.gather(*(_tell(pump, numbers, noted) for _ in range(AT_ONCE)))
    await pump.drained()


async def _tell(pump: StreamPump, numbers: Iterator[int], noted: int) -> None:
    for number in numbers:
        to, thread = KINDS[number % len(KINDS)], thread_of(number)
        payload = f'<Amount xmlns=""><Value>{number}</Value></Amount>'
        await pump.inject(envelope(payload, to, SENDER, thread), thread, SENDER, key=str(number))
        os.write(noted, f"{number}\n".encode())
        await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    _, file, acks, count = sys.argv
    forced_exit = ForcedExit()
    sys.exit(run_to_end(live(Path(file), Path(acks), int(count), forced_exit), forced_exit))
