"""How `pipe` writes replies: one XML document a line, or all of them in one JSON document.

Gives bytes; writes nothing. JSON is made piece by piece, so that a stream of any length needs no memory.
"""

from __future__ import annotations

import json
from typing import Any, Protocol


class ReplyFormat(Protocol):
    """What goes before the first reply, how each is written, and what goes behind the last."""

    def opening(self) -> bytes:
        """Return what goes first."""

    def reply(self, canonical: bytes) -> bytes:
        """Return one reply."""

    def closing(self, summary: dict[str, Any]) -> bytes:
        """Return what goes last."""


class XmlLines:
    """Each reply is a line: canonical XML, with line breaks in texts as `&#xA;`, which means the same."""

    def opening(self) -> bytes:
        """Return nothing."""
        return b""

    def reply(self, canonical: bytes) -> bytes:
        """Return the line."""
        return canonical.replace(b"\n", b"&#xA;") + b"\n"

    def closing(self, summary: dict[str, Any]) -> bytes:
        """Return nothing."""
        return b""


class JsonDocument:
    """One object: the replies as a list of strings under `replies_xml`, and then the summary's keys."""

    def __init__(self) -> None:
        self._separator = b"\n"

    def opening(self) -> bytes:
        """Return the beginning of the object."""
        return b'{"replies_xml": ['

    def reply(self, canonical: bytes) -> bytes:
        """Return one item of the list."""
        separator, self._separator = self._separator, b",\n"
        return separator + json.dumps(canonical.decode(), ensure_ascii=False).encode()

    def closing(self, summary: dict[str, Any]) -> bytes:
        """Return the rest of the object."""
        return b"], " + json.dumps(summary, ensure_ascii=False).encode()[1:] + b"\n"
