"""The heads of the hash chains: where each conversation stands, as far as this process knows.

Takes endings; gives the links that they become. What it remembers may be out of date, as another process may have
written; so a link is written only where its conversation still is as long as it was thought to be, and else `forget`
is called, the heads are read anew, and the links made again. Runs no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeAlias

from agentserver.queues.sqlite.chain import first_hash, letter_digest, next_hash
from agentserver.queues.sqlite.changes import End
from agentserver.queues.sqlite.rows import about_ending, letter_columns

MAX_KNOWN: Final = 20_000
"""Conversations to remember; about 300 bytes each."""


@dataclass(slots=True)
class Head:
    """Where one conversation stands; `number` is None for one of which no ending is kept."""

    name: str
    number: int | None
    length: int
    hash: bytes
    was: int = 0  # its length before the links that are being written

    def grow(self, end: End) -> _Link:
        """Add an ending."""
        place, record = self.length + 1, end.record
        canonical, said, content = record.canonical, None, None
        if canonical is not None:
            content = sha256(canonical).hexdigest()
        if end.letter is not None:
            said = letter_digest(letter_columns(end.letter, end.message), end.letter.canonical)
        about = about_ending(place, end.row.digest, end.message.attempt, record, content, said)
        self.length, self.hash = place, next_hash(self.hash, about, self.name)
        return end.row.seq, self, place, about, canonical, record.ended_at, self.hash


_Link: TypeAlias = tuple[int, Head, int, str, bytes | None, float, bytes]
"""One row of `endings`, with its conversation in the place of that one's number."""


@dataclass(slots=True)
class Links:
    """The links of one commit, and the conversations that they belong to."""

    links: list[_Link] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of `endings`, once all conversations have numbers."""
        return [(seq, head.number, *rest) for seq, head, *rest in self.links]


class Heads:
    """The heads that are known."""

    def __init__(self) -> None:
        self._known: dict[str, Head] = {}
        self._ask_for = 0  # commits before which unknown conversations are looked up, as one of them was no new one

    def unknown(self, ends: Iterable[End]) -> list[str]:
        """Return the conversations to look up before links are made."""
        if not self._ask_for:
            return []
        self._ask_for -= 1
        return list({conversation_of(end): None for end in ends}.keys() - self._known.keys())

    def learn(self, found: Iterable[Sequence[object]]) -> None:
        """Take what was looked up: name, number, length, and the hash in hexadecimal."""
        for name, number, length, head in found:
            assert isinstance(name, str)
            assert isinstance(number, int)
            assert isinstance(length, int)
            self._known[name] = Head(name, number, length, bytes.fromhex(str(head)))

    def links(self, ends: Iterable[End]) -> Links:
        """Make the links of endings. They count only once `written` is called."""
        made = Links()
        known, heads, links = self._known, made.heads, made.links
        for end in ends:
            name = conversation_of(end)
            head = heads.get(name)
            if head is None:
                before = known.get(name)
                if before is None:
                    head = Head(name, None, 0, first_hash(name))
                else:
                    head = Head(name, before.number, before.length, before.hash, before.length)
                heads[name] = head
            links.append(head.grow(end))
        return made

    def written(self, made: Links) -> None:
        """Remember what was committed."""
        if len(self._known) + len(made.heads) > MAX_KNOWN:
            self._known.clear()
        self._known.update(made.heads)

    def forget(self) -> None:
        """Forget all, as some of it was wrong."""
        self._known.clear()
        self._ask_for = 100


def conversation_of(end: End) -> str:
    """Return the name of the conversation that an ending belongs to."""
    name = end.record.conversation_id or end.message.conversation_id or ""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
