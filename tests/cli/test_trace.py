"""`agentserver trace`: what came of what."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentserver import bootstrap, running
from agentserver.queues import QueuedMessage
from agentserver.queues.sqlite import SqliteQueue

from .envelopes import envelope
from .queue_files import Stored

THREAD = "0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77"


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    stored = Stored(tmp_path)
    stored.asked.touch()
    return stored


def path(node: Any) -> list[tuple[str, str, str]]:
    """Return who sent whom what, down the first children."""
    found = [(node["from"], node["to"], node["tag"])]
    return found + (path(node["children"][0]) if node["children"] else [])


def test_the_tree_of_a_conversation(stored: Stored) -> None:
    stored.run(stored.question(THREAD))

    found = stored.document("trace", THREAD)
    (root,) = stored.tree(THREAD)
    assert (THREAD, [0, 1, 2, 3]) == (found["conversation"], [each["depth"] for each in found["messages"]])
    assert [
        ("ada", "desk", "Question"), ("desk", "worker", "Job"), ("worker", "desk", "Answer"), ("desk", "ada", "Answer")
    ] == path(root)  # fmt: skip
    assert ("done", "desk.question") == (root["outcome"], root["listener"])
    assert 0 <= root["took_ms"] < 60_000
    assert 0 <= root["waited_ms"] < 60_000
    answer = root["children"][0]["children"][0]
    assert root["children"][0]["id"] == answer["answers"]


def test_the_tree_is_drawn(stored: Stored) -> None:
    stored.run(stored.question(THREAD))

    lines = stored.command("trace", THREAD).stdout.splitlines()
    assert f"conversation {THREAD}" == lines[0]
    assert lines[1].startswith("  4 messages, ")
    assert lines[2].startswith("ada -> desk.question <Question>  done  ")
    assert lines[3].startswith("└─ desk -> worker.job <Job>  done  ")
    assert lines[4].startswith("   └─ worker -> desk.answer <Answer>  done  ")
    assert lines[5].startswith("      └─ desk -> ada (outside) <Answer>  done  ")


def test_what_failed_says_so(stored: Stored) -> None:
    stored.asked.unlink()
    stored.run(stored.question(THREAD))

    assert "desk -> worker.job <Job>  dead: handler-failed  " in stored.command("trace", THREAD).stdout


@pytest.mark.parametrize("which", ["root", "start", "upper", "branch", "message", "part of a message"])
def test_a_conversation_is_named_by_any_of_its_threads_and_messages(stored: Stored, which: str) -> None:
    stored.run(stored.question(THREAD), stored.question())
    job = stored.tree(THREAD)[0]["children"][0]
    assert job["thread"] != THREAD
    names = {
        "root": THREAD, "start": THREAD[:8], "upper": THREAD.upper(), "branch": job["thread"], "message": job["id"],
        "part of a message": job["id"][:-1],
    }  # fmt: skip

    assert THREAD == stored.document("trace", names[which])["conversation"]


def test_a_name_of_several_is_refused(stored: Stored) -> None:
    other = THREAD[:-1] + "8"
    stored.run(stored.question(THREAD), stored.question(other))

    error = stored.command("trace", THREAD[:8], code=2).stderr
    assert THREAD in error
    assert other in error


def test_a_name_of_none(stored: Stored) -> None:
    stored.run(stored.question(THREAD))

    assert "not-found" == stored.document("trace", "ffff", code=3)["error"]["code"]


@pytest.mark.parametrize("beginning", ["0", THREAD[:5]])
def test_a_short_beginning_is_nobodys(stored: Stored, beginning: str) -> None:
    stored.run(stored.question(THREAD))

    assert "takes 6 characters or more" in stored.command("trace", beginning, code=3).stderr


def test_what_is_exactly_the_text_goes_before_what_begins_so(stored: Stored) -> None:
    asyncio.run(a_chain_of(1, stored.path, "ABCDEF"))
    asyncio.run(a_chain_of(2, stored.path, "abcdef1"))

    assert "ABCDEF" == stored.document("trace", "ABCDEF")["conversation"]


def test_what_an_envelope_bore_as_its_thread_names_the_conversation(stored: Stored) -> None:
    asyncio.run(run_as_a_daemon(stored, stored.question("order 9")))

    found = stored.document("trace", "order 9")
    assert "ada" == found["messages"][0]["from"]
    assert found["conversation"] == found["messages"][0]["thread"] != "order 9"
    assert 2 < stored.document("audit", "verify", "--thread", "order 9")["endings"]


async def run_as_a_daemon(stored: Stored, message: bytes) -> None:
    """Run the organism with its key, which `Stored.run` does without."""
    pump = await bootstrap(stored.config)
    async with running(pump):
        await pump.inject(message)
        await pump.drained()


def test_without_the_key_it_is_nobodys_and_no_key_is_made(stored: Stored) -> None:
    stored.run(stored.question("order 9"))

    assert "not-found" == stored.document("trace", "order 9", code=3)["error"]["code"]
    assert not stored.path.with_name("organism.db-key").exists()


def test_what_waits_is_shown(stored: Stored) -> None:
    stored.asked.unlink()
    stored.run(stored.question(THREAD))
    stored.command("dead", "retry", "--all")

    waiting = stored.tree(THREAD)[0]["children"][1]
    assert ("waiting", None) == (waiting["outcome"], waiting["took_ms"])
    assert "waiting  since " in stored.command("trace", THREAD).stdout


def test_an_input_of_several_is_the_root_of_its_parts(stored: Stored) -> None:
    stored.run(stored.question(THREAD) + stored.question(THREAD))

    (root,) = stored.tree(THREAD)
    assert ("split", 2) == (root["outcome"], len(root["children"]))


def test_a_conversation_of_a_thousand_hops(stored: Stored) -> None:
    asyncio.run(a_chain_of(2_000, stored.path))

    found = stored.document("trace", "deep")["messages"]
    assert [(0, "m0"), (1_999, "m1999")] == [(each["depth"], each["id"]) for each in (found[0], found[-1])]
    lines = stored.command("trace", "deep").stdout.splitlines()
    assert "─ 1999: nobody" in lines[-1]
    assert max(map(len, lines)) < 300


async def a_chain_of(count: int, path: Path, name: str = "deep") -> None:
    """Let messages wait, each of which came of the one before."""
    queue = SqliteQueue(path)
    messages = [
        QueuedMessage(f"m{number}", b"<a/>", "nobody", name, parent_id=f"m{number - 1}" if number else None)
        for number in range(count)
    ]
    await queue.put(messages)
    await queue.aclose()


def test_hostile_names_are_shown_as_escapes(stored: Stored) -> None:
    stored.run(envelope('<Question xmlns=""><File>x</File></Question>', to="desk", from_id="a.b"))

    assert "\x1b" not in stored.command("trace", "nobody\x1b[2J", code=3).stderr
