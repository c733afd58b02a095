"""Messages that mean the same: handled once in a window, however often they are sent.

Takes what has passed the gate, and asks the queue which keys it knows. The key is its sender's, or its content; both
count for that sender alone. A key is known once its message was handled, with the same commit, and never before: one
that failed may be sent again. While the first is being handled, the others wait in the queue for what becomes of it.
"""

from __future__ import annotations

import sys
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from agentserver.config import IdempotencyConfig
from agentserver.errors import Duplicate
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.message_state import MessageState
from agentserver.queues import MessageQueue, Settlement

if TYPE_CHECKING:
    from agentserver.message_bus.settling import Handled

STAGE: Final = "idempotency"
MAX_KEY_CHARS: Final = 256


def check_key(key: str) -> str:
    """Return a sender's key.

    Raises:
        TypeError: It is no text.
        ValueError: It is empty, too long, or holds half of a surrogate pair.
    """
    if type(key) is not str:
        raise TypeError(f"key is {type(key).__name__}, a key is a str")
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        raise ValueError(f"key has {len(key)} characters, expected 1 to {MAX_KEY_CHARS}")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise ValueError("key holds half of a surrogate pair") from None
    return key


class Idempotency:
    """Tell messages that were handled from others.

    Args:
        config: What makes messages the same.
        queue: Knows the keys of those that were handled.

    Attributes:
        duplicates: How many messages were not handled again.
        by: `key`, `content` or `off`; may be changed.
        has_keys: Whether a message with a key may come along.
    """

    __slots__ = ("_open", "_queue", "_stalled", "by", "duplicates", "has_keys")

    def __init__(self, config: IdempotencyConfig, queue: MessageQueue) -> None:
        self._queue, self.by = queue, config.by
        self.duplicates = 0
        self.has_keys = queue.outlives_process
        self._open: dict[str, str] = {}  # by the id of a message that is being handled, its key
        self._stalled: Counter[str] = Counter()  # how many wait for each

    @property
    def looks(self) -> bool:
        """Whether messages have to be looked at."""
        return (self.has_keys and self.by != "off") or self.by == "content"

    def __bool__(self) -> bool:
        """Say whether any message is being handled under a key."""
        return bool(self._open)

    async def look(self, batch: Batch) -> None:
        """Fail those of a batch that were handled before, and take out those that have to wait for another."""
        keyed = [(state, key) for state in batch if (key := self._key_of(state)) is not None]
        if not keyed:
            return
        handling = {key: message_id for message_id, key in self._open.items()}
        first: list[tuple[MessageState, str]] = []
        waiting: dict[MessageState, str] = {}
        for state, key in keyed:
            message_id = _id_of(state)
            if handling.setdefault(key, message_id) == message_id:
                first.append((state, key))
                self._open[message_id] = key
            else:
                waiting[state] = key
        await self._tell_known(first)
        if waiting:
            batch[:] = [state for state in batch if state not in waiting]
            await self._hold(waiting)

    async def _tell_known(self, keyed: list[tuple[MessageState, str]]) -> None:
        known = await self._queue.known([key for _, key in keyed])
        for state, key in keyed:
            if key in known:
                state.fail_as_told(STAGE, Duplicate(known[key]))

    async def _hold(self, waiting: dict[MessageState, str]) -> None:
        """Give messages back to the queue until the one that is handled under their key has ended."""
        held = [(state.delivery, _lane(key)) for state, key in waiting.items() if state.delivery is not None]
        self._stalled.update(waiting.values())
        await self._queue.settle(Settlement(held=held))
        for key in set(waiting.values()) - set(self._open.values()):  # it has ended meanwhile
            self._release(key, sys.maxsize)

    def record(self, handled: Handled) -> None:
        """Let the queue know the keys of those that were handled, with what else it is told of them."""
        for state in handled.states:
            key = self._open.get(_id_of(state))
            if key is None:
                continue
            if state.failure is None:
                handled.settlement.keys.append((key, _id_of(state)))

    def settled(self, handled: Handled) -> None:
        """Let go on who waits for those that have come to their end: all of them, or, where it failed, the next."""
        for state in handled.states:
            key = self._open.pop(_id_of(state), None)
            if type(state.failure) is Duplicate:
                self.duplicates += 1
            if key is not None and self._stalled[key]:
                is_known = state.failure is None or type(state.failure) is Duplicate
                self._release(key, sys.maxsize if is_known else 1)

    def clear(self) -> None:
        """Forget what is being handled: all of it comes again."""
        self._open.clear()
        self._stalled.clear()

    def _release(self, key: str, limit: int) -> None:
        left = self._queue.release(_lane(key), limit)
        if left:
            self._stalled[key] = left
        else:
            del self._stalled[key]

    def _key_of(self, state: MessageState) -> str | None:
        """Return by what a message is known; None for one that has nothing of the kind."""
        message = state.message
        if message is None or message.hop or message.outbound or state.error is not None:
            return None
        part = message.id.partition(":")[2]
        if message.key is not None and self.by != "off":
            return _digest("key", state.from_id or "", message.key, part)
        if self.by == "content" and state.canonical is not None:
            content = sha256(state.canonical).hexdigest()
            return _digest("content", state.from_id or "", state.thread_id or "", part, content)
        return None


def _id_of(state: MessageState) -> str:
    message = state.message
    return message.id if message is not None else ""


def _lane(key: str) -> str:
    return f"key:{key}"  # which no listener can be called


def _digest(*words: str) -> str:
    """Return a digest of words: another one for every other sequence of them."""
    told = "".join(f"{len(word)}:{word}" for word in words)
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
