"""A pump that is told to leave off, wholly or with one listener, while it goes on to admit messages.

What is being handled is finished. A listener that is paused keeps what comes for it in its lane, and behind that in
the queue; of a pump that is paused as a whole, everything waits in the queue. Says whether anything is left that could
be handled now, for whoever waits for that. Knows no messages, and starts nothing.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.draining import Draining
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.listener import Listener
from agentserver.queues import Delivery, MessageQueue, Settlement
from agentserver.queues.waiters import Waiters

EVERYTHING: Final = "*"
"""Stands for the whole organism among the names of what is paused, and for the lane of what it had taken."""


class Pausing:
    """What is paused.

    Args:
        dispatcher: Calls the listeners.
        queue: Where messages wait.
        listeners: Those that there are, by name.

    Attributes:
        source_waits: Whether nothing is between the queue and the dispatcher, as nothing was ready when last asked.
        settling: How many settlements are being made.
    """

    def __init__(
        self, dispatcher: Dispatcher, queue: MessageQueue, listeners: Mapping[str, Listener]
    ) -> None:
        self._dispatcher, self._queue, self._listeners = dispatcher, queue, listeners
        self._whole = False
        self._ended = False
        self._resumed = Waiters()
        self._events: list[asyncio.Future[None]] = []  # of those who wait in `until_still`
        self.source_waits = False
        self.settling = 0
        self._drains: list[Draining] = []

    @property
    def names(self) -> frozenset[str]:
        """The listeners that are paused; `*` among them when the whole organism is."""
        return frozenset(self._dispatcher.paused) | ({EVERYTHING} if self._whole else frozenset())

    def pause(self, listener: str | None) -> None:
        """Give a listener, or all of them, no more calls.

        Raises:
            ValueError: There is no such listener.
        """
        if listener is None:
            self._whole = True
        else:
            self.check(listener)
            self._dispatcher.paused.add(listener)

    def resume(self, listener: str | None) -> None:
        """Go on with a listener, or with the whole; who was paused by name stays so until it is named.

        Raises:
            ValueError: There is no such listener.
        """
        if listener is not None:
            self.check(listener)
            self._go_on(listener)
        elif self._whole:
            self._whole = False
            self._queue.release(EVERYTHING, sys.maxsize)
            self._resumed.wake_all()

    def keep_to(self, names: Mapping[str, object]) -> None:
        """Forget the listeners that are no more."""
        for name in self._dispatcher.paused - names.keys():
            self._go_on(name)

    def is_paused(self, listener: str | None) -> bool:
        """Return whether a listener is paused, by itself or with all; without a name, whether all are."""
        return self._whole or listener in self._dispatcher.paused

    async def take(self, limit: int) -> list[Delivery]:
        """Take from the queue what is ready, as soon as the whole is not paused; nothing once that is closed.

        Args:
            limit: Most messages to take, at least 1.
        """
        self.source_waits = True
        while True:
            self._note()
            while self._whole and not self._ended:
                await self._resumed.wait()
            deliveries = await self._queue.take(limit)
            if not self._whole or self._ended or not deliveries:
                self.source_waits = not deliveries
                return deliveries
            # it was paused while this waited
            await self._queue.settle(Settlement(held=[(delivery, EVERYTHING) for delivery in deliveries]))
            if not self.is_paused(None):
                self._queue.release(EVERYTHING, sys.maxsize)

    def adopt(self, batch: Batch) -> None:
        """Look at what has passed the gate, for whoever waits in `drain`."""
        for draining in self._drains:
            draining.adopt(batch)

    def settled(self, states: Batch) -> None:
        """Look at what has come to its end, for whoever waits in `drain`."""
        for draining in self._drains:
            draining.settled(states)
        self._note()

    async def drain(self, listener: str | None, running: asyncio.Task[Any], timeout_s: float | None) -> bool:
        """Wait until what there is for a listener, or everything, is handled; of what is paused, what was begun.

        Args:
            listener: The listener; None waits for everything.
            running: The pump's task.
            timeout_s: Seconds to wait; None waits without an end.

        Returns:
            Whether it is done; else the time is up, or the pump has stopped.
        """
        if listener is None:
            await self.until_still(running, timeout_s)
            return self.is_still(math.inf)
        draining, dispatcher = Draining(listener), self._dispatcher
        if self.is_paused(listener):
            begun = dispatcher.handled_by(listener)
            draining.begin([state.delivery for state in begun if state.delivery is not None], begun)
        else:
            self._queue.withdraw(draining.remember)
            draining.begin(self._queue.in_flight(), dispatcher.submitted())
        self._drains.append(draining)
        try:
            return await draining.wait(running, timeout_s)
        finally:
            self._drains.remove(draining)

    def end(self) -> None:
        """Hold up nobody any more, as the pump stops."""
        self._ended = True
        self._resumed.wake_all()

    def is_still(self, within_s: float) -> bool:
        """Return whether nothing can be handled for so many seconds, but by a listener that is paused."""
        if self.settling or not self.source_waits or not self._dispatcher.is_still:
            return False
        due_s = None if self._whole or self._ended else self._queue.due_in()
        return due_s is None or due_s > within_s

    async def until_still(self, running: asyncio.Task[Any], timeout_s: float | None) -> None:
        """Wait until nothing can be handled any more in the time that is left, or the pump has stopped.

        Args:
            running: The pump's task.
            timeout_s: Seconds to wait; None waits without an end, and for messages that wait for their time, too.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout_s is None else loop.time() + timeout_s
        while not running.done():
            left_s = math.inf if end is None else end - loop.time()
            if left_s <= 0 or self.is_still(left_s):
                return
            event: asyncio.Future[None] = loop.create_future()
            self._events.append(event)
            await asyncio.wait(
                (event, running),
                timeout=None if end is None else left_s,
                return_when=asyncio.FIRST_COMPLETED,
            )

    def check(self, listener: str) -> None:
        """Look whether there is such a listener.

        Raises:
            ValueError: There is none.
        """
        if listener in self._listeners:
            return
        near = get_close_matches(listener, self._listeners, n=1)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else f"there are: {', '.join(sorted(self._listeners)) or 'none'}"
        )
        raise ValueError(f"no listener is called {listener!r}; {hint}")

    def _go_on(self, listener: str) -> None:
        self._dispatcher.paused.discard(listener)
        self._dispatcher.look_at(listener)

    def _note(self) -> None:
        """Let those look again who wait in `until_still`."""
        if self._events:
            events, self._events = self._events, []
            for event in events:
                event.set_result(None)
