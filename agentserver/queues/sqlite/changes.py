"""What one operation of the queue writes, and what came of it. Plain values; they cross from one thread to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from agentserver.queues.protocol import DeadLetter, QueuedMessage, Record
from agentserver.queues.sqlite.rows import Row


class End(NamedTuple):
    """One message that came to its end.

    Args:
        row: Its row.
        message: The message.
        record: What became of it.
        letter: Its dead letter, where it was given up on.
    """

    row: Row
    message: QueuedMessage
    record: Record
    letter: DeadLetter | None = None


@dataclass(slots=True)
class Change:
    """What one operation writes: all of it, or nothing.

    Args:
        puts: Messages to put in.
        is_admission: Whether they came from outside, rather than from handlers.
        may_wait: Whether it waits while the file cannot be written; else it is refused then.
        ends: Messages that came to their end.
        retries: Messages that are to be tried again, as they shall wait.
        keys: Keys that are known from now on, each with the id of its message.
    """

    puts: Sequence[QueuedMessage] = ()
    is_admission: bool = False
    may_wait: bool = True
    ends: Sequence[End] = ()
    retries: Sequence[tuple[Row, QueuedMessage]] = ()
    keys: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Written:
    """What came of a change.

    Args:
        rows: The row of each message that was put in; None for one whose id was there already, or whose parent is
            among the lost.
        lost: By seq, the messages that were to end or to be tried again, and that another process has taken over.
    """

    rows: list[Row | None] = field(default_factory=list)
    lost: frozenset[int] = frozenset()
