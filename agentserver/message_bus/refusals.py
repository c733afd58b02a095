"""Who is told of a message that failed, and on which thread: at most one of those who wait for something of it.

Takes a failed state; gives at most one message more, which goes into the settlement with the dead letter. Those who
wait are, innermost first, the listener whose own output failed, who asked it, who asked that one, and at last somebody
outside. The first who takes refusals gets it, on the thread on which it worked; an answer to it goes on outwards.

Nothing here can go on for ever. A refusal that its taker does not handle is not refused again. A listener is told so
many times on one thread of its own output, and as often of each branch below; from then on it counts as one that takes
none. So refusals are never more than what failed, and each conversation ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from agentserver.core import Huh, SystemError_
from agentserver.errors import AgentServerError, Cancelled, ConversationEnded, HandlerError
from agentserver.message_bus.addressing import chain_of
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.raised import log_raised
from agentserver.message_bus.refusal_content import (
    REPLIES,
    Corrections,
    is_huh,
    of_what_followed,
    to_anybody,
)
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.secrecy import scrubber_of
from agentserver.queues import Frame, Joint, QueuedMessage

logger = logging.getLogger(__name__)

SENDER: Final = "system"
"""The name that refusals come from; no listener bears it."""

Awaited: TypeAlias = Callable[[str], "str | None"]
"""Takes the thread that somebody outside named; gives the root thread if refusals are taken there."""


class Verdict(NamedTuple):
    """What follows from a failure besides its dead letter.

    Args:
        message: The refusal, if there is one.
        exhausted: Whether somebody would have been told, and was told too often before.
    """

    message: QueuedMessage | None = None
    exhausted: bool = False


NOTHING: Final = Verdict()


class _Case(NamedTuple):
    """A failed message, and those who wait for something of it.

    Args:
        state: The message.
        message: As it waited.
        failure: What went wrong.
        result: What its handler returned, if it came to that.
        frames: Who waits, on which thread; outermost first.
        authored: Whether the innermost is a listener whose own output failed.
    """

    state: MessageState
    message: QueuedMessage
    failure: AgentServerError
    result: Any
    frames: tuple[Frame, ...]
    authored: bool

    def is_author(self, depth: int) -> bool:
        """Return whether the output of the one at this place is what failed."""
        return self.authored and self.is_direct(depth)

    def is_direct(self, depth: int) -> bool:
        """Return whether the message of the one at this place failed, and not one that followed from it."""
        return depth == len(self.frames) - 1


class Refusals:
    """Decide about failed messages.

    Args:
        table: Knows who takes refusals.
        budget: What conversations may use; a refusal to a listener counts.
        feedback: How often a listener is told on one thread.
        max_bytes: Longest message, in bytes.
        awaited: Says whether somebody outside takes refusals, and on which thread.
        absorbs: Says whether who asked is told with the answers to its other questions.
    """

    __slots__ = (
        "_absorbs",
        "_awaited",
        "_budget",
        "_corrections",
        "_feedback",
        "_max_bytes",
        "_table",
        "_writer",
    )

    def __init__(
        self,
        table: RoutingTable,
        budget: Budget,
        feedback: int,
        max_bytes: int,
        awaited: Awaited,
        absorbs: Callable[[Joint | None], bool] = bool,
    ) -> None:
        self._table, self._budget, self._awaited, self._absorbs = table, budget, awaited, absorbs
        self.adjust(feedback, max_bytes)
        self._corrections, self._writer = Corrections(table), PayloadWriter(table)

    def adjust(self, feedback: int, max_bytes: int) -> None:
        """Take over other bounds."""
        self._feedback, self._max_bytes = feedback, max_bytes

    def about(self, state: MessageState, result: Any) -> Verdict:
        """Decide who is told of a failed message.

        Args:
            state: The message, failed.
            result: What its handler returned, if it came to that.

        Returns:
            The refusal, which has no id yet, or none. Never raises: a batch of others hangs on it.
        """
        try:
            return self._decided(state, result)
        except Exception as exc:  # noqa: BLE001  # an edge: contracts run their authors' code
            scrubber = scrubber_of(state)
            log_raised(
                logger, logging.ERROR, "no refusal can be made", exc, scrubber, thread_id=state.thread_id
            )
            return NOTHING

    def _decided(self, state: MessageState, result: Any) -> Verdict:
        message, failure = state.message, state.failure
        if (
            message is None
            or failure is None
            or message.outbound
            or isinstance(failure, ConversationEnded | Cancelled)
        ):
            return NOTHING
        if message.feedback and not _was_answered(state, result):  # a refusal that its taker did not handle
            return NOTHING
        frames, authored = self._waiting(state, message, result)
        case, exhausted = _Case(state, message, failure, result, frames, authored), False
        for depth in range(len(frames) - 1, -1, -1):
            if not self._table.has_name(frames[depth].name):
                put = self._outwards(case, depth)
            elif self._table.takes_refusals(frames[depth].name) and self._budget.has_room(message):
                left = self._left(case, depth)
                if left < 0:
                    exhausted = True
                    continue
                put = self._inwards(case, depth, left)
            elif self._absorbs(frames[depth].joint):
                return Verdict(None, exhausted)
            else:
                continue
            if put is not None:
                put.parent_id, put.hop = message.id, message.hop + 1
                if message.spending is not None:
                    message.spending.sent += 1
            return Verdict(put, exhausted)
        return Verdict(None, exhausted)

    def _waiting(
        self, state: MessageState, message: QueuedMessage, result: Any
    ) -> tuple[tuple[Frame, ...], bool]:
        """Return who waits for something of a failed message, and whether the innermost is a failing author."""
        if _was_answered(state, result):
            callers = message.chain if message.feedback else chain_of(state)
            author = state.target_listeners[0].name if state.target_listeners else ""
            return (*callers, Frame(author, state.thread_id or "")), True
        if isinstance(state.failure, HandlerError):
            return chain_of(state), False
        if message.hop == 0 or message.sender is None:
            outside = state.from_id is not None and not (
                state.claimed and self._table.has_name(state.from_id)
            )
            return (chain_of(state) if outside else ()), False
        author_frame = Frame(message.sender, message.sent_on or "")
        if message.chain and message.chain[-1][:2] == author_frame[:2]:
            return message.chain, True
        asker = (_asker(state.to_id, message),) if state.to_id is not None else ()
        return (*message.chain, *asker, author_frame), True

    def _left(self, case: _Case, depth: int) -> int:
        """Return how often a listener will be told once it is told now; less than 0 forbids that."""
        counts = case.message.spending.told or {}
        told = counts.get(_lane(case, depth), 0)
        if case.is_author(depth):
            told = max(told, case.message.feedback)
        return self._feedback - 1 - int(told)

    def _inwards(self, case: _Case, depth: int, left: int) -> QueuedMessage | None:
        """Make the refusal to a listener, and count it."""
        frame = case.frames[depth]
        told: Huh | SystemError_ = of_what_followed(case.failure)
        if case.is_direct(depth) and is_huh(case.failure):
            told = self._corrections.to_author(case.state, case.result, left)
        put = self._written(told, frame)
        if put is None:
            told = to_anybody(case.failure)  # which is short
            put = self._written(told, frame)
        if put is None:
            return None
        put.target, put.chain = self._table.refusal_key(frame.name, type(told)), case.frames[:depth]
        put.feedback, put.in_reply_to, put.joint = (
            self._feedback - left,
            frame.message_id or None,
            frame.joint,
        )
        put.spending = spending = case.message.spending
        if spending.told is None:
            spending.told = {}
        spending.told[_lane(case, depth)] = put.feedback
        return put

    def _outwards(self, case: _Case, depth: int) -> QueuedMessage | None:
        """Make the refusal to whoever asked from outside, if they take it."""
        name, claim, question, _ = case.frames[depth]
        thread_id = self._awaited(claim)
        if thread_id is None:
            return None
        frame = Frame(name, thread_id, question)
        direct = case.is_direct(depth)
        put = self._written(to_anybody(case.failure) if direct else of_what_followed(case.failure), frame)
        if put is not None:
            put.outbound, put.feedback = True, 1
        return put

    def _written(self, told: Huh | SystemError_, frame: Frame) -> QueuedMessage | None:
        """Write a message; None when it is longer than one may be."""
        contract = self._writer.contract_of(told)
        data, _ = self._writer.write(told, contract, SENDER, frame.name, frame.thread_id)
        if len(data) > self._max_bytes:
            return None
        put = QueuedMessage("", data, SENDER, frame.thread_id, canonical=True)
        put.payload_class, put.version = type(told), self._table.version
        return put


def _asker(name: str, message: QueuedMessage) -> Frame:
    """Return who an answer was for, that failed, and what it was an answer to."""
    return Frame(name, message.thread_id or "", message.in_reply_to or "", message.joint)


def _was_answered(state: MessageState, result: Any) -> bool:
    """Return whether a message failed by what its handler returned."""
    return state.stage == REPLIES and result is not None


def _lane(case: _Case, depth: int) -> tuple[str, str]:
    """Return what refusals are counted by: the thread of who is told, and of what."""
    own = case.frames[depth].thread_id
    return own, own if case.is_author(depth) else case.state.thread_id or ""
