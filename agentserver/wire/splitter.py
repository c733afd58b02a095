"""Cut a stream of bytes into messages, so that one broken message leaves its neighbours whole.

Takes bytes in pieces of any size; gives one piece of bytes for each root element, as it was sent. Decides nothing: what
it cuts goes to the strict parser. A message that is never closed ends where the next envelope begins. Keeps at most
`max_bytes` of an unfinished message; of a longer one that much is given out, for the parser to refuse as too large, and
the rest is skipped up to the next envelope. Linear in the bytes fed, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_OPENING: Final = re.compile(
    rb"(?P<opaque><!--|<!\[CDATA\[|<\?)"
    rb"|<(?P<end>/)?(?P<name>[^\s<>/!?=\"'&][^\s<>/=\"']*)(?P<rest>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)>"
)
_CLOSING: Final = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_ENVELOPE: Final = re.compile(rb"<(?:[^\s<>:/]+:)?message\b[^<>]*ns/envelope/v1[^<>]*>")


class MessageSplitter:
    """Collect pieces with `feed`, take out whole messages; `close` gives what is left.

    Args:
        max_bytes: Longest unfinished message to keep, in bytes.
    """

    __slots__ = ("_buffer", "_depth", "_scanned", "_skipping", "_start", "max_bytes")

    def __init__(self, max_bytes: int = 1_048_576) -> None:
        self.max_bytes = max_bytes
        self._buffer = b""
        self._reset()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add `data`, and give the messages that it completed."""
        self._buffer += data
        if self._skipping and not self._skip():
            return
        yield from self._cut()
        self._buffer = self._buffer[self._start :]
        self._scanned -= self._start
        self._start = 0
        if len(self._buffer) > self.max_bytes:
            yield self._buffer[: self.max_bytes + 1]
            self._buffer = self._buffer[self.max_bytes + 1 :]
            self._reset()
            self._skipping = True

    def close(self) -> Iterator[bytes]:
        """Give the unfinished rest, if it is more than blanks."""
        rest, self._buffer = self._buffer[self._start :], b""
        self._reset()
        if rest.strip() and not self._skipping:
            yield rest

    def _reset(self) -> None:
        self._depth = 0
        self._scanned = 0  # up to here the buffer has been looked at
        self._start = 0  # where the unfinished message begins

    def _skip(self) -> bool:
        """Drop the rest of a message that was too long; False when the next envelope is not there yet."""
        found = _ENVELOPE.search(self._buffer)
        self._buffer = self._buffer[found.start() :] if found else self._buffer[-1024:]
        self._skipping = found is None
        return found is not None

    def _cut(self) -> Iterator[bytes]:
        while token := _OPENING.search(self._buffer, self._scanned):
            if token["opaque"]:
                end = self._buffer.find(_CLOSING[token["opaque"]], token.end())
                if end < 0:
                    return  # its end has not come yet
                self._scanned = end
                continue
            self._scanned = token.end()
            if token["end"]:
                self._depth -= 1
            else:
                if self._depth > 0 and _ENVELOPE.fullmatch(token[0]):  # what came before was never closed
                    yield from self._piece(token.start())
                    self._depth = 0
                self._depth += not token["rest"].endswith(b"/")
            if self._depth <= 0:
                self._depth = 0
                yield from self._piece(token.end())

    def _piece(self, end: int) -> Iterator[bytes]:
        piece = self._buffer[self._start : end].strip()
        self._start = end
        if piece:
            yield piece
