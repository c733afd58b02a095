"""The heads of the hash chains: where each conversation stands, as far as this process knows.

Takes endings; gives the rows that they become. What it remembers may be out of date, as another process may have
written; so a row is written only where its conversation still has the head that it was thought to have, and else the
heads are learned anew, and the rows made again. Runs no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from agentserver.queues.sqlite.chain import first_hash, letter_digest, next_hash
from agentserver.queues.sqlite.changes import End
from agentserver.queues.sqlite.inbox import BEGUN, END, GROWN, InboxRow
from agentserver.queues.sqlite.rows import about_ending, letter_columns

MAX_KNOWN: Final = 20_000
"""Conversations to remember; about 300 bytes each."""
LOOKED_UP: Final = 100
"""Commits for which unknown conversations are looked up first, once one of them turned out to be no new one."""


@dataclass(slots=True)
class Head:
    """Where one conversation stands."""

    name: str
    number: int
    length: int
    hash: bytes
    was: bytes = b""  # its hash before what is being written
    is_new: bool = False
    name_bytes: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Keep what goes into each hash."""
        self.name_bytes = self.name.encode("utf-8", "surrogatepass")

    def end(self, end: End) -> InboxRow:
        """Add an ending; return its row."""
        row, message, record, letter = end
        place, canonical, said, content = self.length + 1, record[2], None, None
        if canonical is not None:
            content = sha256(canonical).hexdigest()
        if letter is not None:
            said = letter_digest(letter_columns(letter, message), letter.canonical)
        about = about_ending(place, row[1], message.attempt, record, content, said)
        self.length, self.hash = place, next_hash(self.hash, about, self.name_bytes)
        return END, row[0], self.number, place, about, canonical, record[11], self.hash

    @property
    def row(self) -> InboxRow:
        """Its own row, with all its endings."""
        if self.is_new:
            return BEGUN, self.number, self.name, self.length, self.hash, None, None, None
        return GROWN, self.number, self.was, self.length, self.hash, None, None, None


@dataclass(slots=True)
class Links:
    """The rows of the endings of one commit, and where they leave their conversations."""

    rows: list[InboxRow] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    next_number: int = 0


class Heads:
    """The heads that are known.

    Attributes:
        next_number: That of the next new conversation.
    """

    def __init__(self, next_number: int) -> None:
        self.next_number = next_number
        self._known: dict[str, Head] = {}
        self._look_up = 0

    def unknown(self, ends: Iterable[End]) -> list[str]:
        """Return the conversations to look up before rows are made."""
        if not self._look_up:
            return []
        self._look_up -= 1
        return list(dict.fromkeys(name for end in ends if (name := conversation_of(end)) not in self._known))

    def learn(self, found: Iterable[Sequence[object]]) -> None:
        """Take what was looked up: name, number, length, and the hash in hexadecimal."""
        for name, number, length, head in found:
            assert isinstance(name, str)
            assert isinstance(number, int)
            assert isinstance(length, int)
            self._known[name] = Head(name, number, length, bytes.fromhex(str(head)))

    def links(self, ends: Iterable[End]) -> Links:
        """Make the rows of endings. They count only once `written` is called."""
        made = Links(next_number=self.next_number)
        known, heads, rows = self._known, made.heads, made.rows
        for end in ends:
            name = conversation_of(end)
            head = heads.get(name)
            if head is None:
                before = known.get(name)
                if before is None:
                    head = Head(name, made.next_number, 0, first_hash(name), is_new=True)
                    made.next_number += 1
                else:
                    head = Head(name, before.number, before.length, before.hash, before.hash)
                heads[name] = head
            rows.append(head.end(end))
        rows += [head.row for head in heads.values()]
        return made

    def written(self, made: Links) -> None:
        """Remember what was committed."""
        if len(self._known) + len(made.heads) > MAX_KNOWN:
            self._known.clear()
        self._known.update(made.heads)
        self.next_number = made.next_number

    def forget(self, next_number: int) -> None:
        """Forget all, as some of it was wrong."""
        self._known.clear()
        self.next_number, self._look_up = next_number, LOOKED_UP


def conversation_of(end: End) -> str:
    """Return the name of the conversation that an ending belongs to."""
    name = end[2][3] or end[1].conversation_id or ""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
