"""What a line is: one way in which a given work is done, that can be timed beside the others.

A line is opened once, stays open while its rounds and those of its neighbours go by, and is timed by itself: it
begins the clock at its first input and stops it when its last is handled. It raises `LineBroken` rather than report
the time of work that was not done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, TypeAlias

from agentserver.config import ListenerConfig
from agentserver.message_bus import HandlerMetadata, HandlerResponse
from agentserver.message_bus.listener import Handler

Timed: TypeAlias = Callable[[int], Awaitable[float]]
"""Handle so many inputs; give the seconds that it took."""


class Line(NamedTuple):
    """A line by its name.

    Args:
        name: `bare`, `gate`, `gate of 50`, `pump`, or what else it is called in a table.
        opened: Opens it, gives what times it, and closes it.
    """

    name: str
    opened: Callable[[], AbstractAsyncContextManager[Timed]]


class LineBroken(RuntimeError):
    """A line did not do all of its work, so its time means nothing."""


class Sink:
    """Handlers that count what reaches them, so that no line is quick by losing messages."""

    def __init__(self) -> None:
        self.taken = 0

    async def take(self, payload: object, metadata: HandlerMetadata) -> None:
        """Take a payload and answer nothing."""
        self.taken += 1

    def forward(self, to_id: str) -> Handler:
        """Return a handler that sends each payload on to `to_id`."""

        async def send_on(payload: object, metadata: HandlerMetadata) -> HandlerResponse:
            self.taken += 1
            return HandlerResponse(payload, to=to_id)

        return send_on

    def check(self, name: str, expected: int) -> None:
        """Raise unless so many payloads came since the last check.

        Raises:
            LineBroken: There were fewer, or more.
        """
        taken, self.taken = self.taken, 0
        if taken != expected:
            raise LineBroken(f"the {name} line handled {taken} messages of {expected}")


Listening: TypeAlias = Callable[[Sink], Sequence[ListenerConfig]]
"""Gives the listeners of a work, whose handlers count into the sink."""
