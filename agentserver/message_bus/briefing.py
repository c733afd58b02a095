"""What the pump tells a handler before it is called: the metadata of one call, made of what the pump alone knows.

Takes the message and its listener; gives the metadata. Runs for every message.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from agentserver.message_bus.handler_metadata import HandlerMetadata
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState

Cards: TypeAlias = Callable[[str], Callable[[], str]]
"""Takes a listener's name; gives what makes the text that tells it how to write to its peers."""

_made = tuple.__new__  # half the time of a call of the class


class Briefing:
    """Make metadata.

    Args:
        cards: Says how agents write to their peers; they are told nothing of it when left out.
        clock: Seconds since the epoch.
    """

    __slots__ = ("_cards", "_clock")

    def __init__(self, cards: Cards | None = None, clock: Callable[[], float] = time.time) -> None:
        self._cards, self._clock = cards, clock

    def metadata(self, state: MessageState, listener: Listener, timeout_s: float) -> HandlerMetadata:
        """Return what the handler of a listener is told about a message.

        Args:
            state: The message.
            listener: Its listener.
            timeout_s: Seconds that the call may take.
        """
        delivery, sender = state.delivery, state.from_id or ""
        own_name = listener.own_name
        usage = self._cards(listener.name) if own_name is not None and self._cards is not None else ""
        itself, deadline = sender == listener.name, self._clock() + timeout_s
        fields: tuple[object, ...]
        if delivery is None:
            fields = (
                state.thread_id or "",
                sender,
                own_name,
                itself,
                usage,
                "",
                None,
                0,
                deadline,
                state.answers,
            )
        else:
            message = delivery.message
            fields = (
                state.thread_id or "", sender, own_name, itself, usage,
                message.id, message.in_reply_to, message.attempt, deadline, state.answers,
            )  # fmt: skip
        return _made(HandlerMetadata, fields)
