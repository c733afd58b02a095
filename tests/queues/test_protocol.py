"""What every queue promises, done in any order beside a model that says what it should hold: in memory and in a file.

The model knows no order but that of one conversation, and says what may be taken, not what is: so it holds for every
schedule. `test_schedule.py` says which of those that are ready come first.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentserver.errors import PumpClosed, QueueFull
from agentserver.queues import (
    Books,
    DeadLetter,
    Delivery,
    MemoryQueue,
    MessageQueue,
    QueuedMessage,
    Settlement,
)
from agentserver.queues.sqlite import SqliteQueue
from agentserver.testing.virtual_time import VirtualTimeLoop

T = TypeVar("T")
DAY = 1_800_000_000.0
LANES = ("slow", "paused")
MOST = 60


@dataclass
class Model:
    """What the queue should hold, as ids; and what became of all others."""

    ready: list[str] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)
    held: dict[str, list[str]] = field(default_factory=lambda: {lane: [] for lane in LANES})
    taken: dict[str, Delivery] = field(default_factory=dict)
    messages: dict[str, QueuedMessage] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    books: Books = field(default_factory=Books)
    ended: list[Delivery] = field(default_factory=list)

    @property
    def waiting(self) -> set[str]:
        return {*self.ready, *self.due, *self.held["slow"], *self.held["paused"]}

    def rise(self, now: float) -> None:
        """Let be ready what is due."""
        for id_ in [id_ for id_, due in self.due.items() if due <= now + 1e-3]:
            del self.due[id_]
            self.ready.append(id_)

    def wait(self, message: QueuedMessage, now: float) -> None:
        self.messages[message.id] = message
        if message.deliver_at > now:
            self.due[message.id] = message.deliver_at
        else:
            self.ready.append(message.id)


class QueueMachine(RuleBasedStateMachine):
    """Do anything in any order. Subclasses say with which queue."""

    leaves_in_file = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.begun = self.loop.time()
        self.jumped = 0.0
        self.folder = Path(tempfile.mkdtemp())
        self.model = Model()
        self.made = 0
        self.queue = self.run(self.opened())

    async def opened(self) -> MessageQueue:
        raise NotImplementedError

    def clock(self) -> float:
        return DAY + self.loop.time() + self.jumped

    def run(self, awaitable: Awaitable[T]) -> T:
        async def within() -> T:
            with self.loop.working():
                async with asyncio.timeout(30):
                    return await awaitable

        return self.loop.run_until_complete(within())

    def new(self, data: st.DataObject, *, emitted: QueuedMessage | None = None) -> QueuedMessage:
        self.made += 1
        thread = emitted.thread_id if emitted is not None else data.draw(st.sampled_from(["a", "b", None]))
        message = QueuedMessage(f"m{self.made}", b"<m/>" * data.draw(st.integers(1, 3)), "test", thread)
        message.priority = data.draw(st.sampled_from([5, 5, 0, 9]))
        delay_s = data.draw(st.sampled_from([0, 0, 0, -5, 3, 40]))
        message.deliver_at = self.clock() + delay_s if delay_s else 0.0
        message.queued_at, message.bound_for = self.clock(), data.draw(st.sampled_from([None, "one", "two"]))
        if emitted is not None:
            message.hop, message.parent_id = emitted.hop + 1, emitted.id
        return message

    @rule(data=st.data(), count=st.integers(1, 5), wait=st.booleans())
    def put(self, data: st.DataObject, count: int, wait: bool) -> None:
        messages = [self.new(data) for _ in range(count)]
        model = self.model
        if len(model.waiting) + count > MOST:
            with pytest.raises(QueueFull):
                self.run(self.queue.put(messages, wait=False))
            return
        self.run(self.queue.put(messages, wait=wait))
        for message in messages:
            model.wait(message, self.clock())
        model.books.injected += count

    @rule(limit=st.integers(1, 5))
    def take(self, limit: int) -> None:
        self.model.rise(self.clock())
        if not self.model.ready:
            soonest = min(self.model.due.values(), default=None)
            due_s = self.call(self.queue.due_in)
            if soonest is None:
                assert due_s is None
            elif not self.leaves_in_file or due_s:  # of what is in the file alone nobody knows when it is due
                assert due_s == pytest.approx(soonest - self.clock(), abs=0.5)
            return
        deliveries = self.run(self.queue.take(limit))
        self.model.rise(self.clock())  # a file takes its time
        assert 1 <= len(deliveries) <= min(limit, len(self.model.ready))
        for delivery in deliveries:
            id_ = delivery.message.id
            assert differences(delivery.message, self.model.messages[id_]) == {}
            self.model.ready.remove(id_)
            self.model.taken[id_] = delivery

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        model, outcome = self.model, Settlement()
        for id_, delivery in list(model.taken.items()):
            fate = data.draw(st.sampled_from(["ack", "ack", "dead", "retry", "held", "leave", "leave"]))
            if fate == "leave":
                continue
            del model.taken[id_]
            model.ended.append(delivery)
            message = delivery.message
            if fate == "ack":
                outcome.acks.append(delivery)
                model.books.settled += 1
                for _ in range(data.draw(st.integers(0, 2))):
                    child = self.new(data, emitted=message)
                    outcome.puts.append(child)
                    model.wait(child, self.clock())
                    model.books.emitted += 1
                if data.draw(st.booleans()):
                    key = data.draw(st.sampled_from("xyz"))
                    outcome.keys.append((key, id_))
                    model.keys.setdefault(key, id_)
            elif fate == "dead":
                outcome.dead.append((delivery, _letter(message)))
                model.books.dead += 1
            elif fate == "retry":
                again = copy(message)
                again.attempt, again.deliver_at = (
                    message.attempt + 1,
                    self.clock() + data.draw(st.integers(0, 9)),
                )
                outcome.retries.append((delivery, again))
                model.wait(again, self.clock())
            else:
                lane = data.draw(st.sampled_from(LANES))
                outcome.held.append((delivery, lane))
                model.held[lane].append(id_)
        self.run(self.queue.settle(outcome))

    @precondition(lambda self: self.model.ended)
    @rule(data=st.data())
    def settle_late(self, data: st.DataObject) -> None:
        """What was settled before is left alone, whatever is said of it now."""
        late = data.draw(st.sampled_from(self.model.ended[-5:]))
        outcome = data.draw(
            st.sampled_from(
                [
                    Settlement(acks=[late]),
                    Settlement(dead=[(late, _letter(late.message))]),
                    Settlement(retries=[(late, late.message)]),
                    Settlement(held=[(late, "slow")]),
                ]
            )
        )
        self.run(self.queue.settle(outcome))

    @precondition(lambda self: self.model.taken)
    @rule(data=st.data(), count=st.integers(1, 3))
    def split(self, data: st.DataObject, count: int) -> None:
        model = self.model
        id_ = data.draw(st.sampled_from(sorted(model.taken)))
        delivery = model.taken.pop(id_)
        model.ended.append(delivery)
        parts = []
        for number in range(count):
            part = copy(delivery.message)
            part.id, part.parent_id, part.deliver_at = f"{id_}:{number}", id_, 0.0
            parts.append(part)
        deliveries = self.run(self.queue.split(delivery, parts))
        assert [part.message.id for part in deliveries] == [part.id for part in parts]
        for each in deliveries:
            model.messages[each.message.id] = each.message
            model.taken[each.message.id] = each
        model.books.settled += 1
        model.books.emitted += count

    @rule(lane=st.sampled_from(LANES), limit=st.integers(0, 4))
    def release(self, lane: str, limit: int) -> None:
        held = self.model.held[lane]
        left = self.call(lambda: self.queue.release(lane, limit))
        assert left == max(0, len(held) - limit)
        self.model.ready += held[:limit] if left else held
        self.model.held[lane] = held[len(held) - left :] if left else []

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        waiting = sorted(self.model.waiting)
        meant = data.draw(st.sets(st.sampled_from(waiting), max_size=3)) if waiting else set[str]()
        asked: list[str] = []

        def applies(message: QueuedMessage) -> bool:
            asked.append(message.id)
            return message.id in meant

        deliveries = self.call(lambda: self.queue.withdraw(applies))
        assert sorted(delivery.message.id for delivery in deliveries) == sorted(meant)
        assert sorted(asked) == waiting
        model = self.model
        for delivery in deliveries:
            id_ = delivery.message.id
            model.taken[id_] = delivery
            model.due.pop(id_, None)
            for place in (model.ready, *model.held.values()):
                if id_ in place:
                    place.remove(id_)

    @rule()
    def recover(self) -> None:
        model = self.model
        assert self.call(self.queue.recover) == len(model.taken)
        model.ended += model.taken.values()
        model.ready += [*model.taken, *model.held["slow"], *model.held["paused"]]
        model.taken.clear()
        for lane in LANES:
            model.held[lane] = []

    @rule(seconds=st.sampled_from([0.5, 3, 10, 60]))
    def let_time_pass(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule()
    def ask_for_keys(self) -> None:
        assert self.run(self.queue.known(["x", "y", "z", "never"])) == self.model.keys

    @invariant()
    def the_books_are_right(self) -> None:
        books, model = self.queue.books, self.model
        model.books.waiting, model.books.in_flight = len(model.waiting), len(model.taken)
        assert books == model.books
        assert books.balanced

    @invariant()
    def what_is_in_flight_is_known(self) -> None:
        assert sorted(delivery.message.id for delivery in self.queue.in_flight()) == sorted(self.model.taken)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function that is no coroutine within the event loop."""

        async def within() -> T:
            return function()

        return self.run(within())

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.run(self.queue.aclose())
            self.loop.close()
            shutil.rmtree(self.folder)

    def finish(self) -> None:
        """Nothing is lost: all that is left can be taken."""
        self.recover()
        self.loop.run_until_complete(asyncio.sleep(100))
        left = sorted(self.model.waiting)
        taken: list[str] = []
        while len(taken) < len(left):
            taken += [delivery.message.id for delivery in self.run(self.queue.take(9))]
        assert sorted(taken) == left


class MemoryMachine(QueueMachine):
    async def opened(self) -> MessageQueue:
        return MemoryQueue(MOST, clock=self.clock)

    @rule()
    def close(self) -> None:
        """Nothing is given or admitted once it is closed; what is there is given up by `abandon`."""
        other = self.run(self.opened())
        self.run(other.put([QueuedMessage("x", b"<m/>"), QueuedMessage("y", b"<m/>", deliver_at=DAY * 2)]))
        other.close()
        with pytest.raises(PumpClosed):
            self.run(other.put([QueuedMessage("z", b"<m/>")]))
        assert self.run(other.take(5)) == []
        assert sorted(delivery.message.id for delivery in other.abandon()) == ["x", "y"]


class DepthFirstMachine(MemoryMachine):
    async def opened(self) -> MessageQueue:
        return MemoryQueue(MOST, clock=self.clock, depth_first=True)


class SqliteMachine(QueueMachine):
    leaves_in_file = True

    async def opened(self) -> MessageQueue:
        return SqliteQueue(self.folder / "queue.db", max_waiting=MOST, clock=self.clock)

    @rule()
    def reopen(self) -> None:
        """What waits is there for the next process, as is what the last one had taken."""
        model = self.model
        self.run(self.queue.aclose())
        model.ready += [*model.taken, *model.held["slow"], *model.held["paused"]]
        model.taken.clear()
        model.ended.clear()
        for lane in LANES:
            model.held[lane] = []
        self.queue = self.run(self.opened())

    @precondition(lambda self: self.model.messages)
    @rule(data=st.data())
    def put_again(self, data: st.DataObject) -> None:
        """What has an id that was there is not put in again."""
        id_ = data.draw(st.sampled_from(sorted(self.model.messages)))
        self.run(self.queue.put([self.model.messages[id_]], wait=len(self.model.waiting) < MOST))


class SmallSqliteMachine(SqliteMachine):
    """Most of what waits is in the file alone."""

    async def opened(self) -> MessageQueue:
        return SqliteQueue(self.folder / "queue.db", max_waiting=MOST, clock=self.clock, max_loaded=3)


def differences(one: QueuedMessage, other: QueuedMessage) -> dict[str, tuple[Any, Any]]:
    """Say in which fields two messages differ; times may by a millisecond."""
    pairs = {
        each.name: (getattr(one, each.name), getattr(other, each.name))
        for each in fields(one)
        if each.compare
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and not _is_one_time(*pair)}


def _is_one_time(one: Any, other: Any) -> bool:
    return isinstance(one, float) and abs(one - other) < 1e-3


def _letter(message: QueuedMessage) -> DeadLetter:
    return DeadLetter(message, "test", "test", "test", "test", message.thread_id, DAY)


MACHINES: dict[str, type[QueueMachine]] = {
    "memory": MemoryMachine, "depth-first": DepthFirstMachine, "sqlite": SqliteMachine, "small": SmallSqliteMachine,
}  # fmt: skip


def _run(machine: type[QueueMachine], examples: int, steps: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    checks: list[Any] = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


@pytest.mark.parametrize("name", ["memory", "depth-first", "sqlite", "small"])
def test_whatever_is_done_the_queue_holds_what_it_should(name: str) -> None:
    _run(MACHINES[name], 60 if name in ("memory", "depth-first") else 15, 30)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["memory", "depth-first", "sqlite", "small"])
def test_whatever_is_done_for_long_the_queue_holds_what_it_should(name: str) -> None:
    _run(MACHINES[name], 1_500 if name in ("memory", "depth-first") else 200, 60)
