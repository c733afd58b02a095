"""Bytes to a file descriptor: soon when there is little, in large pieces when there is much.

Writing happens in a daemon thread, one write at a time and in order, and never blocks the event loop. `put` never
waits, as those who put cannot; whoever makes more to be put waits in `room`, so that a slow reader slows the whole
pipe down and fills no memory.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from agentserver.message_bus.worker_threads import WorkerThreads

MAX_UNWRITTEN_BYTES: Final = 1_048_576
"""Unwritten bytes beyond which `room` waits."""


class ReplyWriter:
    """Write to `fd` in the background, from now on until `aclose`.

    Args:
        fd: Where to write.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending: list[bytes] = []
        self._unwritten_bytes = 0
        self._closing = False
        self._wake, self._has_room = asyncio.Event(), asyncio.Event()
        self._has_room.set()
        self._writing = asyncio.create_task(self._write(), name="agentserver-writer")

    def put(self, data: bytes) -> None:
        """Add bytes to what is to be written."""
        if not data:
            return
        self._pending.append(data)
        self._unwritten_bytes += len(data)
        self._wake.set()
        if self._unwritten_bytes > MAX_UNWRITTEN_BYTES:
            self._has_room.clear()

    async def room(self) -> None:
        """Wait until little enough is unwritten."""
        if not self._has_room.is_set():
            await self._has_room.wait()

    async def failed(self) -> None:
        """Wait until writing fails.

        Raises:
            OSError: It did: nobody reads any more, the disk is full.
        """
        await asyncio.shield(self._writing)

    async def aclose(self, timeout_s: float | None) -> bool:
        """Write the rest; return whether that was possible within `timeout_s`, which may be None for ever.

        Raises:
            OSError: Writing failed.
        """
        self._closing = True
        self._wake.set()
        done, _ = await asyncio.wait([self._writing], timeout=timeout_s)
        for task in done:
            task.result()
        return bool(done)

    async def _write(self) -> None:
        threads = WorkerThreads(max_threads=1)
        try:
            while not self._closing or self._pending:
                if self._pending:
                    data = b"".join(self._pending)
                    self._pending.clear()
                    await threads.call(_write_all, self._fd, data)
                    self._unwritten_bytes -= len(data)
                    if self._unwritten_bytes <= MAX_UNWRITTEN_BYTES:
                        self._has_room.set()
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:
            threads.close()


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
