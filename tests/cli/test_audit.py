"""`agentserver audit verify`: whatever somebody does to the history with SQL is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentserver.queues.sqlite.history_fault import Fault
from agentserver.queues.sqlite.verification import verify
from agentserver.queues.sqlite.visits import reading

from .queue_files import Stored, copied

THREADS = ("0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77", "1e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A history of some conversations, with dead letters, an input of several, and what nobody knew the thread of."""
    stored = Stored(tmp_path_factory.mktemp("history"))
    stored.asked.touch()
    stored.run(*map(stored.question, THREADS), stored.question(THREADS[0]) + stored.question(THREADS[1]))
    stored.asked.unlink()
    stored.run(stored.question(THREADS[0]), stored.login(), b"<no xml", stored.question())
    stored.command("dead", "retry", "--all", "--listener", "worker")
    stored.run()
    stored.command("dead", "retry", "--all", "--listener", "door")
    return stored


@pytest.fixture
def stored(template: Stored, tmp_path: Path) -> Stored:
    return copied(template, tmp_path)


def faults(stored: Stored) -> list[Fault]:
    with reading(stored.path) as connection:
        return list(verify(connection))


def test_an_untouched_history_is_right(stored: Stored) -> None:
    found = stored.document("audit", "verify")

    assert (True, []) == (found["ok"], found["faults"])
    assert found["endings"] > 20
    assert "OK: " in stored.command("audit", "verify").stdout


def test_one_conversation(stored: Stored) -> None:
    with stored.sql() as connection:
        connection.execute(
            "UPDATE messages SET data = x'00' WHERE seq IN (SELECT seq FROM endings WHERE thread_id = ?)",
            (THREADS[1],),
        )

    assert stored.document("audit", "verify", "--thread", THREADS[0])["ok"]
    found = stored.document("audit", "verify", "--thread", THREADS[1][:6], code=1)
    assert [("edited", THREADS[1], 1)] == [
        (each["wrong"], each["conversation"], each["place"]) for each in found["faults"]
    ]


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE messages SET data = zeroblob(1) WHERE seq = (SELECT min(seq) FROM endings)", "edited"),
        ("UPDATE messages SET about = replace(about, 'desk', 'eve') WHERE sender = 'desk'", "edited"),
        (
            "UPDATE endings SET about = replace(about, 'handler-failed', 'x') WHERE code = 'handler-failed'",
            "edited",
        ),
        ("UPDATE endings SET canonical = x'00' WHERE canonical IS NOT NULL", "edited"),
        ("UPDATE endings SET ended_at = ended_at + 1", "edited"),
        ("UPDATE dead_letters SET reason = 'all is well'", "edited"),
        ("DELETE FROM endings WHERE place = 1", "missing"),
        (
            "DELETE FROM endings WHERE (conversation, place) IN (SELECT number, length FROM conversations)",
            "missing",
        ),
        ("DELETE FROM messages WHERE seq IN (SELECT seq FROM endings WHERE place = 2)", "missing"),
        ("DELETE FROM conversations WHERE length > 1", "missing"),
        ("UPDATE conversations SET head = zeroblob(32)", "head"),
        ("UPDATE conversations SET length = length - 1", "head"),
        ("UPDATE conversations SET anchored = 1", "anchor"),
        ("UPDATE conversations SET anchored = 1, anchor = zeroblob(32)", "missing"),
        ("UPDATE owners SET settled = settled - 1", "books"),
        ("DELETE FROM waiting", "stray"),
        ("UPDATE messages SET data = x'00' WHERE seq IN (SELECT seq FROM waiting)", "edited"),
        ("UPDATE meta SET value = value + 1 WHERE name = 'forgotten'", "books"),
    ],
)
def test_what_was_done_is_named(stored: Stored, statement: str, wrong: str) -> None:
    with stored.sql() as connection:
        assert connection.execute(statement).rowcount

    result = stored.command("audit", "verify", code=1)
    assert wrong in {line.partition(":")[0] for line in result.stdout.splitlines()}
    assert "WRONG: " in result.stdout


@pytest.mark.parametrize("swapped", ["place", "seq", "about"])
def test_two_endings_that_changed_places_are_found(stored: Stored, swapped: str) -> None:
    with stored.sql() as connection:
        rows = connection.execute(
            "SELECT rowid, place, seq, about FROM endings WHERE conversation ="
            " (SELECT number FROM conversations WHERE name = ?) ORDER BY place",
            (THREADS[0],),
        ).fetchall()
        swap(connection, "endings", swapped, rows[0][0], rows[1][0])

    assert {"reordered", "edited"} & {fault.wrong for fault in faults(stored)}


def test_heads_tell_of_a_history_that_was_written_anew(stored: Stored) -> None:
    heads = stored.document("audit", "verify")["heads"]
    stored.command("audit", "verify", "--expect", heads)

    stored.run(stored.login())
    assert "head: " in stored.command("audit", "verify", "--expect", heads, code=1).stdout


def test_a_snapshot_tells_of_a_history_that_was_written_anew(stored: Stored, tmp_path: Path) -> None:
    snapshot = tmp_path / "kept.snapshot"
    stored.command("snapshot", snapshot)
    stored.run(stored.question(THREADS[0]))
    stored.command("audit", "verify", "--against", snapshot)

    other = Stored(tmp_path / "other")
    other.run(*map(other.question, THREADS), other.login())
    other.command("audit", "verify")
    found = other.document("audit", "verify", "--against", snapshot, code=1)["faults"]
    assert [("head", thread) for thread in THREADS] == [
        (each["wrong"], each["conversation"]) for each in found if each["conversation"] in THREADS
    ]


@pytest.mark.parametrize("option", ["--expect", "--against"])
def test_what_is_about_all_is_not_about_one(stored: Stored, option: str) -> None:
    stored.command("audit", "verify", "--thread", THREADS[0], option, stored.path, code=2)


def swap(connection: sqlite3.Connection, table: str, column: str, one: Any, other: Any) -> None:
    """Exchange a column of two rows, as far as constraints let one."""
    values = dict(
        connection.execute(
            f"SELECT rowid, {column} FROM {table} WHERE rowid IN (?, ?)", (one, other)
        ).fetchall()
    )
    if column == "seq":
        connection.execute(f"UPDATE {table} SET seq = -1 WHERE rowid = ?", (one,))
        connection.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (one, other))
        connection.execute(f"UPDATE {table} SET seq = ? WHERE seq = -1", (other,))
        return
    if column == "place":
        connection.execute(f"UPDATE {table} SET place = -1 WHERE rowid = ?", (one,))
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (values[one], other))
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (values[other], one))


TABLES = {
    "messages": ("id", "data", "about", "digest", "seq"),
    "endings": ("place", "about", "canonical", "ended_at", "hash", "conversation", "seq"),
    "conversations": ("name", "length", "head", "anchored", "anchor", "number"),
    "dead_letters": ("stage", "code", "reason", "path", "sender", "thread_id", "to_id", "attempt", "died_at"),
}


@pytest.fixture(scope="module")
def playground(template: Stored, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A copy whose every change is taken back."""
    return copied(template, tmp_path_factory.mktemp("playground"))


def tampered(connection: sqlite3.Connection, data: st.DataObject) -> bool:
    """Edit, remove or swap; return whether that changed anything."""
    table = data.draw(st.sampled_from(sorted(TABLES)))
    rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    row = data.draw(st.sampled_from(rows))
    deed = data.draw(st.sampled_from(["edit", "remove", "swap"]))
    if deed == "remove" and table != "dead_letters":
        return bool(connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,)).rowcount)
    column = data.draw(st.sampled_from(TABLES[table]))
    if deed == "swap":
        other = data.draw(st.sampled_from(rows))
        chosen = f"SELECT {column} FROM {table} WHERE rowid IN (?, ?)"
        if len({value for (value,) in connection.execute(chosen, (row, other))}) < 2:
            return False
        swap(connection, table, column, row, other)
        return True
    (before,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
    after = other_value(before, data)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (after, row))
    return bool(after != before)


def other_value(before: Any, data: st.DataObject) -> Any:
    """Return another value of the same kind: one bit, one letter or one is other."""
    if before is None:
        return b"\x00"
    if isinstance(before, int | float):
        return before + data.draw(st.sampled_from([-1, 1, 1_000]))
    if isinstance(before, bytes):
        place = data.draw(st.integers(0, len(before)))
        flipped = (
            bytes([before[place] ^ (1 << data.draw(st.integers(0, 7)))]) if place < len(before) else b"\x00"
        )
        return before[:place] + flipped + before[place + 1 :]
    place = data.draw(st.integers(0, len(before)))
    return (
        before[:place] + data.draw(st.sampled_from('a0" ,[')) + before[place + data.draw(st.integers(0, 1)) :]
    )


@given(data=st.data())
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_edit_removal_or_swap_is_found(playground: Stored, data: st.DataObject) -> None:
    with playground.sql() as connection:
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("BEGIN")
        try:
            changed = tampered(connection, data)
        except (sqlite3.IntegrityError, sqlite3.OperationalError):  # which the file does not let happen
            return
        else:
            found = list(faults_within(connection))
        finally:
            connection.rollback()
    assert bool(found) == changed


def faults_within(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Verify within the transaction that has the change."""
    return verify(_Within(connection))  # type: ignore[arg-type]


class _Within:
    """A connection that is in a transaction, and stays in it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, *args: Any) -> Any:
        return self._connection.execute("SELECT 1" if statement == "BEGIN" else statement, *args)

    def rollback(self) -> None:
        pass


def test_one_is_one(tmp_path: Path) -> None:
    stored = Stored(tmp_path)
    stored.run(b"<no xml")

    assert "1 ending of 1 conversation, in" in stored.command("audit", "verify").stdout
