"""Whose rows this process writes: its own number, and what it takes over of those that are gone.

Takes the connection that writes; within one transaction it takes the lock of this process, or those of processes that
ended, with their books and their messages. A message that one of them was handling when it ended has one crash more
from then on, on the disk, before anybody can be given it. Knows no message's content.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from agentserver.queues.sqlite.journal import Counts
from agentserver.queues.sqlite.owners import OwnerLock, lock_owner
from agentserver.queues.sqlite.transaction import transaction

_CRASHED: Final = """
UPDATE waiting SET crashes = crashes + 1 WHERE owner = ? AND seq IN (SELECT value FROM json_each(?))
"""
_NO_BOOKS: Final = (0, 0, 0, 0)


@dataclass(slots=True)
class Claimed:
    """What was taken over.

    Args:
        books: The books that came along.
        seqs: The messages, where this process knew of none of them before.
        suspects: How many of them were being handled when a process ended.
    """

    books: Counts = _NO_BOOKS
    seqs: list[int] = field(default_factory=list)
    suspects: int = 0


def enter(connection: Connection, path: Path, now: float) -> tuple[int, OwnerLock, Claimed]:
    """Become an owner: that of a process that is gone, if there is one, else a new one.

    Returns:
        The number, its lock, and what was taken over; `seqs` is left empty, as all that the number owns is new.

    Raises:
        sqlite3.Error: The file cannot be written.
        QueueFault: The lock's file cannot be made.
    """
    with transaction(connection):
        mine: tuple[int, OwnerLock] | None = None
        claimed = Claimed()
        for number in _numbers(connection):
            lock = lock_owner(path, number)
            if lock is None:
                continue
            claimed.suspects += _blame(connection, number, lock)
            if mine is None:
                mine = number, lock
            else:
                _fold(connection, number, mine[0], claimed)
                lock.release(remove=True)
        if mine is None:
            mine = _found(connection, path)
        number, lock = mine
        _fold(connection, 0, number, claimed)
        lock.begin(os.getpid())
        connection.execute(
            "UPDATE owners SET pid = ?, opened_at = ? WHERE number = ?", (os.getpid(), now, number)
        )
        claimed.books, claimed.seqs = _books(connection, number), []
    return number, lock, claimed


def claim(connection: Connection, path: Path, mine: int) -> tuple[Claimed, bool]:
    """Take over what belongs to nobody, or to processes that are gone.

    Args:
        connection: The connection that writes.
        path: The database.
        mine: This process's number.

    Returns:
        What was taken over, and whether no other process has the file open.
    """
    claimed = Claimed()
    others = [number for number in _numbers(connection) if number != mine]
    free = connection.execute("SELECT EXISTS (SELECT 1 FROM waiting WHERE owner = 0)").fetchone()[0]
    if not others and not free:
        return claimed, True
    alone = True
    with transaction(connection):
        if free:
            _fold(connection, 0, mine, claimed)
        for number in others:
            lock = lock_owner(path, number)
            if lock is None:
                alone = False
            else:
                claimed.suspects += _blame(connection, number, lock)
                _fold(connection, number, mine, claimed)
                lock.release(remove=True)
    return claimed, alone


def leave(connection: Connection, number: int, lock: OwnerLock) -> None:
    """Be an owner no more. Where messages wait, its number stays, for whoever opens the file next."""
    lock.begin(0)
    with transaction(connection):
        waiting = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM waiting WHERE owner = ?)", (number,)
        ).fetchone()[0]
        if not waiting:
            _fold(connection, number, 0, Claimed())
    lock.release(remove=not waiting)


def _numbers(connection: Connection) -> list[int]:
    text = connection.execute("SELECT json_group_array(number) FROM owners WHERE number > 0").fetchone()[0]
    numbers: list[int] = sorted(json.loads(text))
    return numbers


def _blame(connection: Connection, number: int, lock: OwnerLock) -> int:
    """Count a crash for what the process was handling that had the lock before; return how many that were."""
    marked = lock.marked()
    return connection.execute(_CRASHED, (number, json.dumps(marked))).rowcount if marked else 0


def _found(connection: Connection, path: Path) -> tuple[int, OwnerLock]:
    number = connection.execute("SELECT max(number) + 1 FROM owners").fetchone()[0]
    lock = lock_owner(path, number)
    while lock is None:  # the lock of one whose row was lost, as when the file was copied from elsewhere
        number += 1
        lock = lock_owner(path, number)
    connection.execute("INSERT INTO owners (number, pid, opened_at) VALUES (?, 0, 0.0)", (number,))
    return number, lock


def _fold(connection: Connection, source: int, target: int, claimed: Claimed) -> None:
    """Give the books and the messages of one owner to another."""
    books = _books(connection, source)
    connection.execute(
        "UPDATE owners SET injected = injected + ?, emitted = emitted + ?, settled = settled + ?, dead = dead + ? "
        "WHERE number = ?",
        (*books, target),
    )
    if source:
        connection.execute("DELETE FROM owners WHERE number = ?", (source,))
    else:
        connection.execute(
            "UPDATE owners SET injected = 0, emitted = 0, settled = 0, dead = 0 WHERE number = 0"
        )
    seqs = connection.execute(
        "SELECT json_group_array(seq) FROM (SELECT seq FROM waiting WHERE owner = ? ORDER BY seq)", (source,)
    ).fetchone()[0]
    if seqs != "[]":
        connection.execute("UPDATE waiting SET owner = ? WHERE owner = ?", (target, source))
    claimed.seqs += json.loads(seqs)
    injected, emitted, settled, dead = (a + b for a, b in zip(claimed.books, books, strict=True))
    claimed.books = injected, emitted, settled, dead


def _books(connection: Connection, number: int) -> Counts:
    row: Counts = connection.execute(
        "SELECT injected, emitted, settled, dead FROM owners WHERE number = ?", (number,)
    ).fetchone()
    return row
