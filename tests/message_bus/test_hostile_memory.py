"""What bad and hostile messages leave in memory: nothing for the garbage collector, and nothing that grows."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from types import FrameType, TracebackType
from typing import Any

import pytest
from lxml import etree

from agentserver import HandlerMetadata, HandlerResponse, running
from agentserver.config import Limits
from agentserver.message_bus import MessageState
from tests.bad_input import ROWS, listeners, parcel
from tests.message_bus.hostile_memory import KINDS
from tests.organisms import THREAD, Amount, Pong, envelope, listener, pump_of

HEAVY = (MessageState, FrameType, TracebackType, etree._Element)
AMOUNT = envelope('<Amount xmlns=""><Value>1</Value></Amount>', to="writer")
SMALL_ROWS = [row for row in ROWS if len(row.data) < 2_000]


async def answer(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong("x"))


async def left_behind(returned: Any, *messages: bytes) -> list[str]:
    """Return what of messages, by its type, only the garbage collector would find."""

    async def write(payload: Amount, metadata: HandlerMetadata) -> Any:
        return returned

    pump = pump_of(
        *listeners(answer), listener("writer", Amount, write), limits=Limits(depth=256, dead_letters=1)
    )
    async with running(pump):
        gc.collect()
        gc.disable()
        try:
            for data in messages:
                await pump.inject(data, THREAD, "user")
            await pump.drained()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            return [type(each).__name__ for each in gc.garbage if isinstance(each, HEAVY)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


async def test_bad_messages_wait_for_no_garbage_collector() -> None:
    assert [] == await left_behind(None, *(row.data for row in SMALL_ROWS))


@pytest.mark.parametrize(
    "returned",
    [5, b"<a><b></a>", b"Sure! <a>", b"<Ping/>", HandlerResponse.respond(Pong(5)), HandlerResponse(Pong("x"), to="b")],  # type: ignore[arg-type]
    ids=["a number", "no XML", "cut off", "invalid", "a wrong field", "a wrong address"],
)  # fmt: skip
async def test_bad_replies_wait_for_no_garbage_collector(returned: Any) -> None:
    assert [] == await left_behind(returned, *[AMOUNT] * 10)


async def test_a_good_message_waits_for_no_garbage_collector() -> None:
    assert [] == await left_behind(None, *[parcel(b"<a/>")] * 10)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_b20_memory_does_not_grow_with_what_is_sent(kind: str, request: pytest.FixtureRequest) -> None:
    # a process of its own: memory that other tests gave back would hide a growth
    command = [sys.executable, "-m", "tests.message_bus.hostile_memory", kind]
    result = subprocess.run(command, cwd=request.config.rootpath, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    sizes = json.loads(result.stdout)
    assert sizes[-1] - sizes[1] < 8, sizes
