"""Who outside opened which conversation: they alone go on with it, while it is known.

Takes root threads and the names of senders outside; raises `ForeignThread` for anybody else's, and for the thread of a
branch, which nobody outside is ever on. Both read the same, as neither is to be known. Memory is bounded: of very many
conversations the oldest are forgotten, whether they have ended or not, and belong to whoever goes on with them first,
unless the queue knows, which remembers what it keeps the history of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agentserver.errors import ForeignThread
from agentserver.message_bus.audit import FOREIGN_THREAD, audit
from agentserver.message_bus.threads import Threads

MAX_KNOWN: Final = 100_000
"""Conversations whose openers are known, at most; half as many are known for certain."""


class Openers:
    """Remember openers.

    Args:
        threads: Knows branches.
        max_known: Conversations to remember.
        recorded: Says who opened one that is not remembered, if anybody knows.
    """

    __slots__ = ("_generation", "_older", "_recent", "_recorded", "_threads")

    def __init__(
        self,
        threads: Threads,
        max_known: int = MAX_KNOWN,
        recorded: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._threads, self._generation, self._recorded = threads, max(1, max_known // 2), recorded
        self._recent: dict[str, str] = {}
        self._older: dict[str, str] = {}

    def __len__(self) -> int:
        """How many conversations are known."""
        return len(self._recent) + len(self._older)

    def note(self, thread_id: str, sender: str) -> None:
        """Remember who opened a conversation that begins.

        Args:
            thread_id: Its thread, in lower case.
            sender: Their name.
        """
        self._recent[thread_id] = sender
        if len(self._recent) >= self._generation:
            self._older, self._recent = self._recent, {}

    def knows(self, thread_id: str, sender: str) -> bool:
        """Return whether somebody opened a conversation not long ago; takes next to no time."""
        return self._recent.get(thread_id) == sender

    def check(self, thread_id: str, sender: str) -> None:
        """Let whoever opened a conversation go on with it; one that nobody is known to have opened, they open now.

        Args:
            thread_id: The root thread that they name: a UUID, in either case.
            sender: Their name.

        Raises:
            ForeignThread: It is somebody else's. The audit is told.
        """
        lowered = thread_id.lower()
        known = self._recent.get(lowered)
        if known == sender:
            return
        if known is None and not self._threads.is_branch(lowered):
            # whoever goes on is known for longer
            known = self._older.pop(lowered, None) or self._recorded(lowered) or sender
            self.note(lowered, known)
            if known == sender:
                return
        audit(
            FOREIGN_THREAD, "went on with a thread of somebody else's", listener=sender, thread_id=thread_id
        )
        raise ForeignThread(f"thread {thread_id} is none that {sender!r} opened")

    def refuse_branch(self, thread_id: str) -> None:
        """Refuse a thread that nobody outside is ever on, whoever they are.

        Raises:
            ForeignThread: It is one. The audit is told.
        """
        if self._threads.is_branch(thread_id):
            audit(FOREIGN_THREAD, "went on with a thread of somebody else's", thread_id=thread_id)
            raise ForeignThread(f"thread {thread_id} is none that its sender opened")
