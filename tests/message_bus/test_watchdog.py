"""The watchdog: whoever blocks the event loop is named, once, and nothing else is touched.

These tests really block the event loop, for a tenth of a second or so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentserver import HandlerMetadata, StreamPump, running
from agentserver.config import Limits
from agentserver.message_bus.watchdog import Watchdog
from tests.organisms import THREAD, Ping, Recorder, listener, outcomes, ping, pump_of

THRESHOLD_S = 0.03
LONG_S = 0.2


def blocking(payload: Ping) -> None:
    time.sleep(LONG_S)


def watched(handler: Callable[..., Any], threshold_s: float = THRESHOLD_S) -> StreamPump:
    return pump_of(listener("echo", Ping, handler), limits=Limits(block_warning_s=threshold_s))


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what the watchdog said of code of this module: a busy machine may hold up other code as long, too."""
    records = [record for record in caplog.records if record.name == "agentserver.message_bus.watchdog"]
    return [record for record in records if field(record, "at").startswith(__name__)]


def field(record: logging.LogRecord, name: str) -> Any:
    return vars(record).get(name)


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "agentserver-watchdog"]


async def test_a_handler_that_blocks_the_event_loop_is_named_once_and_again_when_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def careless(payload: Ping, metadata: HandlerMetadata) -> None:
        blocking(payload)

    pump = watched(careless)
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
        await asyncio.sleep(THRESHOLD_S)
    first, last = warnings(caplog)
    line = blocking.__code__.co_firstlineno + 1
    assert (first.levelname, first.getMessage()) == ("WARNING", "the event loop is blocked")
    assert field(first, "at") == f"{__name__}.blocking, line {line}"
    assert (field(first, "listener"), field(first, "thread_id")) == ("echo", THREAD)
    assert field(first, "stack")[1].startswith(f"{__name__}.{careless.__qualname__}, line ")
    assert (last.getMessage(), field(last, "listener")) == ("the event loop goes on", "echo")
    assert LONG_S * 0.7 < field(last, "blocked_s") < LONG_S * 3
    assert pump.books.settled == 1


async def test_a_handler_that_has_waited_before_it_blocks_is_named_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def careless(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        blocking(payload)

    await outcomes(watched(careless), ping())
    assert field(warnings(caplog)[0], "listener") == "echo"


async def test_what_blocks_without_being_a_handler_is_told_by_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(watched(Recorder())):
        await asyncio.sleep(0)
        blocking(Ping(""))
        await asyncio.sleep(0)
    first = warnings(caplog)[0]
    assert (field(first, "listener"), field(first, "at").startswith(f"{__name__}.blocking")) == (None, True)


async def test_a_handler_that_holds_the_interpreter_is_named_when_it_lets_go(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def one_call_of_a_c_function() -> None:
        until = time.monotonic() + LONG_S
        any(map(until.__le__, iter(time.monotonic, None)))  # no other thread runs before this is over

    async def careless(payload: Ping, metadata: HandlerMetadata) -> None:
        one_call_of_a_c_function()
        patience_ends = time.monotonic() + 10
        while not warnings(caplog) and time.monotonic() < patience_ends:
            pass  # whichever thread waits for the interpreter gets it here, however slow the machine

    await outcomes(watched(careless), ping())
    assert field(warnings(caplog)[0], "listener") == "echo"


async def test_who_waits_and_who_works_in_a_thread_blocks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def patient(payload: Ping, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(LONG_S)

    def in_a_thread(payload: Ping, metadata: HandlerMetadata) -> None:
        time.sleep(LONG_S)

    await outcomes(watched(patient), ping())
    await outcomes(watched(in_a_thread), ping())
    assert warnings(caplog) == []


async def test_a_threshold_of_0_starts_no_watchdog(caplog: pytest.LogCaptureFixture) -> None:
    before = watchdogs()  # of other tests, about to end
    async with running(watched(Recorder(), threshold_s=0)) as pump:
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
        assert [thread for thread in watchdogs() if thread not in before] == []


async def test_a_pump_that_stops_does_not_wait_for_its_watchdog_which_ends_by_itself() -> None:
    for _ in range(3):
        async with running(watched(Recorder(), threshold_s=0.01)):
            assert len(watchdogs()) >= 1
    for thread in watchdogs():
        thread.join(5)
    assert watchdogs() == []


async def test_each_pump_of_a_process_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def careless(payload: Ping, metadata: HandlerMetadata) -> None:
        blocking(payload)

    quiet, loud = watched(Recorder()), watched(careless)
    async with running(quiet), running(loud):
        await loud.inject(ping(), THREAD, "user")
        await loud.drained()
    named = [field(record, "listener") for record in warnings(caplog) if "blocked" in record.getMessage()]
    assert sorted(named, key=str) == [None, "echo"]


async def test_a_process_that_was_suspended_blames_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """By clocks that say so: the thread's wait took an hour, and no processor time was used."""
    hours = iter(range(0, 10**9, 3_600))
    looked = threading.Event()

    def cpu_clock() -> float:
        looked.set()
        return 0.0

    watchdog = Watchdog(THRESHOLD_S, lambda task: {}, clock=lambda: float(next(hours)), cpu_clock=cpu_clock)
    await asyncio.sleep(0)
    looked.clear()
    blocking(Ping(""))
    assert looked.is_set()
    watchdog.stop()
    assert warnings(caplog) == []


def test_a_daemon_that_was_stopped_and_continued_blames_nobody(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import asyncio, logging, sys
            from agentserver import running
            from agentserver.config import Limits
            from tests.organisms import Ping, Recorder, listener, pump_of

            async def main():
                pump = pump_of(listener("echo", Ping, Recorder()), limits=Limits(block_warning_s=0.4))
                async with running(pump):
                    await asyncio.sleep(0.2)
                    print("running", flush=True)
                    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
                    await asyncio.sleep(0.5)

            logging.basicConfig(level="WARNING")
            asyncio.run(main())
        """),
        encoding="utf-8",
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate("go on\n", timeout=30)
    assert (process.returncode, errors) == (0, "")


async def test_an_idle_pump_costs_next_to_nothing() -> None:
    async with running(pump_of(listener("echo", Ping, Recorder()))):
        await asyncio.sleep(0.05)
        before_s, began_s = time.process_time(), time.monotonic()
        await asyncio.sleep(0.6)
        used = (time.process_time() - before_s) / (time.monotonic() - began_s)
    assert used < 0.01
