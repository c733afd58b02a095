"""The pump's life: drain, shut down, be cancelled, be full. Nothing hangs and nothing is lost in silence."""

from __future__ import annotations

import asyncio

import pytest

from agentserver import (
    HandlerMetadata,
    HandlerResponse,
    MessageState,
    PumpError,
    RequestFailed,
    StreamPump,
    running,
)
from agentserver.config import Limits, OrganismConfig
from agentserver.errors import PumpClosed, RequestTimedOut
from agentserver.message_bus.outlets import Subscription
from agentserver.queues import MemoryQueue, Settlement
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, ping, pump_of


async def never(payload: Ping, metadata: HandlerMetadata) -> None:
    await asyncio.Event().wait()


class Stuck:
    """A handler that never returns, and says when it was called."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> None:
        self.called.set()
        await asyncio.Event().wait()


async def test_shutdown_finishes_what_waits() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder))
    task = asyncio.create_task(pump.run())
    for n in range(200):
        await pump.inject(ping(str(n)), THREAD, "user")
    assert (await pump.shutdown(), len(recorder.calls), pump.books.balanced) == (True, 200, True)
    await task


async def test_shutdown_finishes_what_handlers_emit_meanwhile() -> None:
    recorder = Recorder()
    pump = pump_of(
        listener("echo", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))), listener("b", Pong, recorder)
    )
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
    assert len(recorder.calls) == 1


async def test_shutdown_without_a_run_makes_dead_letters_of_what_waits() -> None:
    pump = pump_of(listener("echo", Ping, never))
    for n in range(100):
        await pump.inject(ping(str(n)), THREAD, "user")
    assert (await pump.shutdown(), pump.books.dead, pump.books.balanced) == (False, 100, True)


async def test_shutdown_gives_up_at_its_deadline_and_says_what_was_not_handled() -> None:
    pump = pump_of(listener("echo", Ping, never), max_concurrent_handlers=2, max_concurrent_pipelines=3)
    async with running(pump, drain_timeout_s=0.01):
        for n in range(10):
            await pump.inject(ping(str(n)), THREAD, "user")
    assert (pump.books.dead, {letter.code for letter in pump.dead_letters}) == (10, {"shutdown"})
    assert pump.books.balanced


async def test_shutdown_twice_is_harmless() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    async with running(pump):
        assert await pump.shutdown()
        assert await pump.shutdown()


async def test_shutdown_from_within_a_handler_does_not_hang() -> None:
    async def stop(payload: Ping, metadata: HandlerMetadata) -> None:
        await pump.shutdown(0.05)

    pump = pump_of(listener("echo", Ping, stop))
    async with asyncio.timeout(10), running(pump):
        await pump.inject(ping(), THREAD, "user")
    assert pump.books.balanced


async def test_a_pump_that_was_shut_down_does_not_run_again() -> None:
    pump = pump_of()
    await pump.shutdown()
    with pytest.raises(PumpClosed):
        await pump.run()


async def test_a_pump_does_not_run_twice_at_once() -> None:
    async with running(pump_of()) as pump:
        with pytest.raises(RuntimeError, match="running already"):
            await pump.run()


async def test_a_run_that_is_cancelled_puts_back_what_was_in_flight() -> None:
    started = asyncio.Event()
    recorder = Recorder()

    async def wait_once(payload: Ping, metadata: HandlerMetadata) -> None:
        started.set()
        await asyncio.Event().wait()

    pump = pump_of(listener("echo", Ping, wait_once))
    task = asyncio.create_task(pump.run())
    await pump.inject(ping("again"), THREAD, "user")
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    waiting = pump.books.waiting
    pump.listeners["echo"].handler = recorder
    async with running(pump):
        await pump.drained()
    assert (waiting, recorder.payloads, pump.books.balanced) == (1, [Ping("again")], True)


async def test_inject_waits_while_the_queue_is_full() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), limits=Limits(queue_messages=2))
    for n in range(2):
        await pump.inject(ping(str(n)), THREAD, "user")
    third = asyncio.create_task(pump.inject(ping("2"), THREAD, "user"))
    await asyncio.sleep(0)
    waited = not third.done()
    async with running(pump):
        await third
        await pump.drained()
    assert (waited, pump.books.settled) == (True, 3)


async def test_an_inject_that_waits_ends_when_the_pump_shuts_down() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), limits=Limits(queue_messages=1))
    await pump.inject(ping(), THREAD, "user")
    waiting = asyncio.create_task(pump.inject(ping(), THREAD, "user"))
    await asyncio.sleep(0)
    await pump.shutdown()
    with pytest.raises(PumpClosed):
        await waiting


async def test_what_handlers_emit_is_not_held_back_by_a_full_queue() -> None:
    recorder = Recorder()
    many = [HandlerResponse(Pong(str(n)), to="b") for n in range(50)]
    pump = pump_of(
        listener("echo", Ping, Recorder(many)), listener("b", Pong, recorder), limits=Limits(queue_messages=1)
    )
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
    assert len(recorder.calls) == 50


async def test_the_books_balance_at_every_outcome() -> None:
    pump = pump_of(
        listener(
            "echo", Ping, Recorder(lambda p: HandlerResponse(Pong(p.text), to="b" if p.text != "3" else "x"))
        ),
        listener("b", Pong, Recorder(lambda p: HandlerResponse.respond(Ping("done")))),
    )
    balanced: list[bool] = []
    pump.add_outlet(lambda _: balanced.append(pump.books.balanced))
    async with running(pump):
        for n in range(20):
            await pump.inject(ping(str(n)), THREAD, "user")
        await pump.drained()
    assert (all(balanced), len(balanced)) == (True, 20)


async def test_an_outlet_that_raises_harms_nobody() -> None:
    seen: list[object] = []

    def broken(state: object) -> None:
        raise ValueError("no")

    pump = pump_of(listener("echo", Ping, Recorder(HandlerResponse.respond(Pong("x")))))
    pump.add_outlet(broken)
    pump.add_outlet(seen.append)
    async with running(pump):
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
    assert len(seen) == 1


async def test_drained_raises_what_ended_the_pump() -> None:
    class BrokenQueue(MemoryQueue):
        async def settle(self, outcome: Settlement) -> None:
            if outcome.acks:
                raise OSError("disk full")
            await super().settle(outcome)

    pump = StreamPump(OrganismConfig("broken"), queue=BrokenQueue())
    pump.register_listener(listener("echo", Ping, Recorder()))

    async def body() -> None:
        async with running(pump):
            await pump.inject(ping(), THREAD, "user")
            await pump.drained()

    with pytest.raises(OSError, match="disk full"):
        await body()
    assert pump.books.balanced


async def test_a_handler_that_ignores_its_deadline_is_left_behind_and_the_pump_stops() -> None:
    release = asyncio.Event()

    async def stubborn(payload: Ping, metadata: HandlerMetadata) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    pump = pump_of(listener("echo", Ping, stubborn), limits=Limits(handler_timeout_s=0.02))
    async with asyncio.timeout(10), running(pump):
        await pump.inject(ping(), THREAD, "user")
        await pump.drained()
    release.set()
    assert [letter.code for letter in pump.dead_letters] == ["handler-timeout"]


async def test_a_deadline_holds_also_in_a_second_run() -> None:
    stuck = Stuck()
    pump = pump_of(listener("echo", Ping, stuck), limits=Limits(handler_timeout_s=0.05))
    await pump.inject(ping(), THREAD, "user")
    first = asyncio.create_task(pump.run())
    await stuck.called.wait()
    first.cancel()
    await asyncio.wait([first])
    async with running(pump), asyncio.timeout(10):
        await pump.drained()
    assert [letter.code for letter in pump.dead_letters] == ["handler-timeout"]


async def test_a_request_ends_when_the_pump_is_shut_down() -> None:
    stuck = Stuck()
    pump = pump_of(listener("echo", Ping, stuck))
    async with running(pump, drain_timeout_s=0.01):
        asking = asyncio.create_task(pump.request(Ping("x"), to="echo", timeout_s=60))
        await stuck.called.wait()
    with pytest.raises((PumpClosed, RequestFailed)):
        await asking


async def test_a_request_ends_when_the_pump_ends_by_a_fault() -> None:
    class BrokenQueue(MemoryQueue):
        async def settle(self, outcome: Settlement) -> None:
            raise OSError("disk full")

    pump = StreamPump(OrganismConfig("broken"), queue=BrokenQueue())
    pump.register_listener(listener("echo", Ping, Recorder()))
    task = asyncio.create_task(pump.run())
    with pytest.raises(PumpError, match="disk full"):
        await pump.request(Ping("x"), to="echo", timeout_s=60)
    await asyncio.wait([task])
    assert isinstance(task.exception(), OSError)


async def test_a_request_on_a_full_queue_times_out() -> None:
    pump = pump_of(listener("echo", Ping, never), limits=Limits(queue_messages=1))
    await pump.inject(ping(), THREAD, "user")
    with pytest.raises(RequestTimedOut):
        await pump.request(Ping("x"), to="echo", timeout_s=0.01)
    await pump.shutdown()


async def test_a_subscription_ends_with_the_pump_behind_the_last_message() -> None:
    pump = pump_of(listener("echo", Ping, never))
    async with pump.subscribe(THREAD) as messages:
        async with running(pump, drain_timeout_s=0.01):
            await pump.inject(ping(), THREAD, "user")
        codes = [state.failure.code if state.failure else "" async for state in messages]
    assert codes == ["shutdown"]


async def test_a_subscription_that_overflowed_stays_over() -> None:
    subscription = Subscription(buffer=1)
    for _ in range(3):
        subscription.put(MessageState())
    await anext(subscription)
    subscription.put(MessageState())
    with pytest.raises(PumpError, match="behind"):
        await anext(subscription)


async def test_a_pump_that_ended_by_a_fault_takes_nothing_more() -> None:
    class BrokenQueue(MemoryQueue):
        async def settle(self, outcome: Settlement) -> None:
            raise OSError("disk full")

    pump = StreamPump(OrganismConfig("broken"), queue=BrokenQueue())
    pump.register_listener(listener("echo", Ping, Recorder()))
    task = asyncio.create_task(pump.run())
    await pump.inject(ping(), THREAD, "user")
    await asyncio.wait([task])
    with pytest.raises(PumpError, match="disk full"):
        await pump.inject(ping(), THREAD, "user")
    with pytest.raises(OSError, match="disk full"):
        await pump.drained()


async def test_a_pump_that_somebody_cancels_says_so() -> None:
    async def cancel_all(payload: Ping, metadata: HandlerMetadata) -> None:
        for task in asyncio.all_tasks():
            if task.get_name() == "agentserver-pump":
                task.cancel()

    async def body() -> None:
        async with running(pump_of(listener("echo", Ping, cancel_all))) as pump:
            await pump.request(Ping("x"), to="echo", timeout_s=60)

    with pytest.raises(PumpError, match="was cancelled"):
        await body()


async def test_a_block_that_is_cancelled_twice_leaves_no_pump_behind() -> None:
    stuck = Stuck()

    async def body() -> None:
        async with running(pump_of(listener("echo", Ping, stuck))) as pump:
            await pump.inject(ping(), THREAD, "user")
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await stuck.called.wait()
    task.cancel()
    await asyncio.sleep(0)  # the block now drains, for up to 45 s
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=20)
    assert [other.get_name() for other in asyncio.all_tasks() if other.get_name() == "agentserver-pump"] == []


async def test_the_part_of_an_input_that_claims_a_listeners_name_is_refused_also_after_a_crash() -> None:
    class Crashing(MemoryQueue):
        crash = True

        async def settle(self, outcome: Settlement) -> None:
            if self.crash:
                raise OSError("crash")
            await super().settle(outcome)

    queue, recorder = Crashing(), Recorder()
    pump = StreamPump(OrganismConfig("crashing"), queue=queue)
    pump.register_listener(listener("echo", Ping, recorder))
    await pump.inject(ping("a", sender="echo") + ping("b", sender="echo"))
    task = asyncio.create_task(pump.run())
    await asyncio.wait([task])
    assert isinstance(task.exception(), OSError)
    queue.crash = False
    async with running(pump):
        await pump.drained()
    assert (recorder.calls, [letter.code for letter in pump.dead_letters]) == ([], ["false-sender"] * 2)


async def test_many_injects_that_wait_come_through_in_their_order() -> None:
    recorder = Recorder()
    pump = pump_of(listener("echo", Ping, recorder), limits=Limits(queue_messages=3))
    async with running(pump):
        await asyncio.gather(*(pump.inject(ping(str(n)), THREAD, "user") for n in range(300)))
        await pump.drained()
    assert [payload.text for payload in recorder.payloads] == [str(n) for n in range(300)]


async def test_an_inject_that_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()), limits=Limits(queue_messages=1))
    await pump.inject(ping(), THREAD, "user")
    waiting = [asyncio.create_task(pump.inject(ping(), THREAD, "user")) for _ in range(4)]
    await asyncio.sleep(0)
    async with running(pump), asyncio.timeout(10):
        waiting[0].cancel()
        waiting[2].cancel()
        await asyncio.wait(waiting)
        await pump.drained()
    assert pump.books.settled == 3


async def test_a_pump_whose_queue_is_closed_by_somebody_else_says_so() -> None:
    pump = pump_of(listener("echo", Ping, Recorder()))
    task = asyncio.create_task(pump.run())
    await asyncio.sleep(0)
    pump.queue.close()
    await asyncio.wait([task])
    with pytest.raises(PumpError, match="the queue was closed"):
        await pump.drained()
