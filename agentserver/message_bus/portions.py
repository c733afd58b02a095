"""What goes through the gate at once: so much that the event loop turns often enough, however large messages are.

Takes the states of a batch; gives them in portions, in order. The gate never waits, so that without these a batch of
fifty messages of a MiB would hold up everything else for seconds, and so would ten thousand bad ones, of which none
reaches a handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from agentserver.message_bus.guard import Batch

PORTION_BYTES: Final = 65_536
"""Bytes that go through the gate together; a message that is larger goes alone."""
TURN_S: Final = 0.01
"""Seconds after which the event loop turns before the next portion."""


def portions(states: Batch) -> Iterator[Batch]:
    """Split a batch where it is large; most are given as they are."""
    sizes = [len(state.raw_bytes or b"") for state in states]
    if sum(sizes) <= PORTION_BYTES:
        yield states
        return
    portion: Batch = []
    held = 0
    for state, size in zip(states, sizes, strict=True):
        if portion and held + size > PORTION_BYTES:
            yield portion
            portion, held = [], 0
        portion.append(state)
        held += size
    yield portion


class Pace:
    """Let the event loop turn every so often, where nothing else may wait."""

    __slots__ = ("_clock", "_due")

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._due = self._clock() + TURN_S

    async def keep(self) -> None:
        """Let the loop turn, if it is time."""
        if self._clock() >= self._due:
            await asyncio.sleep(0)
            self._due = self._clock() + TURN_S
