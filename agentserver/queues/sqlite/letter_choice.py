"""Which dead letters are meant, and that in SQL. Runs none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant: those that all of these hold for.

    Args:
        ids: Those with these ids; any when empty.
        listener: Sent to a listener of this name or key, or handled by it; case does not matter.
        code: That failed with this code.
        stage: At this stage.
        sender: Sent by this sender.
        thread_id: On this thread, or in this conversation.
        since: That died then or later, in seconds since the epoch.
        until: That died before then.
        limit: So many at most, the oldest first; all when 0.
        dealt_with: Also those that were retried or dropped.
    """

    ids: tuple[str, ...] = ()
    listener: str | None = None
    code: str | None = None
    stage: str | None = None
    sender: str | None = None
    thread_id: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 0
    dealt_with: bool = False


def conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    """Return what a row has to fulfil, in SQL, and the values in it.

    The tables are `dead_letters d`, `messages m`, `endings e` and `conversations c`.
    """
    found: list[tuple[str, Sequence[Any]]] = []
    if wanted.ids:
        found.append((f"m.id IN ({', '.join('?' * len(wanted.ids))})", wanted.ids))
    if wanted.listener is not None:
        name = wanted.listener.lower()
        condition = (
            "(lower(coalesce(d.to_id, e.to_id, m.to_id)) = ? OR lower(e.listener) = ? OR lower(m.target) = ?"
            " OR substr(lower(coalesce(e.listener, m.target)), 1, ?) = ?)"
        )
        found.append((condition, (name, name, name, len(name) + 1, f"{name}.")))
    if wanted.thread_id is not None:
        thread = wanted.thread_id.lower()
        condition = "? IN (lower(d.thread_id), lower(m.thread_id), lower(c.name))"
        found.append((condition, (thread,)))
    for column, value, relation in (
        ("d.code", wanted.code, "="),
        ("d.stage", wanted.stage, "="),
        ("coalesce(d.sender, m.sender)", wanted.sender, "="),
        ("d.died_at", wanted.since, ">="),
        ("d.died_at", wanted.until, "<"),
    ):
        if value is not None:
            found.append((f"{column} {relation} ?", (value,)))
    if not wanted.dealt_with:
        found.append(("d.retried_as IS NULL AND d.dropped_at IS NULL", ()))
    where = " AND ".join(condition for condition, _ in found) or "true"
    return where, [value for _, values in found for value in values]
