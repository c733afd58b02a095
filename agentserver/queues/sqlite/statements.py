"""Statements over many rows at once, each run in one step.

`sqlite3` gives up the interpreter's lock for each step, and has to get it back from threads that are busy: up to five
milliseconds each time. So rows are not written one after another but as one statement, and what is read comes as one
row, as JSON. Knows which SQL that is; knows no table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from sqlite3 import Connection, Cursor
from typing import Any, Final

MAX_ROWS: Final = 500
"""Rows of one statement: SQLite takes 32,766 parameters at most, and no row here has so many as 60."""


def with_rows(
    connection: Connection, before: str, rows: Sequence[tuple[Any, ...]], after: str = ""
) -> Iterator[Cursor]:
    """Run `before (VALUES of the rows) after`, as often as it takes.

    Args:
        connection: The connection.
        before: What stands before the first row, as `INSERT INTO t (a, b) VALUES`.
        rows: The parameters of each row, all of the same length.
        after: What stands behind the last.

    Yields:
        The cursor of each run.
    """
    if not rows:
        return
    one = f"({','.join('?' * len(rows[0]))})"
    for start in range(0, len(rows), MAX_ROWS):
        part = rows[start : start + MAX_ROWS]
        sql = f"{before} {','.join([one] * len(part))} {after}"
        yield connection.execute(sql, tuple(chain.from_iterable(part)))
