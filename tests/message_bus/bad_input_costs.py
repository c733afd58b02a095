"""What each row of the battery costs a pump: time, how long the event loop stood still, and memory. Prints JSON.

Times are those of the thread that the loop runs in, whatever else the machine does, and divided by how much slower the
machine is, at this moment, than one that takes 15 ms for a good message of a MiB: the least of some turns each.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import time
from pathlib import Path
from typing import Any

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from tests.bad_input import MIB, ROWS, listeners, padded
from tests.organisms import THREAD, Pong, ping, pump_of

TURNS = 3
REFERENCE_S = 0.015
TICK_S = 0.001


async def answer(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong("x"))


def status(name: str) -> float:
    """Return a line of `/proc/self/status`, in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def fresh_peak() -> float:
    """Let the peak of memory begin anew; return what is resident, in MiB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return status("VmRSS")


async def turn(pump: StreamPump, data: bytes) -> tuple[float, float]:
    """Return the seconds that one input takes, and the most of them between two turns of the loop."""
    lag, done = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal lag
        last = time.thread_time()
        while not done.is_set():
            await asyncio.sleep(TICK_S)
            now = time.thread_time()
            lag, last = max(lag, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(2 * TICK_S)
    start = time.thread_time()
    await pump.inject(data, THREAD, "user")
    await pump.drained()
    seconds = time.thread_time() - start
    await asyncio.sleep(2 * TICK_S)
    done.set()
    await ticking
    return seconds, lag


async def costs() -> list[dict[str, Any]]:
    found = []
    for row in ROWS:
        pump = pump_of(*listeners(answer), limits=row.limits)
        async with running(pump):
            await turn(pump, ping())
            slowness = min([(await turn(pump, padded(MIB)))[0] for _ in range(TURNS)]) / REFERENCE_S
            gc.collect()
            before = fresh_peak()
            turns = [await turn(pump, row.data) for _ in range(TURNS)]
            seconds, lag = (min(each) / max(1.0, slowness) for each in zip(*turns, strict=True))
            cost = {"row": row.id, "ms": seconds * 1e3, "lag_ms": lag * 1e3, "mib": status("VmHWM") - before}
            found.append(cost | {"slowness": slowness})
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(costs())))
