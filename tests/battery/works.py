"""The module of handlers in the project that daemons run on here; each notes in the file `handled` what it does.

It is copied into the project, and imported by the daemon alone: nothing of it runs in the tests' process.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from agentserver import HandlerMetadata, HandlerResponse, xmlify

GO = Path("go")
DESCRIPTORS = Path("/proc/self/fd")


@xmlify
@dataclass
class Order:
    """Is to be noted."""

    text: str


@xmlify
@dataclass
class Noted:
    """It is."""

    text: str


def note(line: str) -> None:
    with Path("handled").open("a") as file:
        file.write(f"{line}\n")


def may_go() -> bool:
    return GO.exists()


def descriptors() -> int:
    return len(list(DESCRIPTORS.iterdir()))


async def take(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
    note(f"take {payload.text}")
    return HandlerResponse.respond(Noted(payload.text))


async def wait(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
    note(f"wait {payload.text}")
    while not may_go():  # noqa: ASYNC110  # another process lets it go
        await asyncio.sleep(0.01)
    note(f"waited {payload.text}")
    return HandlerResponse.respond(Noted(payload.text))


async def never(payload: Order, metadata: HandlerMetadata) -> None:
    """Return when it may, and else whatever is done to it."""
    note(f"never {payload.text}")
    while not may_go():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue
    note(f"ended {payload.text}")


async def block(payload: Order, metadata: HandlerMetadata) -> None:
    """Hold up the event loop for as many seconds as the order says."""
    note("block")
    time.sleep(float(payload.text))  # noqa: ASYNC251  # that is what it is for
    note("blocked")


async def match(payload: Order, metadata: HandlerMetadata) -> None:
    """Hold the interpreter's lock in one call, for seconds."""
    note("match")
    re.match(r"(a|aa)+$", "a" * int(payload.text) + "b")
    note("matched")


async def gauge(payload: Order, metadata: HandlerMetadata) -> None:
    """Note how many tasks, threads and open files there are."""
    names = [thread for thread in threading.enumerate() if thread.name != "agentserver-handler"]
    note(f"gauge {payload.text} {len(asyncio.all_tasks())} {len(names)} {descriptors()}")


async def open_file(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer, if it can open a file."""
    os.close(os.open("works.py", os.O_RDONLY))
    return HandlerResponse.respond(Noted(payload.text))


async def answer(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer, and need nothing for it."""
    return HandlerResponse.respond(Noted(payload.text))


async def greedy(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer, if there are so many bytes of memory."""
    return HandlerResponse.respond(Noted(str(len(bytes(int(payload.text))))))
