"""`agentserver run` with its queue in a file: what ends the daemon, ends no message."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .envelopes import envelope
from .process import Process, agentserver, read_until, started

LEDGER = '''
import asyncio, os
from dataclasses import dataclass
from pathlib import Path
from agentserver import HandlerResponse, xmlify

HANDLED, GO = Path("handled"), Path("go")

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

def note(line):
    with HANDLED.open("a") as file:
        file.write(line + "\\n")

async def take(payload, metadata):
    note(f"take {payload.text}")
    return HandlerResponse(payload, to="clerk")

async def write(payload, metadata):
    note(f"write {payload.text}")
    return HandlerResponse.respond(Noted(payload.text))

async def answer(payload, metadata):
    note(f"answer {payload.text}")
    return HandlerResponse.respond(payload)

async def wait(payload, metadata):
    note(f"wait {payload.text}")
    while not GO.exists():
        await asyncio.sleep(0.01)
    note(f"waited {payload.text}")
    return HandlerResponse.respond(Noted(payload.text))

async def fail(payload, metadata):
    note(f"fail {metadata.attempt}")
    raise OSError("down")

async def die(payload, metadata):
    note(f"die {payload.text}")
    os._exit(9)
'''

ORGANISM = """
organism: {name: ledger}
max_concurrent_pipelines: 10
listeners:
  - name: desk
    handles:
      - {payload_class: ledger.Order, handler: ledger.take}
      - {payload_class: ledger.Noted, handler: ledger.answer}
  - {name: clerk, payload_class: ledger.Order, handler: ledger.write}
  - {name: waits, payload_class: ledger.Order, handler: ledger.wait, max_concurrent: 2}
  - {name: fails, payload_class: ledger.Order, handler: ledger.fail, retry: {backoff: fixed, base_s: 1, jitter: 0}}
  - {name: dies, payload_class: ledger.Order, handler: ledger.die}
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A project whose handlers note in a file what they do."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "organism.yaml").write_text(ORGANISM)
    (tmp_path / "ledger.py").write_text(LEDGER)
    return tmp_path


def orders(folder: Path, to: str, count: int, name: str = "in.xml", begin: int = 0) -> Path:
    file = folder / name
    texts = range(begin, begin + count)
    file.write_bytes(b"".join(envelope(f'<Order xmlns=""><Text>{n}</Text></Order>', to=to) for n in texts))
    return file


def handled(folder: Path) -> Counter[str]:
    file = folder / "handled"
    return Counter(file.read_text().splitlines() if file.exists() else ())


def event(process: Process, text: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(read_until(process.stderr, f'"event": "{text}"'))
    return line


def until(folder: Path, *lines: str) -> None:
    """Wait until handlers have noted these lines."""
    deadline = time.monotonic() + 30
    while not set(lines) <= handled(folder).keys():
        assert time.monotonic() < deadline, f"{handled(folder)} has not all of {lines}"
        time.sleep(0.01)


def waiting(folder: Path, column: str = "count(*)") -> int:
    connection = sqlite3.connect(folder / "var" / "ledger.db")
    try:
        count: int = connection.execute(f"SELECT {column} FROM waiting").fetchone()[0]
        return count
    finally:
        connection.close()


def test_messages_wait_in_a_file_of_the_project_when_nothing_is_said(ledger: Path) -> None:
    orders(ledger, "desk", 3)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        assert event(process, "started")["queue"] == "sqlite:///var/ledger.db"
        assert event(process, "all that was injected is handled")["settled"] == 12
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert (ledger / "var" / "ledger.db").stat().st_mode & 0o777 == 0o600
    assert waiting(ledger) == 0


def test_the_file_may_be_named_on_the_command_line(ledger: Path) -> None:
    with started("run", "--queue", "elsewhere.db", cwd=ledger) as process:
        assert event(process, "started")["queue"] == f"sqlite:///{ledger}/elsewhere.db"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert (ledger / "elsewhere.db").exists()
    assert not (ledger / "var").exists()


def test_a_queue_in_memory_has_no_file(ledger: Path) -> None:
    orders(ledger, "desk", 1)
    with started("run", "--queue", "memory://", "--inject", "in.xml", cwd=ledger) as process:
        assert "waiting" not in event(process, "started")
        event(process, "all that was injected is handled")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert not (ledger / "var").exists()


@pytest.mark.parametrize("address", ["nats://host", "sqlite://host/x.db", "sqlite:///"])
def test_what_is_no_address_is_told_at_once(ledger: Path, address: str) -> None:
    done = agentserver("run", "--queue", address, cwd=ledger)
    assert (done.returncode, b"--queue" in done.stderr) == (2, True)


def test_a_pipe_keeps_its_messages_in_memory_unless_it_is_told_otherwise(ledger: Path) -> None:
    done = agentserver("pipe", "--input", str(orders(ledger, "desk", 2)), cwd=ledger)
    assert (done.returncode, done.stdout.count(b"</Noted>"), (ledger / "var").exists()) == (0, 2, False)
    done = agentserver("pipe", "--queue", "q.db", "--input", "in.xml", cwd=ledger)
    assert (done.returncode, done.stdout.count(b"</Noted>"), (ledger / "q.db").exists()) == (0, 2, True)


def test_a_pipe_does_not_handle_again_what_its_file_knows(ledger: Path) -> None:
    config = ledger / "config" / "organism.yaml"
    config.write_text(config.read_text() + "idempotency: {by: content}\n")
    orders(ledger, "desk", 3)
    for told in (
        b"3 messages, 3 replies, 0 failed in",
        b"3 messages, 0 replies, 0 failed, 3 handled before in",
    ):
        done = agentserver("pipe", "--queue", "q.db", "--input", "in.xml", cwd=ledger)
        assert (done.returncode, told in done.stderr) == (0, True), done.stderr
    assert handled(ledger)["take 0"] == 1


def test_f7_a_second_daemon_on_one_file_ends_at_once_and_says_who_has_it(ledger: Path) -> None:
    with started("run", cwd=ledger) as process:
        event(process, "started")
        began = time.monotonic()
        done = agentserver("run", cwd=ledger)
        took_s = time.monotonic() - began
        assert done.returncode == 1
        assert f"in use by another agentserver, process {process.pid}".encode() in done.stderr
        assert b"Traceback" not in done.stderr
        assert took_s < 5  # of which most is the start of Python


@pytest.mark.parametrize(
    "content", [b"this is no database, however long it is" * 100, b"SQLite format 3\0" + bytes(90)]
)
def test_a_file_that_is_no_queue_is_refused_in_words(ledger: Path, content: bytes) -> None:
    (ledger / "q.db").write_bytes(content)
    done = agentserver("run", "--queue", "q.db", cwd=ledger)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert b"q.db" in done.stderr
    assert (ledger / "q.db").read_bytes() == content


MANY = 400
"""Orders of which some are left, whenever the daemon comes to the end of its intake."""


def test_f9_sigterm_finishes_what_is_in_flight_and_keeps_the_rest(ledger: Path) -> None:
    orders(ledger, "waits", MANY)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        event(process, "injected")
        until(ledger, "wait 0", "wait 1")
        process.send_signal(signal.SIGTERM)
        event(process, "stopping")
        (ledger / "go").touch()
        ended = event(process, "drained and stopped")
        assert process.wait() == 0
    done = {line.partition(" ")[2] for line in handled(ledger)}
    assert handled(ledger) == {f"{what} {n}": 1 for what in ("wait", "waited") for n in done}
    assert 2 <= len(done) < MANY
    left = MANY - len(done)
    assert (ended["settled"], ended["waiting"], waiting(ledger)) == (2 * len(done), left, left)
    with started("run", cwd=ledger) as process:
        assert event(process, "started")["waiting"] == left
        until(ledger, *(f"waited {n}" for n in range(MANY)))
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert set(handled(ledger).values()) == {1}


def test_f10_what_does_not_end_in_time_is_handled_at_the_next_start(ledger: Path) -> None:
    orders(ledger, "waits", 1)
    with started("run", "--inject", "in.xml", "--drain-timeout", "0.1", cwd=ledger) as process:
        until(ledger, "wait 0")
        process.send_signal(signal.SIGTERM)
        assert event(process, "stopped before everything was finished")["waiting"] == 1
        assert process.wait() == 1
    assert waiting(ledger, "max(crashes)") == 0
    (ledger / "go").touch()
    with started("run", cwd=ledger) as process:
        assert event(process, "started")["waiting"] == 1
        until(ledger, "waited 0")
    assert handled(ledger)["wait 0"] == 2


def test_f1_what_a_kill_leaves_behind_is_handled_at_the_next_start(ledger: Path) -> None:
    count = 300
    orders(ledger, "desk", count)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        event(process, "injected")
        process.kill()
        process.wait()
    with started("run", cwd=ledger) as process:
        event(process, "started")
        until(ledger, *(f"{done} {n}" for done in ("take", "write", "answer") for n in range(count)))
        process.send_signal(signal.SIGTERM)
        ended = event(process, "drained and stopped")
        assert process.wait() == 0
    assert waiting(ledger) == 0
    # each order, its two hops and the answer, once each, over both lives of the daemon
    assert (ended["injected"], ended["emitted"], ended["settled"], ended["dead"]) == (
        count,
        3 * count,
        4 * count,
        0,
    )


def test_f18_a_message_that_ends_the_process_ends_as_a_dead_letter(ledger: Path) -> None:
    orders(ledger, "dies", 1)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        assert process.wait() == 9
    for lives in (2, 3):
        with started("run", cwd=ledger) as process:
            event(process, "started")
            assert process.wait() == 9
        assert handled(ledger) == {"die 0": lives}
    orders(ledger, "desk", 1, begin=7)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        until(ledger, "answer 7")
        process.send_signal(signal.SIGTERM)
        assert event(process, "drained and stopped")["dead"] == 1
        assert process.wait() == 0
    assert handled(ledger)["die 0"] == 3


def test_a_retry_keeps_its_attempt_and_its_time_over_a_kill(ledger: Path) -> None:
    orders(ledger, "fails", 1)
    with started("run", "--inject", "in.xml", cwd=ledger) as process:
        event(process, "a message is tried again")
        time.sleep(0.2)  # for the commit
        process.kill()
        process.wait()
    with started("run", cwd=ledger) as process:
        told = event(process, "dead letter")
        assert (told["attempts"], told["code"]) == (3, "handler-failed")
    assert handled(ledger) == {f"fail {n}": 1 for n in range(3)}


def test_a_reload_goes_on_with_the_same_file(ledger: Path) -> None:
    with started("run", cwd=ledger) as process:
        event(process, "started")
        config = ledger / "config" / "organism.yaml"
        config.write_text(config.read_text() + "retry: {attempts: 2}\n")
        process.send_signal(signal.SIGHUP)
        event(process, "reloaded")
