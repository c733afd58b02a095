"""Messages read from the file, each checked against its own digest.

Takes a connection and the numbers of messages that wait; gives what the file holds of them, in one step. A row of
which a bit has flipped is given with a message that says so, rather than raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

from agentserver.queues.protocol import QueuedMessage
from agentserver.queues.sqlite.rows import Row, is_intact, message_of

_READ: Final = """
SELECT json_group_array(json_array(seq, hex(id), hex(data), hex(about), hex(digest), priority, deliver_at, attempt,
crashes)) FROM waiting LEFT JOIN messages USING (seq) WHERE seq IN (SELECT value FROM json_each(?))
"""
_STUBS: Final = """
SELECT seq, deliver_at > 0, CASE WHEN json_valid(about) THEN conversation ELSE '' END FROM waiting
LEFT JOIN messages USING (seq) WHERE owner = ? AND seq > ? ORDER BY seq LIMIT ?
"""
_STUBS_OF: Final = """
SELECT json_group_array(json_array(
  seq, deliver_at > 0, CASE WHEN json_valid(about) THEN conversation ELSE '' END
)) FROM waiting LEFT JOIN messages USING (seq) WHERE seq IN (SELECT value FROM json_each(?))
"""


class StoredMessage(NamedTuple):
    """A message as the file has it.

    Args:
        row: Its row.
        message: The message; where it is damaged, its bytes and its id as they stand, and nothing else.
        is_intact: Whether its digest is that of its row.
    """

    row: Row
    message: QueuedMessage
    is_intact: bool


class Stub(NamedTuple):
    """What is known of a message without loading it."""

    seq: int
    is_delayed: bool
    conversation: str


def read_waiting(connection: Connection, seqs: Sequence[int]) -> list[StoredMessage]:
    """Return the messages that wait under such numbers, in the order of the numbers."""
    text = connection.execute(_READ, (json.dumps(seqs),)).fetchone()[0]
    by_seq = {row[0]: row for row in json.loads(text)}
    return [_stored(by_seq[seq]) for seq in seqs if seq in by_seq]


def read_stubs(connection: Connection, owner: int, after: int, limit: int = 5_000) -> Iterator[Stub]:
    """Give what waits for an owner, in order, without its bytes."""
    while True:
        rows = connection.execute(_STUBS, (owner, after, limit)).fetchall()
        yield from (Stub(seq, bool(delayed), conversation or "") for seq, delayed, conversation in rows)
        if len(rows) < limit:
            return
        after = rows[-1][0]


def read_stubs_of(connection: Connection, seqs: Sequence[int]) -> list[Stub]:
    """Return what is known of some of the messages that wait, in order."""
    text = connection.execute(_STUBS_OF, (json.dumps(seqs),)).fetchone()[0]
    return [
        Stub(seq, bool(delayed), conversation or "")
        for seq, delayed, conversation in sorted(json.loads(text))
    ]


def _stored(row: list[Any]) -> StoredMessage:
    data, digest = bytes.fromhex(row[2] or ""), bytes.fromhex(row[4] or "")
    try:
        id_, about = (bytes.fromhex(text or "").decode() for text in (row[1], row[3]))
        intact = is_intact(id_, data, about, digest)
    except UnicodeDecodeError:
        id_, intact = "", False
    seq = row[0]
    if intact:
        message = message_of(id_, data, about, row[5], row[6], row[7], row[8])
    else:
        message = QueuedMessage(id_ or f"damaged-{seq}", data)
    return StoredMessage(Row(seq, digest), message, intact)
