"""Snapshots that go back and forth between two files, each with a life of its own: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.queues import DeadLetter, Delivery, QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue
from agentserver.queues.sqlite.history_fault import Fault
from agentserver.queues.sqlite.maintenance import drop, retry
from agentserver.queues.sqlite.restoring import restore
from agentserver.queues.sqlite.snapshot import About, take_snapshot
from agentserver.queues.sqlite.verification import verify
from agentserver.queues.sqlite.visits import changing, reading

THREADS = ("red", "green", None)
DEEDS = ("put", "done", "dead", "retry", "drop", "over", "over")


class Two:
    """Two files, and a snapshot of one on its way to the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = (folder / "one.db", folder / "other.db")
        self.count = 0
        for file in self.files:
            asyncio.run(live(file))

    def do(self, deed: str, which: int, number: int) -> None:
        """Let something happen to one of the files."""
        file = self.files[which]
        self.count += 1
        if deed == "put":
            messages = [
                QueuedMessage(f"{self.count}-{each}", b"<a/>", "user", THREADS[(number + each) % 3])
                for each in range(1 + number % 2)
            ]
            asyncio.run(live(file, puts=messages))
        elif deed in ("done", "dead"):
            count = 1 + number % 2
            asyncio.run(live(file, done=count * (deed == "done"), dead=count * (deed == "dead")))
        elif deed == "over":
            self.bring_over(which)
        else:
            with changing(file) as connection:
                letters = connection.execute(
                    "SELECT id FROM dead_letters JOIN messages USING (seq) ORDER BY seq"
                )
                for (id_,) in letters.fetchall()[number % 3 :][:1]:
                    (retry if deed == "retry" else drop)(connection, id_, time.time())

    def bring_over(self, which: int) -> None:
        """Restore a snapshot of one file into the other, twice."""
        snapshot, target = self.folder / "snapshot", self.files[1 - which]
        take_snapshot(self.files[which], snapshot, About("two", "", 1.0, "test"), replace=True)
        before = ids(target)
        dry = restore(snapshot, target, dry_run=True)
        assert before == ids(target)
        done = restore(snapshot, target)
        assert dry.sections == done.sections
        after = ids(target)
        assert before <= after
        if not done.conflicts:
            assert ids(snapshot) <= after
        again = restore(snapshot, target)
        assert not any(section.new for section in again.sections.values())
        assert (0, 0, after) == (again.ended, again.grown, ids(target))


async def live(file: Path, puts: Sequence[QueuedMessage] = (), done: int = 0, dead: int = 0) -> None:
    """Open a file, put messages in, handle some well and some badly, and close it."""
    queue = SqliteQueue(file, retention_s=None)
    try:
        await queue.put(puts)
        outcome = Settlement()
        if count := min(done + dead, queue.books.waiting):
            for index, delivery in enumerate(await queue.take(count)):
                if index < done:
                    outcome.acks.append(delivery)
                    outcome.puts += children(delivery)
                else:
                    outcome.dead.append((delivery, letter_of(delivery)))
        await queue.settle(outcome)
        assert queue.books.balanced
    finally:
        await queue.aclose()


def children(delivery: Delivery) -> list[QueuedMessage]:
    message = delivery.message
    if message.hop:
        return []
    return [
        QueuedMessage(f"{message.id}.0", b"<b/>", "it", message.thread_id, parent_id=message.id, hop=1),
    ]


def letter_of(delivery: Delivery) -> DeadLetter:
    return DeadLetter(delivery.message, "dispatch", "handler-failed", "it raised", "user", None, 1.0)


def ids(file: Path) -> set[Any]:
    with reading(file) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM messages")}


def faults(file: Path) -> list[Fault]:
    with reading(file) as connection:
        return list(verify(connection))


@given(
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 1), st.integers(0, 5)), min_size=4, max_size=14)
)
@settings(max_examples=15, deadline=None)
def test_whatever_happens_both_files_stay_right(deeds: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        two = Two(Path(folder))
        for deed in deeds:
            two.do(*deed)
            assert [[], []] == [faults(file) for file in two.files], deed
