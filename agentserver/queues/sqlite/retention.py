"""What the file lets go: history that is older than its retention, keys behind their window, pages that nobody uses.

Takes the connection that writes; does a little at each call, in one transaction of a few statements, and says whether
there is more. Of a conversation the oldest endings go first, and the hash of the last of them stays as its anchor, so
that what is left can still be verified. Knows the tables; asks for no time.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from agentserver.queues.sqlite.transaction import transaction

MIN_FREE_PAGES: Final = 256
"""Pages that stay in the file for what comes next."""

_THEIRS: Final = "SELECT e.seq FROM going JOIN endings e ON e.conversation = number AND e.place <= upto"
_PREPARE: Final = (
    "CREATE TEMP TABLE going (number INTEGER PRIMARY KEY, upto INTEGER NOT NULL)",
    "CREATE TEMP VIEW too_old AS SELECT NULL AS before, NULL AS most",
    f"""
    CREATE TEMP TRIGGER remove_too_old INSTEAD OF INSERT ON too_old BEGIN
      INSERT INTO going SELECT number, upto FROM (
        SELECT number, anchored, coalesce(
          (SELECT min(place) FROM endings
             WHERE conversation = number AND place <= anchored + NEW.most AND ended_at >= NEW.before) - 1,
          min(length, anchored + NEW.most)
        ) AS upto
        FROM conversations WHERE number IN (
          SELECT conversation FROM endings WHERE ended_at < NEW.before ORDER BY ended_at LIMIT NEW.most
        )
      ) WHERE upto > anchored;
      DELETE FROM messages WHERE seq IN ({_THEIRS}) AND seq NOT IN (SELECT seq FROM dead_letters);
      UPDATE conversations SET anchored = upto, anchor = (
        SELECT hash FROM endings e WHERE e.conversation = going.number AND e.place = upto
      ) FROM going WHERE going.number = conversations.number;
      DELETE FROM endings WHERE seq IN ({_THEIRS});
      UPDATE meta SET value = value + (
        SELECT coalesce(sum(length), 0) FROM conversations JOIN going USING (number) WHERE anchored = length
      ) WHERE name = 'forgotten' AND EXISTS (SELECT 1 FROM going);
      DELETE FROM conversations WHERE anchored = length AND number IN (SELECT number FROM going);
      DELETE FROM going;
    END""",  # noqa: S608  # of constants
)
_OLD_LETTERS: Final = "SELECT seq FROM dead_letters WHERE died_at < :before ORDER BY died_at LIMIT :limit"
_BURIED: Final = (
    f"""DELETE FROM messages WHERE seq IN ({_OLD_LETTERS}) AND seq NOT IN (SELECT seq FROM endings)
          AND seq NOT IN (SELECT seq FROM waiting)""",  # noqa: S608
    f"DELETE FROM dead_letters WHERE seq IN ({_OLD_LETTERS})",  # noqa: S608
)
_OLD_KEYS: Final = """
DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE settled_at <= :before ORDER BY settled_at LIMIT :limit)
"""


def prepare(connection: Connection) -> None:
    """Make what removes history in one statement, as of several each would wait for the interpreter's lock."""
    for statement in _PREPARE:
        connection.execute(statement)


def remove_history(connection: Connection, before: float, limit: int) -> bool:
    """Remove endings that are older than `before`, and their messages.

    Args:
        connection: The connection that writes, prepared.
        before: Seconds since the epoch.
        limit: Endings to look at; of one conversation so many are removed at most.

    Returns:
        Whether anything was removed. A conversation whose head was known may be gone then.
    """
    oldest = connection.execute("SELECT min(ended_at) FROM endings").fetchone()[0]
    if oldest is None or oldest >= before:
        return False
    changes = connection.total_changes
    connection.execute("INSERT INTO too_old VALUES (?, ?)", (before, limit))
    return connection.total_changes > changes


def remove_letters(connection: Connection, before: float, limit: int) -> bool:
    """Remove dead letters that died before `before`; return whether there was one."""
    oldest = connection.execute("SELECT min(died_at) FROM dead_letters").fetchone()[0]
    if oldest is None or oldest >= before:
        return False
    with transaction(connection):
        for statement in _BURIED:
            connection.execute(statement, {"before": before, "limit": limit})
    return True


def remove_keys(connection: Connection, before: float, limit: int) -> bool:
    """Remove keys that were settled at `before` or earlier; return whether there was one."""
    oldest = connection.execute("SELECT min(settled_at) FROM keys").fetchone()[0]
    if oldest is None or oldest > before:
        return False
    connection.execute(_OLD_KEYS, {"before": before, "limit": limit})
    return True


def shrink(connection: Connection, pages: int) -> bool:
    """Give pages back to the file system, where more than a quarter of the file is unused; return whether any were."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if free <= MIN_FREE_PAGES or free < connection.execute("PRAGMA page_count").fetchone()[0] // 4:
        return False
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")
    return True
