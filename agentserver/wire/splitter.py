"""Cut a stream of bytes into messages, so that one broken message leaves its neighbours whole.

Takes bytes in pieces of any size; gives one piece of bytes for each root element, as it was sent. Decides nothing:
what it cuts goes to the strict parser. An envelope inside another message stays inside: cut out, it would let
whoever writes a payload send messages of their own. Only when a message turns out never to be closed, at the end of
the stream or beyond `max_bytes`, it ends where the next envelope begins, and what follows is cut anew; without an
envelope behind it, so much is given out that the parser refuses it as too large. Linear in the bytes fed, whatever
they are and in whatever pieces: nothing is looked at again but the first bytes of what may be a tag, and, some
times, what follows a message that was never closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

_TOKEN: Final = re.compile(  # possessive throughout: what is no tag is given up at the first `<` behind it
    rb"(?P<opaque><!--|<!\[CDATA\[|<\?)"
    rb"|<(?P<end>/)?+[^\s<>/!?=\"'&][^\s<>/=\"']*+(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+>"
)
_UNFINISHED: Final = re.compile(rb"<(?:!(?:-|\[[CDAT]*)?|/?(?:[^\s<>/!?=\"'&][^<]*)?)\Z", re.DOTALL)
_CLOSING: Final = MappingProxyType({b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"})
_INSIDE_TAG: Final = re.compile(rb"(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+")
_INSIDE_VALUE: Final = MappingProxyType({b'"': re.compile(rb"[^\"<]*+"), b"'": re.compile(rb"[^'<]*+")})
_MESSAGE_TAG: Final = re.compile(rb"<(?:[^\s<>:/]++:)?message\b[^<>]*+>")
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?+(?:\s++|<\?.*?\?>|<!--.*?-->)*+\Z", re.DOTALL)
_NAMESPACE: Final = b"ns/envelope/v1"
MAX_ANEW: Final = 16
"""How often what follows a broken message is cut anew; from then on, every envelope begins a message."""
_TAG_KEPT_BYTES: Final = 1_024
"""How much of what may be an envelope's start is kept while skipping; more than its longest start tag."""


class MessageSplitter:
    """Collect pieces with `feed`, take out whole messages; `close` gives what is left.

    Args:
        max_bytes: Longest unfinished message to keep, in bytes.

    Attributes:
        line: The line of the stream on which the message begins that was given last, 1-based.
    """

    __slots__ = (
        "_anew", "_buffer", "_closing", "_counted", "_depth", "_lines", "_looked", "_quote", "_scanned", "_skipping",
        "_start", "line", "max_bytes",
    )  # fmt: skip

    def __init__(self, max_bytes: int = 1_048_576) -> None:
        self.max_bytes = max_bytes
        self.line = 1
        self._lines = 1  # the line at `_counted`, which is never behind `_start`
        self._counted = 0
        self._buffer = bytearray()
        self._skipping = False
        self._anew = 0
        self._depth = 0
        self._start = 0  # where the unfinished message begins
        self._scanned = 0  # where the first token that is not looked at begins
        self._looked = 0  # up to here, that token's end has been looked for
        self._closing = b""  # what ends the comment, CDATA section or PI at `_scanned`
        self._quote = b""  # what ends the attribute value at `_looked`

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add `data`, and give the messages that it completed."""
        try:
            self._buffer += data
        except BufferError:  # somebody looks at a frame in which a match was made, as debuggers do
            self._buffer = self._buffer + data
        while not self._skipping or self._skip():
            yield from self._cut()
            self._drop(self._start)
            if self._buffer[:1].isspace():  # blanks between messages do not add up to one that is too long
                self._drop(len(self._buffer) - len(self._buffer.lstrip()))
            if len(self._buffer) <= self.max_bytes:
                return
            if (behind := self._next_envelope()) is not None:
                yield from self._break_off(behind)
                continue
            self.line = self._line_at(0)
            yield bytes(self._buffer[: self.max_bytes + 1])
            self._restart(self.max_bytes + 1)
            self._skipping = True

    def close(self) -> Iterator[bytes]:
        """Give what is left, if it is more than blanks."""
        while not self._skipping and (behind := self._next_envelope()) is not None:
            yield from self._break_off(behind)
            yield from self._cut()
            self._drop(self._start)
        rest = bytes(self._buffer[self._start :]).lstrip()
        line = self._line_at(len(self._buffer) - len(rest))
        self._restart(len(self._buffer))
        if rest and not self._skipping and _PROLOG.match(rest) is None:
            self.line = line
            yield rest.rstrip()
        self._skipping = False

    def _next_envelope(self) -> int | None:
        """Find where the next envelope begins behind the start of a message that is not closed."""
        own = _TOKEN.search(self._buffer, self._start)
        if own is None:
            return None
        found = self._envelope_from(own.end())
        del own  # it keeps the buffer from shrinking
        return found

    def _envelope_from(self, at: int) -> int | None:
        tags = _MESSAGE_TAG.finditer(self._buffer, at)
        return next((tag.start() for tag in tags if _NAMESPACE in tag[0]), None)

    def _break_off(self, end: int) -> Iterator[bytes]:
        """Give what was never closed, up to `end`, and begin anew there."""
        yield from self._piece(end)
        self._restart(end)
        self._anew += 1

    def _restart(self, at: int) -> None:
        """Forget what is before `at`, and that it was unfinished."""
        self._count_lines(at)
        self._cut_off(at)
        self._depth = self._start = self._scanned = self._looked = 0
        self._closing = self._quote = b""

    def _drop(self, count: int) -> None:
        self._count_lines(count)
        self._cut_off(count)
        self._start = max(0, self._start - count)
        self._scanned -= count
        self._looked -= count

    def _cut_off(self, count: int) -> None:
        try:
            del self._buffer[:count]
        except BufferError:  # as above
            self._buffer = self._buffer[count:]

    def _count_lines(self, count: int) -> None:
        """Count the lines in what is about to be dropped."""
        self._line_at(max(count, self._counted))
        self._counted -= count

    def _line_at(self, at: int) -> int:
        """Return the line at a place that is not before the last one asked for."""
        self._lines += self._buffer.count(b"\n", self._counted, at)
        self._counted = at
        return self._lines

    def _skip(self) -> bool:
        """Drop the rest of a message that was too long; False when the next envelope is not there yet."""
        found = self._envelope_from(0)
        self._restart(max(0, len(self._buffer) - _TAG_KEPT_BYTES) if found is None else found)
        self._skipping = found is None
        return found is not None

    def _cut(self) -> Iterator[bytes]:
        while (self._looked == self._scanned and not self._closing) or self._ready():
            token = _TOKEN.search(self._buffer, self._scanned)
            if token is None:
                self._wait()
                return
            if token["opaque"]:
                self._scanned, self._looked = token.start(), token.end()
                self._closing = _CLOSING[token["opaque"]]
                continue
            self._scanned = self._looked = token.end()
            tag = token[0]
            if token["end"]:
                self._depth -= 1
            else:
                if (not self._depth or self._anew > MAX_ANEW) and self._begins_a_message(tag, token.start()):
                    yield from self._piece(token.start())
                    self._depth = 0
                self._depth += not tag.endswith(b"/>")
            if self._depth <= 0:
                self._depth = 0
                yield from self._piece(token.end())

    def _ready(self) -> bool:
        """Whether the token at `_scanned` may be complete by now; look for its end in what is new."""
        if self._closing:
            end = self._buffer.find(self._closing, self._looked)
            if end < 0:
                self._looked = max(self._looked, len(self._buffer) - len(self._closing) + 1)
                return False
            self._scanned = self._looked = end + len(self._closing)
            self._closing = b""
            return True
        if self._looked == self._scanned:
            return True
        while True:
            inside = _INSIDE_VALUE[self._quote] if self._quote else _INSIDE_TAG
            found = inside.match(self._buffer, self._looked)
            assert found is not None  # it may match nothing, but it matches
            self._looked = found.end()
            delimiter = bytes(self._buffer[self._looked : self._looked + 1])
            if not delimiter:
                return False
            if delimiter in b"<>":
                self._looked, self._quote = self._scanned, b""
                return True
            self._looked += 1
            self._quote = b"" if self._quote else delimiter

    def _wait(self) -> None:
        """Stand where the next bytes may complete a token: at the last `<`, or behind everything."""
        last = self._buffer.rfind(b"<", self._scanned)
        if last >= 0 and _UNFINISHED.match(self._buffer, last):
            self._scanned = self._looked = last
            if len(self._buffer) - last > _TAG_KEPT_BYTES:  # shorter ones are looked at again
                self._looked = last + 1
                self._ready()
        else:
            self._scanned = self._looked = len(self._buffer)

    def _begins_a_message(self, tag: bytes, start: int) -> bool:
        """Whether a tag at `start` begins a message, although what stands before it is not closed or is none."""
        return _is_envelope(tag) and (self._depth > 0 or self._is_junk(start))

    def _is_junk(self, end: int) -> bool:
        """Whether more than a prolog stands before the root element at `end`."""
        before = self._buffer[self._start : end]
        return bool(before) and b"<!DOCTYPE" not in before and _PROLOG.match(before) is None

    def _piece(self, end: int) -> Iterator[bytes]:
        piece = bytes(self._buffer[self._start : end]).lstrip()
        self._start = end
        if piece:
            self.line = self._line_at(end - len(piece))
            yield piece.rstrip()[: self.max_bytes + 1]


def _is_envelope(tag: bytes) -> bool:
    return _NAMESPACE in tag and _MESSAGE_TAG.fullmatch(tag) is not None
