"""Who outside may go on with a conversation: whoever opened it. The thread of a branch is nobody's outside."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, MessageState, RequestFailed, StreamPump, running
from agentserver.errors import ForeignThread
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.threads import Threads, new_thread_id
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, outcomes, ping, pump_of

OTHER = "00000000-0000-4000-8000-000000000000"


def audits(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of the audit."""
    return [vars(record) for record in caplog.records if record.name == "agentserver.audit"]


def echoing() -> StreamPump:
    return pump_of(
        listener("echo", Ping, Recorder(lambda payload: HandlerResponse.respond(Pong(payload.text))))
    )


async def branch_of(pump: StreamPump, asked: Recorder) -> str:
    """Let `a` ask `b`, and return the thread on which `b` works."""
    await pump.inject(ping(to="a"), THREAD, "user")
    await pump.drained()
    return asked.calls[-1][1].thread_id


def asking(asked: Recorder) -> StreamPump:
    return pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))), listener("b", Pong, asked)
    )


async def test_whoever_opened_a_conversation_goes_on_with_it() -> None:
    pump = echoing()
    async with running(pump):
        for _ in range(3):
            await pump.inject(ping(), THREAD, "alice")
            await pump.inject(ping(), THREAD.upper(), "alice")
            await pump.inject(ping(), "her own word", "alice")
        own = await pump.inject(ping(thread=None), None, "alice")
        assert own is not None
        await pump.inject(ping(), own, "alice")
        await pump.drained()
    assert pump.books.dead == 0


@pytest.mark.parametrize("named", [THREAD, THREAD.upper(), "her own word"])
async def test_nobody_else_goes_on_with_it(named: str, caplog: pytest.LogCaptureFixture) -> None:
    pump = echoing()
    async with running(pump):
        root = await pump.inject(ping(), THREAD if named != "her own word" else named, "alice")
        with pytest.raises(ForeignThread) as raised:
            await pump.inject(ping(), named, "mallory")
        if root != named:
            with pytest.raises(ForeignThread):
                await pump.inject(ping(), root, "mallory")
        await pump.inject(ping(), OTHER, "mallory")
        await pump.drained()
    assert (raised.value.code, pump.books.injected, pump.books.dead) == ("foreign-thread", 2, 0)
    line = audits(caplog)[0]
    assert (line["event"], line["listener"], line["levelname"]) == ("foreign-thread", "mallory", "WARNING")


async def test_one_that_the_pump_began_is_its_openers_as_well() -> None:
    pump = echoing()
    root = await pump.inject(ping(thread=None), None, "alice")
    with pytest.raises(ForeignThread):
        await pump.inject(ping(), root, "mallory")


async def test_an_envelope_does_not_go_on_with_somebody_elses(caplog: pytest.LogCaptureFixture) -> None:
    pump = echoing()
    seen: list[MessageState] = []
    alices: list[MessageState] = []
    pump.add_outlet(seen.append)
    pump.add_outlet(alices.append, THREAD)
    async with running(pump):
        await pump.inject(ping("1", sender="alice"))
        await pump.inject(ping("2", sender="alice"))
        await pump.inject(ping("3", sender="mallory"))
        await pump.inject(ping("4", sender="mallory", thread=OTHER))
        await pump.drained()
    assert [state.failure.code for state in seen if state.failure] == ["foreign-thread"]
    assert [state.payload.text for state in alices] == ["1", "2"]
    (letter,) = pump.dead_letters
    assert (letter.sender, letter.thread_id != THREAD, letter.stage) == (
        "mallory", True, "thread_assignment"
    )  # fmt: skip
    (line,) = audits(caplog)
    assert (line["event"], line["listener"], line["thread_id"]) == ("foreign-thread", "mallory", THREAD)


async def test_of_several_envelopes_in_one_input_those_alone_fail_that_are_on_anothers_thread() -> None:
    pump = echoing()
    both = ping("x", sender="mallory") + ping("y", sender="mallory", thread=OTHER)
    async with running(pump):
        await pump.inject(ping(sender="alice"))
        await pump.inject(both)
        await pump.drained()
    assert (pump.books.dead, [letter.code for letter in pump.dead_letters]) == (1, ["foreign-thread"])


@pytest.mark.parametrize("sender", ["user", "a", "mallory"])
async def test_the_thread_of_a_branch_is_nobodys_outside(sender: str) -> None:
    asked = Recorder()
    pump = asking(asked)
    async with running(pump):
        branch = await branch_of(pump, asked)
        for named in (branch, branch.upper()):
            with pytest.raises(ForeignThread):
                await pump.inject(ping(to="a"), named, sender)
            with pytest.raises(ForeignThread):
                await pump.inject(ping(to="a"), named)
        if sender != "a":  # which the gate refuses before, as a listener is not outside
            await pump.inject(ping(to="a", sender=sender, thread=branch))
            await pump.drained()
    assert [letter.code for letter in pump.dead_letters] == (["foreign-thread"] if sender != "a" else [])
    assert len(asked.calls) == 1


async def test_what_is_said_of_a_branch_and_of_a_strangers_thread_is_the_same() -> None:
    asked = Recorder()
    pump = asking(asked)
    told = []
    async with running(pump):
        branch = await branch_of(pump, asked)
        for thread_id in (branch, THREAD):
            with pytest.raises(ForeignThread) as raised:
                await pump.inject(ping(to="a"), thread_id, "mallory")
            told.append(str(raised.value).replace(thread_id, "?"))
    assert told[0] == told[1]


async def test_refusals_to_outside_read_like_others() -> None:
    pump = echoing()
    refused: list[MessageState] = []
    pump.add_outlet(lambda state: refused.append(state) if state.from_id == "system" else None, refusals=True)
    async with running(pump):
        await pump.inject(ping(sender="alice"))
        await pump.inject(ping(sender="mallory"))
        await pump.drained()
    (refusal,) = refused
    assert (refusal.payload.code, refusal.payload.reason) == ("foreign-thread", "the message was refused")
    assert refusal.thread_id != THREAD


async def test_a_stranger_does_not_end_somebody_elses_request() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    threads: list[str] = []

    async def patient(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        threads.append(metadata.thread_id)
        asked.set()
        await answer.wait()
        return HandlerResponse.respond(Pong("at last"))

    pump = pump_of(listener("echo", Ping, patient))
    failed = asyncio.Semaphore(0)
    pump.add_outlet(lambda state: failed.release() if state.error is not None else None)
    async with running(pump):
        request = asyncio.create_task(pump.request(Ping("x"), "echo", timeout_s=20))
        await asked.wait()
        with pytest.raises(ForeignThread):
            await pump.inject(ping("y"), threads[0], "mallory")
        for message in (ping("z", sender="mallory", thread=threads[0]) * 2, ping("z", sender="mallory")):
            await pump.inject(message, threads[0])
        for _ in range(3):
            await failed.acquire()
        answer.set()
        assert await request == Pong("at last")


async def test_a_request_still_fails_when_nobody_is_left_to_answer() -> None:
    async with running(echoing()) as pump:
        with pytest.raises(RequestFailed):
            await pump.request(Ping("x"), "nobody", timeout_s=20)


def test_of_very_many_conversations_the_oldest_are_forgotten() -> None:
    openers = Openers(Threads(), max_known=10)
    first, *others = [new_thread_id() for _ in range(11)]
    for thread_id in (first, *others):
        openers.check(thread_id, "alice")
    assert len(openers) <= 10
    openers.check(first, "bob")
    with pytest.raises(ForeignThread):
        openers.check(others[-1], "bob")


def test_one_that_goes_on_is_not_among_the_oldest() -> None:
    openers = Openers(Threads(), max_known=10)
    openers.check(THREAD, "alice")
    for _ in range(100):
        openers.check(new_thread_id(), "bob")
        openers.check(THREAD, "alice")
    with pytest.raises(ForeignThread):
        openers.check(THREAD, "bob")


def test_a_branch_is_known_by_its_key_alone() -> None:
    threads = Threads(b"key")
    branch = threads.branch(THREAD, "a", "b")
    changed = branch[:-1] + ("0" if branch[-1] != "0" else "1")
    assert [Threads(b"key").is_branch(each) for each in (branch, branch.upper())] == [True, True]
    assert [threads.is_branch(each) for each in (changed, THREAD, new_thread_id(), "", "x", "é" * 36)] == [
        False
    ] * 6
    assert not Threads(b"other").is_branch(branch)


def test_no_id_that_stands_for_another_word_is_a_branch() -> None:
    threads = Threads(b"key")
    assert not any(threads.is_branch(threads.replace(str(number))) for number in range(1_000))


async def test_handlers_go_on_with_threads_of_outsiders_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "agentserver.audit")
    asked = Recorder(HandlerResponse.respond(Pong("b")))
    pump = pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))),
        listener("b", Pong, asked),
        listener("a", Pong, Recorder(HandlerResponse.respond(Pong("home")))),
    )
    states = await outcomes(pump, ping(to="a"), ping(to="a"))
    assert ([state.payload.text for state in states], audits(caplog)) == (["home", "home"], [])
