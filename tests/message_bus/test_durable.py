"""A pump whose queue is a file: what it does at its end, and what it knows at its next start."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, bootstrap, running
from agentserver.config import (
    HandlesConfig,
    IdempotencyConfig,
    ListenerConfig,
    OrganismConfig,
    RateConfig,
    RetryConfig,
)
from agentserver.errors import Duplicate, ForeignThread, PumpClosed
from agentserver.message_bus.bootstrap import assembled
from agentserver.message_bus.queue_opening import open_queue, queue_file
from agentserver.queues import MemoryQueue
from agentserver.queues.sqlite import SqliteQueue
from tests.organisms import THREAD, Ping, Pong, Recorder, envelope, listener, ping, texts

ORGANISM = """
organism: {name: shop}
%s
listeners:
  - {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
"""


def pump_on(file: Path, *listeners: ListenerConfig, **options: Any) -> StreamPump:
    config = OrganismConfig("test", listeners=list(listeners), queue=f"sqlite:///{file}", **options)
    pump = StreamPump(config)
    pump.register_all()
    return pump


def asked(file: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "q.db"


def answer(payload: Ping) -> HandlerResponse:
    return HandlerResponse.respond(Pong(payload.text))


class Held:
    """A handler that answers when it may."""

    def __init__(self) -> None:
        self.go, self.began = asyncio.Event(), asyncio.Semaphore(0)
        self.texts: list[str] = []

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> Any:
        self.texts.append(payload.text)
        self.began.release()
        await self.go.wait()
        return answer(payload)


async def test_messages_go_through_a_file_as_through_memory(file: Path) -> None:
    async with running(pump_on(file, listener("echo", Ping, Recorder(answer)))) as pump:
        assert await pump.request(Ping("hello"), to="echo") == Pong("hello")
    assert asked(file, "SELECT count(*) FROM endings") == [(2,)]


async def test_at_its_end_it_finishes_what_was_begun_answers_included_and_keeps_the_rest(file: Path) -> None:
    handler, left = Held(), list[str]()
    pump = pump_on(file, listener("echo", Ping, handler, max_concurrent=2))
    pump.add_outlet(lambda state: left.extend(texts([state])))
    async with running(pump):
        for n in range(20):
            await pump.inject(ping(str(n)), None, "user")
        for _ in range(2):
            await handler.began.acquire()
        ending = asyncio.create_task(pump.shutdown(30))
        await asyncio.sleep(0.1)
        assert not ending.done()
        handler.go.set()
        assert await ending
    assert (sorted(left), handler.texts) == (["0", "1"], ["0", "1"])
    assert (pump.books.settled, pump.books.waiting, pump.books.in_flight) == (4, 18, 0)
    again = Recorder(answer)
    async with running(pump_on(file, listener("echo", Ping, again))) as second:
        await second.drained()
    assert [payload.text for payload in again.payloads] == [str(n) for n in range(2, 20)]


async def test_what_waits_for_a_rate_holds_up_no_end(file: Path) -> None:
    handled = asyncio.Semaphore(0)
    handler = Recorder(lambda payload: handled.release())
    pump = pump_on(file, listener("echo", Ping, handler, rate=RateConfig(0.001, burst=1)))
    async with asyncio.timeout(20), running(pump):
        for n in range(300):
            await pump.inject(ping(str(n)), None, "user")
        await handled.acquire()
        assert await pump.shutdown(15)
    assert (pump.books.waiting, pump.books.in_flight, len(handler.calls)) == (299, 0, 1)


async def test_what_waits_for_a_paused_listener_holds_up_no_end(file: Path) -> None:
    pump = pump_on(file, listener("echo", Ping, Recorder(answer)), listener("other", Ping, Recorder(answer)))
    pump.pause("echo")
    async with asyncio.timeout(20), running(pump):
        for _ in range(5):
            await pump.inject(ping(), None, "user")
        assert await pump.request(Ping("x"), to="other") == Pong("x")
        assert await pump.shutdown(15)
    assert (pump.books.waiting, pump.books.in_flight) == (5, 0)


async def test_answers_that_wait_for_others_are_given_together_at_the_next_start(file: Path) -> None:
    slow, asked_it = (
        Held(),
        Recorder(lambda _: [HandlerResponse(Ping("q"), to="quick"), HandlerResponse(Ping("s"), to="slow")]),
    )
    told: list[tuple[Any, ...]] = []

    async def hear(payload: Pong, metadata: HandlerMetadata) -> None:
        told.append(metadata.answers)

    def pump() -> StreamPump:
        asker = listener(
            "asker", Ping, asked_it, join=True, handles=[HandlesConfig(payload_class=Pong, handler=hear)]
        )
        return pump_on(file, asker, listener("quick", Ping, Recorder(answer)), listener("slow", Ping, slow))

    first = pump()
    async with asyncio.timeout(20), running(first):
        await first.inject(ping(to="asker"), None, "user")
        await slow.began.acquire()
        while len(asked(file, "SELECT 1 FROM endings")) < 2:  # noqa: ASYNC110  # nothing tells that an answer is held
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(first.shutdown(15))
        await asyncio.sleep(0)
        slow.go.set()
        assert await ending
    assert (told, first.books.waiting) == ([], 2)
    async with running(second := pump()):
        await second.drained()
    assert told == [(Pong("q"), Pong("s"))]


async def test_what_does_not_end_in_time_waits_for_the_next_start(file: Path) -> None:
    handler = Held()
    pump = pump_on(file, listener("echo", Ping, handler))
    task = asyncio.create_task(pump.run())
    await pump.inject(ping(), None, "user")
    await handler.began.acquire()
    assert not await pump.shutdown(0.05)
    await asyncio.wait([task])
    async with running(pump_on(file, listener("echo", Ping, again := Recorder(answer)))) as second:
        await second.drained()
    assert [metadata.attempt for _, metadata in again.calls] == [0]
    assert asked(file, "SELECT outcome FROM endings") == [("done",), ("done",)]


async def test_a_request_that_is_open_at_the_end_fails(file: Path) -> None:
    handler = Held()
    pump = pump_on(file, listener("echo", Ping, handler))
    task = asyncio.create_task(pump.run())
    request = asyncio.create_task(pump.request(Ping("x"), to="echo"))
    await handler.began.acquire()
    await pump.shutdown(0)
    with pytest.raises(PumpClosed):
        await request
    await asyncio.wait([task])


async def test_a_duplicate_is_known_after_a_restart(file: Path) -> None:
    handler = Recorder(answer)
    for life in range(2):
        pump = pump_on(file, listener("echo", Ping, handler))
        async with running(pump):
            if life:
                with pytest.raises(Duplicate) as caught:
                    await pump.request(Ping("hello"), to="echo", key="k")
                assert caught.value.first_id == handler.calls[0][1].message_id
            else:
                assert await pump.request(Ping("hello"), to="echo", key="k") == Pong("hello")
        assert pump.duplicates == life
    assert len(handler.calls) == 1
    assert asked(file, "SELECT outcome FROM endings WHERE code = 'duplicate'") == [("duplicate",)]


async def test_a_duplicate_that_waited_while_the_process_ended_is_known(file: Path) -> None:
    handler = Held()
    pump = pump_on(file, listener("echo", Ping, handler))
    task = asyncio.create_task(pump.run())
    for _ in range(3):
        await pump.inject(ping(), THREAD, "user", key="k")
    await handler.began.acquire()
    assert not await pump.shutdown(0)
    await asyncio.wait([task])
    again = Recorder(answer)
    async with running(pump_on(file, listener("echo", Ping, again))) as second:
        await second.drained()
    assert (len(again.calls), second.duplicates, second.books.open) == (1, 2, 0)


async def test_content_is_known_after_a_restart(file: Path) -> None:
    handler = Recorder()
    for _ in range(2):
        pump = pump_on(file, listener("echo", Ping, handler), idempotency=IdempotencyConfig("content"))
        async with running(pump):
            await pump.inject(ping(), THREAD, "user")
            await pump.drained()
    assert len(handler.calls) == 1


async def test_the_history_tells_of_each_message_what_the_pump_found_out(file: Path) -> None:
    clock = iter(range(1_000, 100_000)).__next__
    config = OrganismConfig("test", listeners=[listener("echo", Ping, Recorder(answer))])
    pump = StreamPump(config, queue=SqliteQueue(file), clock=clock)
    pump.register_all()
    bad = envelope('<Pang xmlns=""/>', thread=THREAD)
    async with running(pump):
        await pump.inject(ping() + bad)
        await pump.drained()
    rows = asked(
        file,
        "SELECT m.id, e.outcome, e.code, e.sender, e.thread_id, e.to_id, e.listener, e.tag, e.canonical IS NULL "
        "FROM endings e JOIN messages m USING (seq) ORDER BY m.seq",
    )
    whole = rows[0][0]
    assert rows[0][:3] == (whole, "split", "")
    assert sorted(rows[1:]) == [
        (f"{whole}:0", "done", "", "user", THREAD, "echo", "echo.ping", "Ping", 1),
        (f"{whole}:0.0", "done", "", "echo", THREAD, "user", None, "Pong", 1),
        (f"{whole}:1", "dead", "no-listener", "user", THREAD, "echo", None, "Pang", 1),
    ]
    assert asked(file, "SELECT count(*) FROM endings WHERE began_at < 1000 OR ended_at < began_at") == [(0,)]
    ((letter,),) = asked(file, "SELECT json_array(stage, code, sender, thread_id, to_id) FROM dead_letters")
    assert letter == f'["routing_resolution","no-listener","user","{THREAD}","echo"]'


async def test_the_canonical_form_is_kept_where_it_was_sent_otherwise(file: Path) -> None:
    async with running(pump_on(file, listener("echo", Ping, Recorder()))) as pump:
        await pump.inject(ping().replace(b"<Ping ", b"<Ping\n "), THREAD, "user")
        await pump.drained()
    ((data, canonical),) = asked(file, "SELECT data, canonical FROM endings JOIN messages USING (seq)")
    assert (data, canonical) == (ping().replace(b"<Ping ", b"<Ping\n "), ping())


async def test_what_is_tried_again_waits_with_its_attempt_and_its_time(file: Path) -> None:
    called = asyncio.Semaphore(0)

    async def down(payload: Ping, metadata: HandlerMetadata) -> None:
        called.release()
        raise OSError("down")

    retry = RetryConfig(attempts=9, base_s=1_000.0, max_s=1_000.0, jitter=0.0)
    pump = pump_on(file, listener("echo", Ping, down, retry=retry))
    async with running(pump):
        await pump.inject(ping(), None, "user")
        await called.acquire()
        assert await pump.shutdown()
    ((attempt, due_in_s),) = asked(file, "SELECT attempt, deliver_at - unixepoch('now') FROM waiting")
    assert (attempt, pump.books.waiting) == (1, 1)
    assert 900 < due_in_s <= 1_001


async def test_a_pump_that_was_cancelled_goes_on_where_it_was(file: Path) -> None:
    handler = Held()
    pump = pump_on(file, listener("echo", Ping, handler))
    task = asyncio.create_task(pump.run())
    await pump.inject(ping("a"), None, "user")
    await handler.began.acquire()
    task.cancel()
    await asyncio.wait([task])
    handler.go.set()
    async with running(pump):
        await pump.drained()
    assert (handler.texts, pump.books.settled, pump.books.balanced) == (["a", "a"], 2, True)


async def test_what_a_generator_sent_before_the_process_ended_enters_once(file: Path) -> None:
    held, sent, left = asyncio.Event(), asyncio.Semaphore(0), list[str]()

    async def counts(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        yield HandlerResponse.respond(Pong("1"))
        sent.release()
        await held.wait()
        yield HandlerResponse.respond(Pong("2"))

    for life in range(2):
        pump = pump_on(file, listener("echo", Ping, counts))
        pump.add_outlet(lambda state: left.extend(texts([state])))
        task = asyncio.create_task(pump.run())
        if not life:
            await pump.inject(ping(), None, "user")
        await sent.acquire()
        if life:
            held.set()
            await pump.drained()
        await pump.shutdown(0)
        await asyncio.wait([task])
    assert left == ["1", "2"]
    assert (pump.books.emitted, pump.books.settled, pump.books.balanced) == (2, 3, True)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("", MemoryQueue, None),
        ("queue: memory://", MemoryQueue, None),
        ("queue: sqlite:///var/q.db", SqliteQueue, "var/q.db"),
    ],
)
async def test_bootstrap_opens_the_queue_that_the_file_names(
    tmp_path: Path, text: str, kind: type[Any], name: str | None
) -> None:
    config = tmp_path / "config" / "organism.yaml"
    config.parent.mkdir()
    config.write_text(ORGANISM % text)
    pump = await bootstrap(config)
    try:
        assert type(pump.queue) is kind
        assert queue_file(pump.config) == (tmp_path / name if name else None)
        assert name is None or (tmp_path / name).exists()
    finally:
        await pump.shutdown()


def test_an_organism_that_is_only_looked_at_makes_no_file(tmp_path: Path) -> None:
    config = tmp_path / "config" / "organism.yaml"
    config.parent.mkdir()
    config.write_text(ORGANISM % "queue: sqlite:///var/q.db")
    assert assembled(config).listeners
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


async def test_threads_are_the_same_at_the_next_start(tmp_path: Path) -> None:
    config = tmp_path / "config" / "organism.yaml"
    config.parent.mkdir()
    config.write_text(ORGANISM % "queue: sqlite:///var/q.db")
    threads: set[str | None] = set()
    for _ in range(2):
        pump = await bootstrap(config)
        threads.add(await pump.inject(b"<Greeting/>", "not a uuid", "user"))
        await pump.shutdown()
    assert len(threads) == 1
    assert (tmp_path / "var" / "q.db-key").stat().st_mode & 0o777 == 0o600


async def test_the_bounds_of_the_queue_are_the_config_s(file: Path) -> None:
    load: Callable[..., OrganismConfig] = OrganismConfig
    config = load("test", listeners=[], queue=f"sqlite:///{file}")
    queue = open_queue(config)
    assert (type(queue), queue.outlives_process, queue.keeps_history) == (SqliteQueue, True, True)
    await queue.aclose()


async def test_the_opener_of_a_conversation_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "q.db"
    first = pump_on(file, listener("echo", Ping, Recorder()))
    async with running(first):
        await first.inject(ping(), THREAD, "alice")
        await first.drained()

    second = pump_on(file, listener("echo", Ping, Recorder()))
    async with running(second):
        with pytest.raises(ForeignThread):
            await second.inject(ping(), THREAD.upper(), "bob")
        await second.inject(ping(), THREAD, "alice")
        await second.drained()
    assert second.books.dead == 0


async def test_the_opener_of_a_conversation_that_still_waits_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "q.db"
    first = pump_on(file, listener("echo", Ping, Recorder()))
    await first.inject(ping(), THREAD, "alice")
    await first.shutdown()

    second = pump_on(file, listener("echo", Ping, Recorder()))
    with pytest.raises(ForeignThread):
        await second.inject(ping(), THREAD, "bob")
    await second.shutdown()
