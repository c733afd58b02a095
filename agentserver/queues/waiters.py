"""Who waits for a queue: woken one at a time, in the order in which they came, and never forgotten.

One that was woken and is cancelled before it runs hands the call on to the next. One event loop; no threads.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Waiters:
    """Those who wait for one thing.

    Attributes:
        futures: One for each of them; whether there are any is for everyone to see.
        woken: How many were woken and did not go on yet.
    """

    __slots__ = ("futures", "woken")

    def __init__(self) -> None:
        self.futures: deque[asyncio.Future[None]] = deque()
        self.woken = 0

    async def wait(self) -> None:
        """Wait to be woken."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.wake_one()  # the call came too late for this one: hand it on
            elif future in self.futures:
                self.futures.remove(future)
            raise
        finally:
            if future.done() and not future.cancelled():
                self.woken -= 1

    def wake_one(self) -> None:
        """Wake the first."""
        while self.futures:
            future = self.futures.popleft()
            if not future.done():
                future.set_result(None)
                self.woken += 1
                return

    def wake_all(self) -> None:
        """Wake everyone."""
        while self.futures:
            self.wake_one()
