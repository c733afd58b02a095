"""One line on a terminal that shows how far `pipe` is, redrawn a few times a second. Nothing at all elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import Final

import click

from agentserver.cli.message_stream import MessageStream
from agentserver.cli.tally import Tally
from agentserver.cli.terminal import is_terminal, paint

INTERVAL_S: Final = 0.1
BAR_WIDTH: Final = 20

_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """The progress line of a tally.

    Args:
        tally: What is counted.
        stream: The input, which knows how much of it there is.
        wanted: Whether to show anything, given a terminal.
    """

    def __init__(self, tally: Tally, stream: MessageStream, *, wanted: bool) -> None:
        self._stderr = sys.stderr
        self._shown = wanted and is_terminal(self._stderr)
        self._tally, self._stream = tally, stream

    async def redraw(self) -> None:
        """Redraw the line, for ever."""
        while self._shown:
            self.draw()
            await asyncio.sleep(INTERVAL_S)
        await asyncio.Event().wait()

    def draw(self) -> None:
        """Draw the line in its present state."""
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            line = self._line()
            click.echo(_CLEAR_LINE + (line if len(line) <= width else line[:width]), err=True, nl=False)

    def print(self, line: str) -> None:
        """Print a line that stays, above the progress line."""
        self.clear()
        click.echo(line, err=True)

    def clear(self) -> None:
        """Take the progress line away."""
        if self._shown:
            click.echo(_CLEAR_LINE, err=True, nl=False)

    def failure(self, line: str) -> None:
        """Print a failure."""
        self.print(paint(line, "red", self._stderr))

    def _line(self) -> str:
        counts = "  ".join(f"{name} {count:,}" for name, count in self._tally.counts().items())
        return f"{self._bar()}{counts}  {self._tally.rate:,.0f} msg/s"

    def _bar(self) -> str:
        if not self._stream.total_bytes:
            return ""
        share = min(1.0, self._stream.bytes_read / self._stream.total_bytes)
        full = round(share * BAR_WIDTH)
        return f"[{'#' * full}{'-' * (BAR_WIDTH - full)}] {share:4.0%}  "
