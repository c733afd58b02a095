"""What a queue carries and what it promises. No queue is here: `memory.py` is one.

A message is the bytes and, beside them and never inside, what only the pump may say of them: id, sender, thread, call
chain, hop. So a worker needs nothing but the message to handle it.

The books: `injected + emitted == settled + dead + waiting + in_flight` at every moment, whoever looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

DEFAULT_PRIORITY = 5
"""Middle of 0 (first) to 9 (last)."""


class Joint(NamedTuple):
    """One of several questions that were asked at once, and whose answers are to be given together.

    Args:
        group: What they have in common: the id of the message whose handler asked them.
        number: Which of them it is, from 0.
        size: How many they are.
    """

    group: str
    number: int
    size: int


class Frame(NamedTuple):
    """One caller that waits for an answer: its name, the thread on which it asked, and the id of its question.

    `joint` is there where the question is one of several whose answers are given together.
    """

    name: str
    thread_id: str
    message_id: str = ""
    joint: Joint | None = None


@dataclass(slots=True)
class QueuedMessage:
    """One message as it waits. Never changed once it is in a queue.

    Args:
        id: Unique; the id of what a handler emits follows from the id of what it was handling.
        data: The message, canonical or as it was sent.
        sender: Who sent it, as the pump knows; None takes the envelope's word.
        thread_id: Its thread; None takes the envelope's word.
        chain: The callers that wait for an answer to it, outermost first.
        canonical: Whether the pump itself made `data`, so that it is in canonical form already.
        outbound: Whether it leaves the organism, to a sender that is no listener.
        target: Key of the one listener that it is for, when it is one of several copies.
        parent_id: Id of the message that this one came of.
        hop: How many messages came before it on its path; 0 for what was injected.
        attempt: How often it was taken before, in a queue that counts.
        priority: 0 first to 9 last, in a queue that looks.
        deliver_at: Not before this time, in seconds since the epoch, in a queue that can wait; 0 is at once.
        payload_class: What `data` was written from, as long as it stays in this process.
        spending: What its conversation has used of its budget, as long as it stays in this process.
        sent_on: The thread on which its sender worked, where that was a handler.
        feedback: For a refusal, the how-manieth of its kind it is on its thread; 0 for every other message.
        first_line: The line on which `data` begins in the text that it was cut from, 1-based: for whoever tells of
            its errors.
        version: That of the routing table under which it was written, as long as it stays in this process.
        repairs: What was mended in the text that a handler wrote it in: kinds, as `wire.repair` calls them.
        in_reply_to: Id of the message that this one answers.
        to_id: Whom the pump sends it to; of what the pump wrote itself, the address in `data` does not count.
        joint: Of an answer that is given together with others, which question of theirs it answers.
        key: What tells it from others that mean the same, as its sender said: it is handled once in a window.
        crashes: How often the process died while it was being handled, in a queue that outlives the process.
        revived: How often it was a dead letter before, and was put in again.
        queued_at: When it was first put in, in seconds since the epoch; 0 where nobody noted it.
        bound_for: Whom it claims to be for, as long as it stays in this process; so that those who wait for others do
            not have to wait behind it.
    """

    id: str
    data: bytes
    sender: str | None = None
    thread_id: str | None = None
    chain: tuple[Frame, ...] = ()
    canonical: bool = False
    outbound: bool = False
    target: str | None = None
    parent_id: str | None = None
    hop: int = 0
    attempt: int = 0
    priority: int = DEFAULT_PRIORITY
    deliver_at: float = 0.0
    payload_class: type[Any] | None = None
    spending: Any = field(default=None, compare=False, repr=False)
    first_line: int = 1
    sent_on: str | None = None
    feedback: int = 0
    version: int = 0
    repairs: tuple[str, ...] = ()
    in_reply_to: str | None = None
    to_id: str | None = None
    joint: Joint | None = None
    key: str | None = None
    crashes: int = 0
    revived: int = 0
    queued_at: float = 0.0
    bound_for: str | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Tell which message it is, and how long; never what is in it."""
        return f"QueuedMessage({self.id!r}, {len(self.data)} bytes, sender={self.sender!r}, hop={self.hop})"

    @property
    def recovered(self) -> bool:
        """Whether parts of what its sender wrote may be missing, as it was mended by the policy *recover*."""
        return "recovered" in self.repairs

    @property
    def root_id(self) -> str:
        """Id of the injected message that this one is, or came of: `9f3c-7` of `9f3c-7.0.1`, and of `9f3c-7:2.0`."""
        return self.id.partition(".")[0].partition(":")[0]

    @property
    def conversation_id(self) -> str | None:
        """The root thread: the one on which the outside asked."""
        return self.chain[0].thread_id if self.chain else self.thread_id


@dataclass(slots=True, eq=False)
class Delivery:
    """A message that was taken and is not settled yet.

    Args:
        message: The message.
        taken_at: When it was taken, in seconds since the epoch, as the pump notes it for the history; 0 where nobody
            does.
        place: Where it stood in a lane that held it before; 0 when none did. The queue's own affair.
    """

    message: QueuedMessage
    taken_at: float = 0.0
    place: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the pump gave up on.

    Args:
        message: The message as it waited: with the bytes that were sent, or, for a part of an input, its own.
        stage: The step or place at which it failed.
        code: What was wrong, in one kebab-case word.
        reason: What was wrong, in words.
        sender: Who sent it.
        thread_id: Its thread, as far as it was known.
        died_at: When, in seconds since the epoch.
        exhausted: Whether a listener that takes refusals was not told of it, as it had been told too often on its
            thread.
        canonical: The message in canonical form, where it had one that differs from its bytes.
        path: Where in the message the fault is; empty for the whole of it.
        to_id: Whom it was for, as far as that was known.
    """

    message: QueuedMessage
    stage: str
    code: str
    reason: str
    sender: str | None
    thread_id: str | None
    died_at: float
    exhausted: bool = False
    canonical: bytes | None = field(default=None, repr=False)
    path: str = ""
    to_id: str | None = None

    @property
    def id(self) -> str:
        """Id of the message, by which it is asked for."""
        return self.message.id

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return self.message.attempt + 1


class Record(NamedTuple):
    """What the history keeps of one message that came to its end.

    Args:
        message_id: The message.
        outcome: `done`, `dead`, `duplicate`, or `split` for an input that became several messages.
        canonical: Its canonical form, where that differs from the bytes that waited.
        conversation_id: The root thread, as far as it was known.
        thread_id: Its own thread.
        sender: Who sent it.
        to_id: Whom it was for.
        listener: Key of the listener that handled it.
        tag: Root tag of its payload.
        code: What it failed with; empty when it did not.
        began_at: When it was taken, in seconds since the epoch.
        ended_at: When it was settled, in seconds since the epoch.
    """

    message_id: str
    outcome: str
    canonical: bytes | None
    conversation_id: str | None
    thread_id: str | None
    sender: str | None
    to_id: str | None
    listener: str | None
    tag: str | None
    code: str
    began_at: float
    ended_at: float


@dataclass(slots=True)
class Settlement:
    """What became of a batch. Takes effect whole or not at all.

    Args:
        acks: Handled to the end.
        puts: What handlers emitted.
        dead: Given up on: the delivery and its dead letter.
        retries: To be tried again: the delivery, and the message as it shall wait (its attempt, its `deliver_at`).
        held: Given back as they were, in their old order, under the name of a lane: none of them is given out again
            before `release` of that lane.
        keys: Keys that are known from now on, each with the id of the message that was handled under it.
        records: For the history, in a queue that keeps one.
    """

    acks: list[Delivery] = field(default_factory=list)
    puts: list[QueuedMessage] = field(default_factory=list)
    dead: list[tuple[Delivery, DeadLetter]] = field(default_factory=list)
    retries: list[tuple[Delivery, QueuedMessage]] = field(default_factory=list)
    held: list[tuple[Delivery, str]] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Books:
    """Counts of messages since the queue was opened."""

    injected: int = 0
    emitted: int = 0
    settled: int = 0
    dead: int = 0
    waiting: int = 0
    in_flight: int = 0

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost and nothing came from nowhere."""
        return self.injected + self.emitted == self.settled + self.dead + self.waiting + self.in_flight

    @property
    def open(self) -> int:
        """Messages that are not at their end yet."""
        return self.waiting + self.in_flight


class MessageQueue(Protocol):
    """Where messages wait. Every method may be called by one event loop only."""

    @property
    def books(self) -> Books:
        """The counts, at this moment."""

    @property
    def dead_letters(self) -> Sequence[DeadLetter]:
        """The dead letters that are kept, oldest first."""

    @property
    def keeps_history(self) -> bool:
        """Whether it keeps the records of a settlement; there is no need to make them for one that does not."""

    @property
    def outlives_process(self) -> bool:
        """Whether what waits in it is there for the next process."""

    async def put(self, messages: Sequence[QueuedMessage], *, wait: bool = True) -> None:
        """Admit messages from outside; return once they are as safe as this queue makes them.

        Waits while the queue is full: admission is what is bounded, never the way back. In a queue that outlives the
        process, a message whose id is in it already, waiting or as history, is not put in again.

        Args:
            messages: What to admit.
            wait: Whether to wait while there is no room.

        Raises:
            PumpClosed: The queue is closed.
            QueueFull: There is no room, or the queue cannot write, and `wait` is False: none was put in.
        """

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for one message, then take what is ready.

        Args:
            limit: Most messages to take, at least 1.

        Returns:
            The messages; an empty list says that the queue is closed.

        Raises:
            ValueError: `limit` is less than 1, so that nothing taken would look like a closed queue.
        """

    async def settle(self, outcome: Settlement) -> None:
        """Commit what became of a batch. A delivery that is settled already, or was recovered, is left alone."""

    async def known(self, keys: Sequence[str]) -> dict[str, str]:
        """Return those keys under which a message was settled within the window, each with that message's id."""

    def opener(self, thread_id: str) -> str | None:
        """Return who opened a conversation before this queue was opened, by its root thread; None when nobody knows."""

    def release(self, lane: str, limit: int) -> int:
        """Let up to `limit` of the messages that a lane holds be taken, in their order; return how many are left."""

    def due_in(self) -> float | None:
        """Return the seconds until something can be taken, 0 when it can; None when nothing waits for its time.

        What lanes hold does not count.
        """

    async def split(self, delivery: Delivery, parts: Sequence[QueuedMessage]) -> list[Delivery]:
        """Replace a delivery by its parts in one commit; they count as emitted, and are taken already."""

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is in flight."""

    def recover(self) -> int:
        """Put back what was taken and never settled, as whoever took it is gone; return how many.

        What lanes hold is released, as whoever would have done that is gone, too.
        """

    def withdraw(self, applies: Callable[[QueuedMessage], bool]) -> list[Delivery]:
        """Take those that wait and for which `applies` holds, wherever they stand; they are in flight then.

        `applies` is asked once of each. It makes no difference whether one waits for its time, or in a lane.
        """

    def set_aside(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was taken waits for other messages: if the process dies meanwhile, that is not its doing."""

    def take_up(self, deliveries: Sequence[Delivery]) -> None:
        """Note that what was set aside is handled now."""

    def in_flight(self) -> list[Delivery]:
        """Return what was taken by this process and is not settled, in the order in which it was taken."""

    def abandon(self) -> list[Delivery]:
        """Take what would be lost with this process, so that it can be buried."""

    def close(self) -> None:
        """Give nothing more to take and admit nothing more; what is in flight may still be settled."""

    async def aclose(self) -> None:
        """Close, and free what the queue holds."""
