"""How much larger a process is after each round of hostile input. Prints JSON: by kind, MiB after each round.

Run as `python -m tests.message_bus.hostile_memory KIND [MESSAGES]`. Every message is another one: what remembers names,
addresses, classes, threads or texts of those who send grows with them, unless it is bounded.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from agentserver import HandlerMetadata, HandlerResponse, Secret, StreamPump, running, xmlify
from agentserver.config import Limits
from tests.bad_input import ROWS, listeners, new_names, parcel
from tests.fuzz.mutations import mutated
from tests.organisms import THREAD, Amount, Pong, envelope, listener, ping, pump_of

ROUNDS = 4
"""The first one warms up."""
BATCH = 50


@xmlify
@dataclass
class Login:
    """Has a secret, so that failures are looked through for it."""

    user: str
    pin: Annotated[str, Secret] = ""


Made = tuple[bytes, str]
"""A message and who sends it."""

NUMBERS = count()
SOURCE = random.Random(1)


def names() -> Made:
    return parcel(new_names(next(NUMBERS))), "user"


def names_in_bad_messages() -> Made:
    return parcel(new_names(next(NUMBERS)))[:-1], "user"


def blanks() -> Made:
    """Return runs of blanks that are in no other message: libxml2 interns short ones, as it does names."""
    runs = (bin(next(NUMBERS) + (1 << 40))[2:].replace("0", " ").replace("1", "\n") for _ in range(1_500))
    return parcel(b"<r>" + b"".join(b"<b>" + run.encode() + b"</b>" for run in runs) + b"</r>"), "user"


def replies() -> Made:
    return envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="writer"), "user"


def classes() -> Made:
    return envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="maker"), "user"


def garbage() -> Made:
    return b"".join(mutated(SOURCE) for _ in range(20)), "user"


def envelopes() -> Made:
    """Return envelopes whose senders, addresses, threads, tags and texts are in no other."""
    number = next(NUMBERS)
    tag = f"<t{number} xmlns='urn:{number}'/>"
    messages = [
        ping(f"{number}", thread=str(uuid4())), ping(to=f"n{number}"), ping(thread=f"t{number}"), envelope(tag),
        ping(sender=f"s{number}"), envelope(f'<Login xmlns=""><Pin>p{number}</Pin></Login>', to="login"),
    ]  # fmt: skip
    return messages[number % len(messages)], f"user{number}"


def rows() -> Made:
    return ROWS[next(NUMBERS) % len(ROWS)].data, "user"


KINDS: dict[str, tuple[Callable[[], Made], int]] = {
    "names": (names, 200),
    "names in bad messages": (names_in_bad_messages, 200),
    "blanks": (blanks, 300),
    "replies": (replies, 60),
    "classes": (classes, 600),
    "garbage": (garbage, 4_000),
    "envelopes": (envelopes, 6_000),
    "rows": (rows, 2 * len(ROWS)),
}
"""How a message is made, and how many make a round."""


async def write(payload: Amount, metadata: HandlerMetadata) -> bytes:
    """Answer with names that were never used before; every other time they have to be mended, and cannot be."""
    number = next(NUMBERS)
    return b"Sure! " + new_names(number)[:-1] if number % 2 else parcel(new_names(number))


async def make(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer with an instance of a class that was never used before."""
    number = next(NUMBERS)
    made: Any = xmlify(dataclass(type(f"Made{number}", (), {"__annotations__": {"text": str}})))
    return HandlerResponse.respond(made(f"{number}"))


async def answer(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong("x"))


def resident_mib() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / (1 << 20)


async def round_of(pump: StreamPump, made: Iterator[Made]) -> None:
    for number, (data, sender) in enumerate(made):
        await pump.inject(data, THREAD if sender == "user" else None, sender)
        if not number % BATCH:
            await pump.drained()
    await pump.drained()


async def growth(kind: str, messages: int = 0) -> list[float]:
    """Return how large the process is after each round."""
    make, usual = KINDS[kind]
    sizes = []
    pump = pump_of(
        *listeners(answer), listener("writer", Amount, write), listener("maker", Amount, make),
        listener("login", Login, answer),
        limits=Limits(dead_letters=10),
    )  # fmt: skip
    async with running(pump):
        for _ in range(ROUNDS):
            await round_of(pump, (make() for _ in range(messages or usual)))
            sizes.append(resident_mib())
    return sizes


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(growth(sys.argv[1], *map(int, sys.argv[2:])))))
