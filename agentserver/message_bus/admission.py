"""The door: what a program says of a message that it injects, checked and made into a queued message.

Looks at no bytes: what is wrong inside them, the gate finds. Ids tell which pump took a message and as the
how-manieth.
"""

from __future__ import annotations

import math
import secrets
from typing import Final

from agentserver.message_bus.names import MAX_KNOWN_NAMES, check_name
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.threads import Threads, is_thread_id
from agentserver.queues import QueuedMessage
from agentserver.queues.schedule import LOWEST_PRIORITY

MAX_THREAD_CHARS: Final = 128
"""As `schemas/envelope.xsd` has it."""


class Admission:
    """Make queued messages of what is injected.

    Args:
        threads: Gives the threads that stand for ids that are no UUIDs.
        openers: Says who may go on with which thread.
        max_bytes: Longest message. Of a longer one, so much is kept as proves that it is.
    """

    __slots__ = ("_admitted", "_kept_bytes", "_known", "_openers", "_run", "_threads", "version")

    def __init__(self, threads: Threads, openers: Openers, max_bytes: int) -> None:
        self._threads, self._openers = threads, openers
        self._kept_bytes = max_bytes + 1
        self._run = secrets.token_hex(6)
        self._admitted = 0
        self._known: set[str] = set()
        self.adjust(max_bytes, 0)

    def adjust(self, max_bytes: int, version: int) -> None:
        """Take over another limit, and the version of the routing table that messages are written for from now on."""
        self._kept_bytes, self.version = max_bytes + 1, version

    def message(
        self, raw_bytes: bytes, thread_id: str | None, from_id: str | None, first_line: int = 1
    ) -> QueuedMessage:
        """Return the queued message. A thread id that is no UUID stays, for the gate to replace and note.

        Raises:
            ForeignThread: `from_id` may not go on with `thread_id`.
            TypeError: `raw_bytes` is not bytes, or `thread_id` no text.
            ValueError: `from_id` is no name, or `thread_id` too long.
        """
        if type(raw_bytes) is not bytes:
            raise TypeError(f"raw_bytes is {type(raw_bytes).__name__}, bytes are injected")
        if from_id is not None:
            if from_id not in self._known:
                self._learn(from_id)
            if thread_id is None:
                thread_id = self._threads.new()
                self._openers.note(thread_id, from_id)
            elif type(thread_id) is not str or not self._openers.knows(thread_id, from_id):
                self._openers.check(self._root(thread_id), from_id)
        elif thread_id is not None:
            self._openers.refuse_branch(self._root(thread_id))
        self._admitted += 1
        message = QueuedMessage(
            f"{self._run}-{self._admitted}", raw_bytes[: self._kept_bytes], from_id, thread_id
        )
        message.first_line, message.version = first_line, self.version
        return message

    def thread_of(self, claim: str) -> str:
        """Return the thread that a claim stands for: itself when it is a UUID, else one that is always the same."""
        return claim if is_thread_id(claim) else self._threads.replace(claim)

    def _root(self, thread_id: str) -> str:
        """Return the thread that a program names."""
        if type(thread_id) is not str:
            raise TypeError(f"thread_id is {type(thread_id).__name__}, a thread is a str")
        if len(thread_id) > MAX_THREAD_CHARS:
            raise ValueError(f"thread_id has {len(thread_id)} characters, the limit is {MAX_THREAD_CHARS}")
        return self.thread_of(thread_id)

    def _learn(self, name: str) -> None:
        check_name("from_id", name)
        if len(self._known) >= MAX_KNOWN_NAMES:
            self._known.clear()
        self._known.add(name)


def set_turn(message: QueuedMessage, priority: int, deliver_at: float) -> None:
    """Note when a message wants to be handled.

    Args:
        message: The message.
        priority: 0 first to 9 last.
        deliver_at: Not before, in seconds since the epoch.

    Raises:
        TypeError: One of them is no number of its kind.
        ValueError: `priority` is not 0 to 9, or `deliver_at` is not finite.
    """
    if type(priority) is not int:
        raise TypeError(f"priority is {type(priority).__name__}, a priority is an int")
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise ValueError(f"priority is {priority}, expected 0 (first) to {LOWEST_PRIORITY}")
    if isinstance(deliver_at, bool) or not isinstance(deliver_at, int | float):
        raise TypeError(f"deliver_at is {type(deliver_at).__name__}, expected seconds since the epoch")
    if not math.isfinite(deliver_at):
        raise ValueError(f"deliver_at is {deliver_at}, expected seconds since the epoch")
    message.priority, message.deliver_at = priority, max(0.0, float(deliver_at))
