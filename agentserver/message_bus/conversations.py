"""Conversations that somebody waits for: whether a message of theirs is still open, and how they ended.

So a request fails as soon as nobody can answer it any more, instead of when its time is up. Only conversations that
are watched are counted; the others cost nothing.
"""

from __future__ import annotations

import asyncio

from agentserver.errors import (
    AgentServerError,
    BudgetExceeded,
    Cancelled,
    Duplicate,
    ForeignThread,
    NoReply,
    RequestFailed,
)
from agentserver.message_bus.message_state import MessageState


class Watch:
    """One conversation and the future of its first reply."""

    __slots__ = ("failure", "open", "reply")

    def __init__(self) -> None:
        self.open = 0
        self.failure: AgentServerError | None = None
        self.reply: asyncio.Future[MessageState] = asyncio.get_running_loop().create_future()


class Conversations:
    """The watched conversations, by root thread."""

    def __init__(self) -> None:
        self._watched: dict[str, Watch] = {}

    def __bool__(self) -> bool:
        return bool(self._watched)

    def waits_for(self, thread_id: str | None) -> bool:
        """Return whether somebody waits for the end of a conversation."""
        return thread_id in self._watched

    def watch(self, thread_id: str) -> Watch:
        """Begin to count a conversation whose first message is about to be injected."""
        watch = self._watched[thread_id] = Watch()
        return watch

    def forget(self, thread_id: str) -> None:
        """Count it no more."""
        self._watched.pop(thread_id, None)

    def close(self, reason: AgentServerError) -> None:
        """End every wait that is left: nobody will answer any more."""
        for watch in self._watched.values():
            if not watch.reply.done():
                watch.reply.set_exception(reason)

    def admit(self, thread_id: str | None, count: int) -> None:
        """Note that so many messages come in from outside; fewer than none for those that did not after all."""
        watch = self._watched.get(thread_id or "")
        if watch is not None:
            watch.open += count

    def split(self, thread_id: str | None, parts: int) -> None:
        """Note that one message became several."""
        watch = self._watched.get(thread_id or "")
        if watch is not None:
            watch.open += parts - 1

    def expect(self, state: MessageState, count: int) -> None:
        """Note that so many messages follow from one that is still being handled."""
        message = state.message
        watch = self._watched.get(message.conversation_id or "") if message is not None else None
        if watch is not None:
            watch.open += count

    def account(self, states: list[MessageState]) -> None:
        """Note what became of a batch of messages."""
        for state in states:
            message = state.message
            watch = self._watched.get(message.conversation_id or "") if message is not None else None
            if message is None or watch is None:
                continue
            watch.open += state.emitted - 1
            if state.failure is not None and watch.failure is None and not _is_foreign(state.failure):
                watch.failure = state.failure
            ended = _ends_all(state)
            if (ended and type(state.failure) is BudgetExceeded) or type(state.failure) is Cancelled:
                watch.failure = state.failure  # whatever went wrong before, this is why nothing more comes
            if watch.reply.done():
                continue
            if message.outbound and state.error is None and not message.feedback:  # a refusal is no answer
                watch.reply.set_result(state)
            elif not watch.open or ended:
                watch.reply.set_exception(_end(watch))


def _is_foreign(failure: AgentServerError) -> bool:
    """Return whether a message is of somebody who had no part in the conversation."""
    return type(failure) is ForeignThread


def _ends_all(state: MessageState) -> bool:
    """Return whether nothing more of the conversation of a message will be handled."""
    return isinstance(state.failure, BudgetExceeded) and state.failure.ends_conversation


def _end(watch: Watch) -> AgentServerError:
    if watch.failure is None:
        return NoReply("everything was handled, and nobody answered")
    if type(watch.failure) is Duplicate:
        return watch.failure
    failure = RequestFailed(watch.failure.code, str(watch.failure))
    failure.__cause__ = watch.failure
    return failure
