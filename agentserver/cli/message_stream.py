"""Messages from a file descriptor: a file, a pipe or a terminal, cut into single messages as they come.

Reading happens in a daemon thread, so that the pump runs while the input is silent and a read that never returns
keeps no process alive. Nothing is read ahead of what the caller takes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from typing import Final

from agentserver.message_bus.worker_threads import WorkerThreads
from agentserver.wire import MessageSplitter

CHUNK_BYTES: Final = 65_536
"""What a pipe holds on Linux: more is never ready at once."""


class MessageStream:
    """Iterate it to get messages as they were sent.

    Args:
        fd: Where to read.
        max_message_bytes: Longest message; of a longer one, so much is given as shows it.

    Attributes:
        bytes_read: How much has been read.
        total_bytes: Length of a regular file; 0 when nobody knows.
        line: The line of the input on which the message begins that was given last, 1-based.
    """

    def __init__(self, fd: int, max_message_bytes: int) -> None:
        self.bytes_read = 0
        self.line = 1
        status = os.fstat(fd)
        self.total_bytes = status.st_size if stat.S_ISREG(status.st_mode) else 0
        self._fd, self._max_message_bytes = fd, max_message_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        splitter, threads = MessageSplitter(self._max_message_bytes), WorkerThreads(max_threads=1)
        try:
            while chunk := await threads.call(os.read, self._fd, CHUNK_BYTES):
                self.bytes_read += len(chunk)
                for message in splitter.feed(chunk):
                    self.line = splitter.line
                    yield message
            for message in splitter.close():
                self.line = splitter.line
                yield message
        finally:
            threads.close()
