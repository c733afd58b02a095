"""The life of an organism in a process, where no process of its own is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from agentserver import StreamPump
from agentserver.cli.failures import PumpDied
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.serving import Ending, run_to_end, serve
from agentserver.config import OrganismConfig


class DyingPump(StreamPump):
    async def run(self) -> None:
        raise LookupError("a bug")


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    return


def pump() -> StreamPump:
    return StreamPump(OrganismConfig("test"))


async def test_serving_ends_with_the_work() -> None:
    ending = await serve(pump(), nothing(), forever(), forced_exit=ForcedExit(), drain_timeout_s=1)

    assert ending == Ending("finished", drained=True)


async def test_serving_ends_when_time_is_up() -> None:
    ending = await serve(pump(), forever(), forced_exit=ForcedExit(), drain_timeout_s=1, timeout_s=0.01)

    assert ending == Ending("timeout", drained=True)


async def test_what_the_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await serve(pump(), fail(), forever(), forced_exit=ForcedExit(), drain_timeout_s=1)


async def test_a_pump_that_dies_is_told_with_its_cause() -> None:
    dying = DyingPump(OrganismConfig("test"))

    with pytest.raises(PumpDied, match="LookupError: a bug") as raised:
        await serve(dying, forever(), forced_exit=ForcedExit(), drain_timeout_s=1)
    assert raised.value.exit_code == 70


async def test_signals_are_given_back() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]

    async def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await forever()

    ending = await serve(pump(), interrupt(), forced_exit=ForcedExit(), drain_timeout_s=1)

    assert ending == Ending("signal", drained=True, signal=signal.SIGTERM)
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


def test_sys_exit_in_a_step_is_a_bug_and_no_exit_code() -> None:
    async def leave() -> int:
        sys.exit(0)

    with pytest.raises(PumpDied, match="SystemExit: 0"):
        run_to_end(leave(), ForcedExit())
