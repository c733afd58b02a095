"""What may be shown to a person: colours on a terminal alone, and no control characters of anybody else's making.

Texts that quote a message are hostile: an escape sequence in one could rewrite what stands on the screen.
"""

from __future__ import annotations

import os
from typing import IO, Any

from termcolor import colored


def is_terminal(stream: IO[Any] | None) -> bool:
    """Return whether a person reads `stream`."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def wants_colour(stream: IO[Any] | None) -> bool:
    """Return whether `stream` is a terminal that shows colours, and nobody objects (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: IO[Any] | None, *, bold: bool = False) -> str:
    """Return `text` in a colour, if `stream` wants colours."""
    if not wants_colour(stream):
        return text
    return colored(text, colour, attrs=["bold"] if bold else None, force_color=True)


def printable(text: str, keep: str = "") -> str:
    """Return `text` with its control and invisible characters written as escapes, but for those in `keep`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
