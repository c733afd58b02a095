"""One statement for all that a commit writes.

`sqlite3` gives up the interpreter's lock for each statement, and has to get it back from threads that are busy, which
takes up to five milliseconds each time. So everything of a commit goes into one: rows of several kinds are inserted
into a view, whose triggers write them where they belong. View and triggers are the connection's own; nothing of them is
in the file. As one statement it is one transaction, committed by its last step.

Takes rows as the functions here make them. Raises `sqlite3.IntegrityError` when one of them finds something else in
the file than was thought to be there; then nothing was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from agentserver.queues.sqlite.transaction import transaction

InboxRow: TypeAlias = tuple[Any, ...]
"""A kind, and seven values."""

PUT: Final = 1
"""seq, id, data, about, digest: a message that waits from now on."""
WAIT_AS: Final = 2
"""seq, priority, deliver_at, attempt, crashes: how a message waits that is this process's."""
END: Final = 3
"""seq, number of the conversation, place, about, canonical, ended_at, hash: the end of such a message."""
GROWN: Final = 4
"""number, head before, length, head: a conversation that has grown."""
BEGUN: Final = 5
"""number, name, length, head: a conversation that is new."""
BURY: Final = 6
"""seq, canonical, stage to crashes as JSON, died_at: a dead letter."""
KEY: Final = 7
"""key, message_id, settled_at, from when on another one stands: a key that is known from now on."""
BOOKS: Final = 8
"""injected, emitted, settled, dead: this process's books."""

MAX_ROWS: Final = 2_048
_SIZES: Final = (8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, MAX_ROWS)
"""Rows of one statement: few sizes, so that each is made ready once."""
_WIDTH: Final = 8
_NOTHING: Final = (None,) * _WIDTH

_WAIT_AS_SET: Final = "SET priority = NEW.b, deliver_at = NEW.c, attempt = NEW.d, crashes = NEW.e"
_TRIGGERS: Final = MappingProxyType(
    {
        PUT: """
      INSERT INTO messages (seq, id, data, about, digest) VALUES (NEW.a, NEW.b, NEW.c, NEW.d, NEW.e);
      INSERT INTO waiting (seq, owner) VALUES (NEW.a, {owner});""",
        WAIT_AS: f"""
      UPDATE waiting {_WAIT_AS_SET} WHERE seq = NEW.a AND owner = {{owner}};
      SELECT RAISE(ABORT, 'lost') WHERE changes() = 0;""",
        END: """
      DELETE FROM waiting WHERE seq = NEW.a AND owner = {owner};
      SELECT RAISE(ABORT, 'lost') WHERE changes() = 0;
      INSERT INTO endings (seq, conversation, place, about, canonical, ended_at, hash)
      VALUES (NEW.a, NEW.b, NEW.c, NEW.d, NEW.e, NEW.f, NEW.g);""",
        GROWN: """
      UPDATE conversations SET length = NEW.c, head = NEW.d WHERE number = NEW.a AND head = NEW.b;
      SELECT RAISE(ABORT, 'outdated') WHERE changes() = 0;""",
        BEGUN: """
      INSERT INTO conversations (number, name, length, head) VALUES (NEW.a, NEW.b, NEW.c, NEW.d);""",
        BURY: """
      INSERT INTO dead_letters (seq, canonical, stage, code, reason, path, sender, thread_id, to_id, exhausted,
        attempt, crashes, died_at)
      VALUES (NEW.a, NEW.b, json_extract(NEW.c, '$[0]'), json_extract(NEW.c, '$[1]'), json_extract(NEW.c, '$[2]'),
        json_extract(NEW.c, '$[3]'), json_extract(NEW.c, '$[4]'), json_extract(NEW.c, '$[5]'),
        json_extract(NEW.c, '$[6]'), json_extract(NEW.c, '$[7]'), json_extract(NEW.c, '$[8]'),
        json_extract(NEW.c, '$[9]'), NEW.d);""",
        KEY: """
      INSERT INTO keys (key, message_id, settled_at) VALUES (NEW.a, NEW.b, NEW.c)
      ON CONFLICT (key) DO UPDATE SET message_id = excluded.message_id, settled_at = excluded.settled_at
      WHERE keys.settled_at <= NEW.d;""",
        BOOKS: """
      UPDATE owners SET injected = NEW.a, emitted = NEW.b, settled = NEW.c, dead = NEW.d WHERE number = {owner};""",
    }
)


def prepare(connection: Connection, owner: int) -> None:
    """Make the view and its triggers.

    Args:
        connection: The connection that writes.
        owner: The number of this process.
    """
    columns = ", ".join(f"NULL AS {name}" for name in "abcdefg")
    connection.execute(f"CREATE TEMP VIEW inbox AS SELECT NULL AS kind, {columns}")
    for kind, body in _TRIGGERS.items():
        connection.execute(
            f"CREATE TEMP TRIGGER inbox_{kind} INSTEAD OF INSERT ON inbox WHEN NEW.kind = {kind} BEGIN"
            f"{body.format(owner=owner)} END"
        )


def write(connection: Connection, rows: Sequence[InboxRow]) -> None:
    """Write rows, in their order, in one transaction."""
    if len(rows) <= MAX_ROWS:
        _insert(connection, rows)
        return
    with transaction(connection):
        for start in range(0, len(rows), MAX_ROWS):
            _insert(connection, rows[start : start + MAX_ROWS])


def _insert(connection: Connection, rows: Sequence[InboxRow]) -> None:
    count = len(rows)
    size = next(size for size in _SIZES if size >= count)
    values: list[Any] = list(chain.from_iterable(rows))
    values += _NOTHING * (size - count)
    connection.execute(_SQL[size], values)


_ROW: Final = f"({','.join('?' * _WIDTH)})"
_SQL: Final = MappingProxyType(
    {size: f"INSERT INTO inbox VALUES {','.join([_ROW] * size)}" for size in _SIZES}  # noqa: S608  # of question marks
)
