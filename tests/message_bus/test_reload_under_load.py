"""Reloads while messages come: none is lost, none handled twice, and each is answered by the old or the new handler."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentserver import ConfigError, MessageState, StreamPump, bootstrap, running
from agentserver.config import OrganismConfig
from tests.message_bus.reloadable import Project, order

HANDLED = """
from {package}.contracts import Done, Order
from {package}.count import handled

async def take(payload, metadata):
    handled[payload.{first}] += 1
    {wait}
    return HandlerResponse.respond(Done(f"{first} {{payload.{first}}}"))
"""
COUNT = "\nfrom collections import Counter\nhandled = Counter()\n"
NARROW = "max_concurrent_handlers: 4\nmax_concurrent_pipelines: 5"
"""So that messages wait in the queue when a reload comes."""
BURST_S = 0.02
WAIT = "import asyncio; await asyncio.sleep(0.002)"


def write(project: Project, number: int) -> None:
    """Write the version of this number: the contract is one of two, and every third is broken in one of five ways."""
    first = "item" if number % 2 else "thing"
    project.contract(f"{first}: str")
    project.module("desk", HANDLED.format(package=project.package, first=first, wait=WAIT) + f"# {number}\n")
    project.organism(settings=NARROW)
    if number % 3 == 2:
        breaks: list[Any] = [
            lambda: project.config.write_text("listeners: [}"),
            lambda: project.organism(listeners="- {name: x, payload_class: no.X, handler: no.x}"),
            lambda: project.organism(listeners=f"- {{name: Desk, {project.beside}}}"),
            lambda: project.contract("item: object"),
            lambda: project.module("desk", "def ("),
        ]
        breaks[number // 3 % len(breaks)]()


class Load:
    """What was injected, and what came of it."""

    def __init__(self, pump: StreamPump) -> None:
        self.pump, self.sent = pump, 0
        self.ends: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self._numbers: dict[str | None, str] = {}
        pump.add_outlet(self._leave)

    def _leave(self, state: MessageState) -> None:
        assert state.message is not None
        self.ends[self._numbers.pop(state.message.conversation_id)] += 1
        self.told[
            state.failure.code if state.failure is not None else str(state.payload.text).split()[0]
        ] += 1

    async def feed(self, per_s: int, until: asyncio.Event) -> None:
        """Inject so many messages a second, for the contract that holds at the time."""
        began = time.perf_counter()
        while not until.is_set():
            while self.sent < per_s * (time.perf_counter() - began):
                number = f"n{self.sent}"
                self.sent += 1
                tag = (
                    "Item"
                    if "item" in self.pump.listeners["desk"].payload_class.__dataclass_fields__
                    else "Thing"
                )
                thread = await self.pump.inject(order(tag, number), from_id="user")
                self._numbers[thread] = number
            await asyncio.sleep(BURST_S)


async def under_load(
    project: Project, reloads: int, per_s: int, pause_s: float
) -> tuple[Load, Counter[str], int]:
    project.module("count", COUNT)
    write(project, 1)
    pump = await bootstrap(project.config)
    load, stop, refused = Load(pump), asyncio.Event(), 0
    async with running(pump):
        feeding = asyncio.create_task(load.feed(per_s, stop))
        for number in range(reloads):
            await asyncio.sleep(pause_s)
            write(project, number)
            try:
                await pump.reload()
            except ConfigError:
                refused += 1
        stop.set()
        await feeding
        await pump.drained()
    handled: Counter[str] = __import__(f"{project.package}.count", fromlist=["handled"]).handled
    return load, handled, refused


def check(load: Load, handled: Counter[str], refused: int, reloads: int) -> None:
    books = load.pump.books
    assert reloads // 3 == refused
    assert [f"n{number}" for number in range(load.sent)] == sorted(load.ends, key=lambda each: int(each[1:]))
    assert {1} == set(load.ends.values())
    assert {1} == set(handled.values())
    assert load.sent == len(handled) + load.told["contract-changed"]
    assert load.sent == load.told["item"] + load.told["thing"] + load.told["contract-changed"]
    assert min(load.told["item"], load.told["thing"]) > 0
    assert books.balanced
    assert (load.sent, 0) == (books.injected, books.open)
    assert load.told["contract-changed"] == books.dead


async def test_a_few_reloads_under_load(tmp_path: Path) -> None:
    check(*await under_load(Project(tmp_path), reloads=6, per_s=1_000, pause_s=0.05), reloads=6)


@pytest.mark.slow
async def test_fifty_reloads_at_a_thousand_messages_a_second(tmp_path: Path) -> None:
    load, handled, refused = await under_load(Project(tmp_path), reloads=50, per_s=1_000, pause_s=0.1)
    check(load, handled, refused, reloads=50)
    assert load.sent > 4_000
    assert load.told["contract-changed"] > 0


async def test_settings_alone_change_under_load(tmp_path: Path) -> None:
    """Nobody's listener is touched, and nothing fails."""
    project = Project(tmp_path)
    project.module("count", COUNT)
    write(project, 1)
    pump = await bootstrap(project.config)
    load, stop = Load(pump), asyncio.Event()
    desk = pump.listeners["desk"]
    async with running(pump):
        feeding = asyncio.create_task(load.feed(1_000, stop))
        for number in range(1, 6):
            await asyncio.sleep(0.02)
            settings = NARROW.replace("handlers: 4", f"handlers: {number}")
            project.organism(settings=settings)
            await pump.reload()
        stop.set()
        await feeding
        await pump.drained()

    assert pump.listeners["desk"] is desk
    assert {"item": load.sent} == dict(load.told)
    assert isinstance(pump.config, OrganismConfig)
    assert 5 == pump.config.max_concurrent_handlers
