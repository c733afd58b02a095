"""Another configuration while the organism runs: all of it, or nothing, and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agentserver import (
    ConfigError,
    HandlerResponse,
    MessageState,
    RequestFailed,
    StreamPump,
    bootstrap,
    meta,
    running,
    xmlify,
)
from agentserver.config import Limits, MetaConfig, OrganismConfig, StepConfig
from agentserver.errors import PumpClosed
from tests.message_bus.reloadable import Project, order
from tests.organisms import Amount, Ping, Pong, Recorder, listener, ping, pump_of
from tests.xmlable.foreign.schema_files import BILL, write


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


async def answer(pump: StreamPump, data: bytes) -> str:
    """Inject a payload and give the text of the reply, or the code of the failure."""
    came: asyncio.Future[MessageState] = asyncio.get_running_loop().create_future()
    thread = await pump.inject(data, from_id="user")
    remove = pump.add_outlet(lambda state: None if came.done() else came.set_result(state), thread)
    state = await came
    remove()
    if state.failure is not None:
        return state.failure.code
    assert state.payload is not None
    return str(state.payload.text)


async def test_nothing_changes_when_nothing_changed(project: Project) -> None:
    pump = await bootstrap(project.config)
    before = dict(pump.listeners)

    changes = await pump.reload(project.config)

    assert (False, before) == (bool(changes), pump.listeners)


async def test_a_changed_handler_is_imported_anew(project: Project) -> None:
    pump = await bootstrap(project.config)
    async with running(pump):
        first = await answer(pump, order())
        project.handler("new")
        changes = await pump.reload()
        second = await answer(pump, order())

    assert ("old tea", "new tea") == (first, second)
    assert ["handler of Order"] == [each.key for change in changes.changed for each in change.differences]


async def test_a_changed_contract_takes_its_handler_along(project: Project) -> None:
    pump = await bootstrap(project.config)
    async with running(pump):
        await answer(pump, order())
        project.contract("thing: str")
        project.handler("new", "thing")
        changes = await pump.reload()
        answers = [await answer(pump, order("Thing")), await answer(pump, order("Item"))]

    assert ["new tea", "schema"] == answers
    assert "breaking" in changes.changed[0].differences[0].details[0]


async def test_untouched_listeners_are_the_same_objects(project: Project) -> None:
    pump = await bootstrap(project.config)
    beside, desk, module = (
        pump.listeners["beside"],
        pump.listeners["desk"],
        sys.modules[f"{project.package}.beside"],
    )
    project.handler("new")

    await pump.reload()

    assert pump.listeners["beside"] is beside
    assert pump.listeners["desk"] is not desk
    assert sys.modules[f"{project.package}.beside"] is module


BREAKS = {
    "yaml": lambda project: project.config.write_text("listeners: [}"),
    "import": lambda project: project.organism(listeners="- {name: x, payload_class: no.X, handler: no.x}"),
    "name": lambda project: project.organism(listeners=f"- {{name: desk, {project.beside}}}"),
    "contract": lambda project: project.contract("item: object"),
    "syntax": lambda project: project.module("desk", "def ("),
    "exit": lambda project: project.module("desk", "import sys\nsys.exit(3)\n"),
    "restart": lambda project: project.organism(settings="thread_scheduling: depth-first"),
}


@pytest.mark.parametrize("fault", BREAKS)
async def test_whatever_is_wrong_the_old_organism_goes_on(project: Project, fault: str) -> None:
    pump = await bootstrap(project.config)
    modules = {name: each for name, each in sys.modules.items() if name.startswith(project.package)}
    config, listeners = pump.config, dict(pump.listeners)
    project.module("beside", "# changed\n" + (project.folder / project.package / "beside.py").read_text())
    BREAKS[fault](project)
    async with running(pump):
        with pytest.raises(ConfigError) as raised:
            await pump.reload()
        assert "old tea" == await answer(pump, order())

    assert raised.value.faults
    assert (config, listeners) == (pump.config, pump.listeners)
    assert modules == {name: each for name, each in sys.modules.items() if name.startswith(project.package)}
    assert sys.modules[project.package].__dict__["beside"] is modules[f"{project.package}.beside"]


async def test_a_broken_file_that_is_mended_is_taken(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.module("desk", "def (")
    with pytest.raises(ConfigError):
        await pump.reload()
    project.handler("new")

    await pump.reload()

    async with running(pump):
        assert "new tea" == await answer(pump, order())


async def test_listeners_come_and_go(project: Project) -> None:
    pump = await bootstrap(project.config)
    package = project.package
    project.config.write_text(
        "organism: {name: shop}\nlisteners:\n"
        f"- {{name: shelf, payload_class: {package}.contracts.Order, handler: {package}.desk.take}}\n"
    )

    changes = await pump.reload()

    assert (("shelf",), ("desk", "beside")) == (changes.added, changes.removed)
    assert ["shelf"] == list(pump.listeners)
    async with running(pump):
        assert "old tea" == await answer(pump, order())


async def test_what_a_program_registered_itself_stays(project: Project) -> None:
    pump = await bootstrap(project.config)
    recorder = Recorder()
    pump.register_listener(listener("own", Ping, recorder))
    project.handler("new")

    await pump.reload()

    async with running(pump):
        await pump.inject(ping(to="own"))
        await pump.drained()
    assert 1 == len(recorder.calls)


class Held:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.called, self.go = asyncio.Event(), asyncio.Event()
        self.seen: list[Any] = []

    async def __call__(self, payload: Any, metadata: Any) -> None:
        self.called.set()
        await self.go.wait()
        self.seen.append(payload)


async def test_what_is_being_handled_finishes_under_the_old_handler() -> None:
    old, new = Held(), Held()
    new.go.set()
    pump = pump_of(listener("echo", Ping, old))
    async with running(pump):
        await pump.inject(ping("first"))
        await old.called.wait()
        await pump.reload(OrganismConfig("test", listeners=[listener("echo", Ping, new)]))
        await pump.inject(ping("second"))
        await new.called.wait()
        old.go.set()
        await pump.drained()

    assert [["first"], ["second"]] == [[each.text for each in held.seen] for held in (old, new)]
    assert (2, 0) == (pump.books.settled, pump.books.dead)


async def test_what_waited_and_fits_no_more_is_told_from_what_was_bad_anyway(project: Project) -> None:
    pump = await bootstrap(project.config)
    for data in (order(), order("Wrong")):
        await pump.inject(data, from_id="user")
    project.contract("thing: str")
    project.handler("new", "thing")
    await pump.reload()
    await pump.inject(order(), from_id="user")
    async with running(pump):
        await pump.drained()

    assert ["contract-changed", "schema", "schema"] == [letter.code for letter in pump.dead_letters]


async def test_what_waited_for_a_listener_that_is_gone_is_told_so(project: Project) -> None:
    pump = await bootstrap(project.config)
    await pump.inject(order(), from_id="user")
    project.config.write_text(f"organism: {{name: shop}}\nlisteners:\n- {{name: beside, {project.beside}}}\n")
    await pump.reload()
    await pump.inject(order(), from_id="user")
    async with running(pump):
        await pump.drained()

    assert ["contract-changed", "no-listener"] == [letter.code for letter in pump.dead_letters]


async def test_limits_change_while_it_runs() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    async with running(pump):
        await pump.reload(
            OrganismConfig("test", listeners=pump.config.listeners, limits=Limits(message_bytes=1_000))
        )
        await pump.inject(ping("x" * 1_000))
        await pump.drained()

    assert ["too-large"] == [letter.code for letter in pump.dead_letters]


async def test_a_pump_that_is_shut_down_follows_nothing(project: Project) -> None:
    pump = await bootstrap(project.config)
    await pump.shutdown()

    with pytest.raises(PumpClosed):
        await pump.reload()


async def test_a_shutdown_meanwhile_wins(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.handler("new")
    reloading = asyncio.create_task(pump.reload())
    await asyncio.sleep(0)
    await pump.shutdown()

    with pytest.raises(PumpClosed):
        await reloading


async def test_a_cancelled_reload_leaves_the_old(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.handler("new")
    reloading = asyncio.create_task(pump.reload())
    await asyncio.sleep(0)
    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading

    async with running(pump):
        assert "old tea" == await answer(pump, order())
        await pump.reload()
        assert "new tea" == await answer(pump, order())


async def test_reloads_come_one_after_the_other(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.handler("new")

    changes = await asyncio.gather(*(pump.reload() for _ in range(3)))

    assert [True, False, False] == [bool(each) for each in changes]


async def test_a_restart_is_asked_for_by_name(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.config.write_text(project.config.read_text().replace("{name: shop}", "{name: store}"))

    with pytest.raises(ConfigError, match="name: needs a restart, to become store instead of shop"):
        await pump.reload()


async def test_what_needs_a_restart_is_told_with_its_line_where_the_file_has_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    text = project.config.read_text()
    pump = await bootstrap("config/organism.yaml")
    changed = text.replace("{name: shop}", "{\n  name: shop,\n  port: 99}")
    project.config.write_text(f"{changed}\nthread_scheduling: depth-first\nretention: {{history_s: 86400}}\n")
    with pytest.raises(ConfigError) as caught:
        await pump.reload("config/organism.yaml")
    lines = project.config.read_text().splitlines()

    expected = {
        lines.index("  port: 99}") + 1: "port", lines.index("thread_scheduling: depth-first") + 1: "thread_scheduling",
        lines.index("retention: {history_s: 86400}") + 1: "retention.history_s",
    }  # fmt: skip
    found = {fault.line: fault.message.partition(":")[0] for fault in caught.value.faults}
    assert (expected, {"config/organism.yaml"}) == (found, {fault.file for fault in caught.value.faults})


async def test_what_needs_a_restart_and_is_not_in_the_file_has_no_place(project: Project) -> None:
    text = project.config.read_text()
    project.config.write_text(f"{text}\nthread_scheduling: depth-first\n")
    pump = await bootstrap(project.config)
    project.config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        await pump.reload(project.config)

    assert str(caught.value).startswith(f"{project.config}: thread_scheduling: needs a restart")


async def test_a_listener_that_comes_meanwhile_is_not_lost(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.handler("new")
    reloading = asyncio.create_task(pump.reload())
    await asyncio.sleep(0)
    pump.register_listener(listener("own", Ping, Recorder()))
    await reloading

    assert {"desk", "beside", "own"} == set(pump.listeners)
    assert pump.routing_table.pinned("own.ping")


async def test_a_name_that_a_program_took_is_not_taken_again(project: Project) -> None:
    pump = await bootstrap(project.config)
    pump.register_listener(listener("own", Ping, Recorder()))
    config = OrganismConfig("shop", listeners=[*pump.config.listeners, listener("OWN", Ping, Recorder())])

    with pytest.raises(ConfigError, match=r"own\.ping is registered already"):
        await pump.reload(config)


async def test_what_may_be_asked_of_system_meta_changes() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), meta=MetaConfig("none", "none", "none", "none"))
    async with running(pump):
        with pytest.raises(RequestFailed, match="no listener"):
            await pump.request(meta.ListCapabilities(), to="system.meta")
        await pump.reload(
            OrganismConfig(
                "test", listeners=pump.config.listeners, meta=MetaConfig("all", "all", "all", "all")
            )
        )
        answer = await pump.request(meta.ListCapabilities(), to="system.meta")

    assert ["echo"] == [each.name for each in answer.listeners]


async def test_system_meta_knows_the_listeners_of_now() -> None:
    options: dict[str, Any] = {"meta": MetaConfig("all", "all", "all", "all")}
    pump = pump_of(listener("echo", Ping, Recorder()), **options)
    async with running(pump):
        for name in ("first", "second"):
            await pump.reload(OrganismConfig("test", listeners=[listener(name, Ping, Recorder())], **options))
            answer = await pump.request(meta.ListCapabilities(), to="system.meta")
            assert [name] == [each.name for each in answer.listeners]


async def test_steps_of_the_pipeline_change_where_they_stand() -> None:
    seen: list[str] = []

    def first(state: MessageState) -> MessageState:
        seen.append("first")
        return state

    def second(state: MessageState) -> MessageState:
        seen.append("second")
        return state

    async def waiting(state: MessageState) -> MessageState:
        return state

    def config(step: Any) -> OrganismConfig:
        return OrganismConfig(
            "test", listeners=[echo], pipeline=[StepConfig("m.step", after="c14n", step=step)]
        )

    echo = listener("echo", Ping, Recorder())
    pump = pump_of(echo, pipeline=config(first).pipeline)
    async with running(pump):
        await pump.inject(ping())
        await pump.drained()
        await pump.reload(config(second))
        await pump.inject(ping())
        await pump.drained()
        with pytest.raises(ConfigError, match="pipeline: needs a restart"):
            await pump.reload(config(waiting))

    assert ["first", "second"] == seen


async def test_the_schema_of_somebody_else_is_read_again(tmp_path: Path) -> None:
    async def take(payload: Any, metadata: Any) -> None: ...

    path = write(tmp_path, {"schemas/bill.xsd": BILL})
    bills = listener("bills", etree._Element, take, schema_path=str(path))
    pump = pump_of(bills)
    path.write_text(BILL.replace('name="Number" type="xs:string"', 'name="Number" type="xs:int"'))
    await pump.reload(OrganismConfig("test", listeners=[bills]))
    async with running(pump):
        for number in ("7", "seven"):
            bill = f'<b:Bill xmlns:b="urn:shop"><b:Number>{number}</b:Number><b:Total>1</b:Total></b:Bill>'
            await pump.inject(bill.encode(), from_id="user")
        await pump.drained()

    assert ["schema"] == [letter.code for letter in pump.dead_letters]


async def test_an_xsd_in_a_file_is_compared(project: Project) -> None:
    write(project.folder, {"schemas/bill.xsd": BILL})
    bills = (
        f"- {{name: bills, schema: schemas/bill.xsd, payload_class: lxml.etree._Element, "
        f"handler: {project.package}.desk.take}}"
    )
    project.organism(listeners=bills)
    pump = await bootstrap(project.config)
    same = await pump.reload()
    write(project.folder, {"schemas/bill.xsd": BILL.replace('"xs:decimal"', '"xs:int"')})
    changes = await pump.reload()

    assert not same
    assert ["bills"] == [each.name for each in changes.changed]
    assert "breaking: Bill/Total" in changes.changed[0].differences[0].details[0]


async def test_refusals_are_taken_by_the_function_of_now() -> None:
    old, new = Recorder(), Recorder()
    pump = pump_of(listener("echo", Ping, Recorder(HandlerResponse(Pong("x"), to="nobody")), on_refusal=old))
    async with running(pump):
        for taker in (old, new):
            config = OrganismConfig("test", listeners=[replace(pump.config.listeners[0], on_refusal=taker)])
            await pump.reload(config)
            await pump.inject(ping(), from_id="user")
            await pump.drained()

    assert (1, 1) == (len(old.calls), len(new.calls))


async def test_a_way_that_is_forbidden_is_refused(project: Project) -> None:
    pump = await bootstrap(project.config)
    project.organism(settings="forbid: [{from: desk, to: beside}]")

    with pytest.raises(ConfigError, match="desk"):
        await pump.reload()


async def test_an_answer_to_a_listener_that_is_gone_does_not_leave_the_organism() -> None:
    held = Held()
    asker = listener("asker", Ping, Recorder(HandlerResponse(Pong("q"), to="slow")))

    async def slow(payload: Pong, metadata: Any) -> HandlerResponse:
        await held(payload, metadata)
        return HandlerResponse.respond(Pong("a secret between them"))

    pump = pump_of(asker, listener("slow", Pong, slow))
    left: list[MessageState] = []
    pump.add_outlet(left.append)
    async with running(pump):
        await pump.inject(ping(to="asker"), from_id="user")
        await held.called.wait()
        await pump.reload(OrganismConfig("test", listeners=pump.config.listeners[1:]))
        held.go.set()
        await pump.drained()

    assert ["no-listener"] == [state.failure.code if state.failure else "" for state in left]


@pytest.mark.parametrize(("sender_changes", "code"), [(True, "contract-changed"), (False, "schema")])
async def test_what_an_old_handler_writes_afterwards_is_of_its_time(sender_changes: bool, code: str) -> None:
    held = Held()

    async def send(payload: Ping, metadata: Any) -> HandlerResponse:
        await held(payload, metadata)
        return HandlerResponse(Amount(7), to="till")

    other = make_dataclass("Amount", [("total", int)], namespace={"__doc__": "Another."})
    sender = listener("sender", Ping, send)
    pump = pump_of(sender, listener("till", Amount, Recorder()))
    new = listener("sender", Ping, Recorder()) if sender_changes else sender
    async with running(pump):
        await pump.inject(ping(to="sender"), from_id="user")
        await held.called.wait()
        await pump.reload(
            OrganismConfig("test", listeners=[new, listener("till", xmlify(other), Recorder())])
        )
        held.go.set()
        await pump.drained()

    assert [code] == [letter.code for letter in pump.dead_letters]
