"""Log lines to a stream that may be read slowly, or not at all: whoever logs never waits for it.

Takes records, which are made lines at once; a thread writes them. Beyond a number of lines that wait, new ones are
dropped, and how many were is told once there is room again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from contextlib import suppress
from typing import Final, TextIO

MAX_LINES: Final = 10_000
"""Lines that wait to be written; of more, the newest are dropped."""
PATIENCE_S: Final = 1.0
"""Seconds for which `flush` waits for a stream that takes nothing."""


class LogWriter(logging.Handler):
    """Write records to a stream, in a thread.

    Args:
        stream: Where to.
        max_lines: Lines that wait.
    """

    def __init__(self, stream: TextIO, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        self._stream, self._max_lines = stream, max_lines
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._closed = False
        self._state = threading.Condition()
        self._idle = True
        threading.Thread(target=self._write, name="log-writer", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, or drop it."""
        try:
            line = f"{self.format(record)}\n"
        except Exception:  # noqa: BLE001  # as the standard library's handlers have it
            self.handleError(record)
            return
        with self._state:
            if self._closed or len(self._lines) >= self._max_lines:
                self._dropped += 1
                return
            if self._dropped:
                self._lines.append(self._told())
            self._lines.append(line)
            self._idle = False
            self._state.notify_all()

    def flush(self) -> None:
        """Wait until all is written, but not long."""
        with self._state:
            self._state.wait_for(lambda: self._idle, PATIENCE_S)

    def close(self) -> None:
        """Write what is left, and end the thread."""
        with self._state:
            if self._dropped and not self._closed:
                self._lines.append(self._told())
                self._idle = False
            self._closed = True
            self._state.notify_all()
        self.flush()
        super().close()

    def _told(self) -> str:
        """Return the line that says how many were dropped."""
        count, self._dropped = self._dropped, 0
        record = logging.makeLogRecord(
            {"name": __name__, "levelname": "WARNING", "msg": "log lines were dropped"}
        )
        record.count = count
        return f"{self.format(record)}\n"

    def _write(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._lines or self._closed)
                if not self._lines:
                    return
                text = "".join(self._lines)
                self._lines.clear()
            with suppress(OSError, ValueError):  # nobody reads it any more
                self._send(text)
            with self._state:
                if not self._lines:
                    self._idle = True
                    self._state.notify_all()

    def _send(self, text: str) -> None:
        """Write to the stream's file itself: its buffer has a lock, for which the end of the process would wait."""
        try:
            file = self._stream.fileno()
        except OSError:  # it has none
            self._stream.write(text)
            return
        data = text.encode(self._stream.encoding, "backslashreplace")
        while data:
            data = data[os.write(file, data) :]
