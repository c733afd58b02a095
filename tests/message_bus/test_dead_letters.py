"""What a dead letter tells: the bytes, where and why it failed, and what was tried before."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.errors import Crashed
from agentserver.queues import DeadLetter, Frame, MemoryQueue, QueuedMessage
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, outcomes, ping, pump_of


async def fail(payload: Any, metadata: HandlerMetadata) -> None:
    raise OSError("down")


def organism(**options: Any) -> StreamPump:
    return pump_of(listener("echo", Ping, fail), **options)


async def letter_of(*messages: bytes, sender: str | None = "user") -> DeadLetter:
    pump = organism()
    await outcomes(pump, *messages, sender=sender)
    return pump.dead_letters[-1]


async def letter_of_waiting(**marks: Any) -> DeadLetter:
    """Return the dead letter of a message that comes from the queue with such marks."""
    queue = MemoryQueue()
    pump = organism(waiting_in=queue)
    await queue.put((replace(QueuedMessage("a-1", ping(), "user", THREAD), **marks),))
    async with running(pump):
        await pump.drained()
    return pump.dead_letters[-1]


async def test_a_message_that_came_in_canonical_form_is_kept_once() -> None:
    letter = await letter_of(ping())
    assert (letter.message.data, letter.canonical) == (ping(), None)


async def test_one_that_came_otherwise_is_kept_in_both_forms() -> None:
    sent = ping().replace(b"<Ping ", b"<Ping\n  ")
    letter = await letter_of(sent)
    assert (letter.message.data, letter.canonical) == (sent, ping())


async def test_what_is_no_xml_has_no_canonical_form() -> None:
    letter = await letter_of(b"<broken")
    assert (letter.message.data, letter.canonical, letter.path, letter.to_id) == (b"<broken", None, "", None)


async def test_the_canonical_form_is_not_shown_by_accident() -> None:
    assert "Text" not in repr(await letter_of(ping().replace(b"<Ping ", b"<Ping\n  ")))


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (ping().replace(b"<Text>hello</Text>", b"<Test/>"), "Ping/Test"),
        (ping().replace(b"<Text>hello</Text>", b"<Text>a</Text><Text>b</Text>"), "Ping/Text[2]"),
        (ping(to="nobody"), ""),
    ],
)
async def test_the_path_of_the_fault(message: bytes, path: str) -> None:
    assert (await letter_of(message)).path == path


@pytest.mark.parametrize("to", ["echo", "nobody"])
async def test_whom_it_was_for(to: str) -> None:
    assert (await letter_of(ping(to=to))).to_id == to


async def test_whom_an_answer_was_for_that_no_longer_passes_the_gate() -> None:
    letter = await letter_of_waiting(
        data=b"<broken", sender="echo", to_id="asker", hop=1, chain=(Frame("asker", THREAD),)
    )
    assert (letter.to_id, letter.message.chain) == ("asker", (Frame("asker", THREAD),))


@pytest.mark.parametrize(
    ("marks", "end"),
    [
        ({}, "OSError: down"),
        ({"attempt": 2}, "OSError: down (tried 3 times)"),
        ({"crashes": 1}, "OSError: down (the process ended once while it was handled)"),
        (
            {"revived": 1},
            "OSError: down (it had been a dead letter once; it was handled again, and failed again)",
        ),
        (
            {"attempt": 1, "revived": 3},
            "OSError: down (tried 2 times) (it had been a dead letter 3 times; it was handled again, and failed again)",
        ),
    ],
)
async def test_the_reason_tells_what_was_done_about_it_before(marks: dict[str, int], end: str) -> None:
    assert (await letter_of_waiting(**marks)).reason == f"handler-failed: echo: {end}"


async def test_the_log_tells_it_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await letter_of_waiting(attempt=1, revived=2)
    (line,) = [record for record in caplog.records if record.getMessage() == "dead letter"]
    assert (line.attempts, line.revived, line.to_id) == (2, 2, "echo")  # type: ignore[attr-defined]


async def test_when_it_was_put_in_and_when_it_died() -> None:
    letter = await letter_of(ping())
    assert 0 < letter.message.queued_at <= letter.died_at


async def test_what_handlers_send_is_noted_with_its_time() -> None:
    async def ask(payload: Ping, metadata: HandlerMetadata) -> Any:
        return HandlerResponse(Pong("x"), to="bad")

    pump = pump_of(listener("echo", Ping, ask), listener("bad", Pong, fail))
    await outcomes(pump, ping())
    assert pump.dead_letters[0].message.queued_at > 0


class Outliving(MemoryQueue):
    """A queue in memory that is taken for one that outlives the process."""

    @property
    def outlives_process(self) -> bool:
        return True


@pytest.mark.parametrize(("crashes", "calls"), [(2, 1), (3, 0)])
async def test_a_message_with_which_the_process_ended_too_often_is_not_handled(
    crashes: int, calls: int
) -> None:
    queue, handler, told = Outliving(), Recorder(), Recorder()
    pump = pump_of(
        listener("echo", Ping, handler),
        listener("asker", Pong, Recorder(), on_refusal=told),
        waiting_in=queue,
    )
    asked = QueuedMessage(
        "a-1.0", ping(sender="asker"), "asker", THREAD, (Frame("asker", THREAD, "a-1"),), True
    )
    await queue.put((replace(asked, hop=1, parent_id="a-1", sent_on=THREAD, crashes=crashes),))
    async with running(pump):
        await pump.drained()
    assert len(handler.calls) == calls
    assert [(letter.stage, letter.code) for letter in pump.dead_letters] == [("queue", "crashed")][calls:]
    assert [payload.code for payload in told.payloads] == ["handler-failed"][calls:]


@pytest.mark.parametrize(("crashes", "known"), [(3, ("asker", "echo", THREAD)), (4, (None, None, None))])
async def test_it_passes_the_gate_once_more_so_that_its_dead_letter_says_whose_it_is(
    crashes: int, known: tuple[str | None, ...]
) -> None:
    queue, handler = Outliving(), Recorder()
    pump = pump_of(listener("echo", Ping, handler), waiting_in=queue)
    await queue.put((QueuedMessage("a-1", ping(sender="asker", thread=THREAD), crashes=crashes),))
    async with running(pump):
        await pump.drained()
    (letter,) = pump.dead_letters
    assert (handler.calls, letter.code) == ([], "crashed")
    assert (letter.sender, letter.to_id, letter.thread_id) == known


async def test_all_parts_of_an_input_that_ended_the_process_are_given_up_on_each_with_its_name() -> None:
    queue, handler = Outliving(), Recorder()
    pump = pump_of(listener("echo", Ping, handler), waiting_in=queue)
    await queue.put((QueuedMessage("a-1", ping("a") + ping("b"), "user", crashes=3),))
    async with running(pump):
        await pump.drained()
    assert handler.calls == []
    assert [(letter.code, letter.to_id) for letter in pump.dead_letters] == [("crashed", "echo")] * 2


def test_a_crash_says_what_to_look_for() -> None:
    assert str(Crashed(3, 3)) == (
        "crashed: the process ended 3 times while this was handled, and limits.crashes is 3; "
        "look for what its handler does to the process"
    )
