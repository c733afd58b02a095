"""One transaction that writes: whole, or not at all. Takes a connection in autocommit; knows no table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Make one transaction of the block, which has the right to write from its beginning.

    Raises:
        sqlite3.Error: It cannot begin, or not be committed. Nothing of it is in the file then.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:  # whatever ends the block, a half of it must not stay; it is raised on
        if connection.in_transaction:  # SQLite rolls back by itself after some errors
            connection.execute("ROLLBACK")
        raise
