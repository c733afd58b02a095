"""`agentserver trace`: how one conversation went, as a tree of calls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any, Final

import click

from agentserver.cli.call_tree import Node, call_tree, walked
from agentserver.cli.claimed_thread import claimed_thread
from agentserver.cli.failures import NotFound, Unusable
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import shown_duration, shown_time
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.queues.sqlite.reading import (
    MIN_BEGINNING_CHARS,
    Entry,
    conversations_like,
    entries,
    entry,
)
from agentserver.queues.sqlite.visits import reading

MAX_ANCESTORS: Final = 1_000

_COLOURS: Final = MappingProxyType(
    {
        "done": "green",
        "dead": "red",
        "revived": "red",
        "dropped": "red",
        "waiting": "yellow",
        "duplicate": "yellow",
    }
)


@click.command(short_help="Show the call tree of a conversation.")
@click.argument("thread")
@queue_options
@json_option
def trace(thread: str, file: QueueFile, as_json: bool) -> None:
    """Show what came of what in a conversation: who sent whom what, how it ended, and how long it took.

    THREAD is its root thread, the thread of one of its branches, or the id of one of its messages; or what an envelope
    bore as its thread, if the key of the organism's threads is where the daemon keeps it; or how a thread or an id
    begins, with 6 characters or more, as long as that is said of one conversation alone.
    A message that waits for its turn says since when.

    \b
    Examples:
      agentserver trace 7d0c6a1e-1c7e-4c5b-9d1b-1f2a3b4c5d6e
      agentserver trace 7d0c6a
      agentserver trace "order 9"
      agentserver trace 5e1f0c9a2b7d-17.0 --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    with reading(file.existing()) as connection:
        conversation = the_conversation(connection, thread, file)
        found = entries(connection, conversation)
        found = [*_ancestors(connection, found), *found]
    roots = call_tree(found)
    if as_json:
        messages = [_document(node.entry, depth) for depth, _, node in walked(roots)]
        emit({"ok": True, "conversation": conversation, "messages": messages})
    else:
        _show(conversation, found, roots)


def the_conversation(connection: Connection, thread: str, file: QueueFile) -> str:
    """Return the one conversation that a text means.

    Raises:
        NotFound: There is none.
        Unusable: There are several.
    """
    names = conversations_like(connection, thread, claimed_thread(thread, file))
    if not names:
        is_short = len(thread) < MIN_BEGINNING_CHARS
        told = f"is {printable(thread)!r}" if is_short else f"is, or begins with, {printable(thread)!r}"
        hint = f"; how one begins takes {MIN_BEGINNING_CHARS} characters or more" if is_short else ""
        raise NotFound(f"{file.path}: no thread and no message {told}{hint}")
    if len(names) > 1:
        told = ", ".join(printable(name or "(unknown)") for name in names)
        raise Unusable(f"{printable(thread)!r} may mean several conversations: {told}; give more of it")
    return names[0]


def _ancestors(connection: Connection, found: Sequence[Entry]) -> list[Entry]:
    """Return what the first messages came of: an input of several, whose own conversation nobody knew."""
    known, more = {each.message.id for each in found}, list[Entry]()
    asked = {each.message.parent_id for each in found}
    while len(more) < MAX_ANCESTORS:
        missing = sorted(parent for parent in asked if parent and parent not in known)
        if not missing:
            break
        parents = [parent for each in missing if (parent := entry(connection, each)) is not None]
        known.update(missing)
        more += parents
        asked = {parent.message.parent_id for parent in parents}
    return more


def _document(entry: Entry, depth: int) -> dict[str, Any]:
    message = entry.message
    return {
        "id": message.id,
        "parent": message.parent_id,
        "depth": depth,
        "from": entry.sender,
        "to": entry.to_id,
        "listener": entry.listener,
        "tag": entry.tag,
        "thread": entry.thread_id,
        "outcome": entry.standing,
        "code": entry.code or None,
        "answers": message.in_reply_to,
        "retried_as": entry.retried_as,
        "attempts": message.attempt + 1 if entry.ended_at else message.attempt,
        "queued_at": shown_time(message.queued_at) if message.queued_at else None,
        "began_at": shown_time(entry.began_at) if entry.began_at else None,
        "ended_at": shown_time(entry.ended_at) if entry.ended_at else None,
        "waited_ms": _milliseconds(message.queued_at, entry.began_at),
        "took_ms": _milliseconds(entry.began_at, entry.ended_at),
    }


def _milliseconds(start: float, end: float) -> float | None:
    return round((end - start) * 1_000, 3) if start and end else None


def _show(conversation: str, found: Sequence[Entry], roots: list[Node]) -> None:
    times = [each.message.queued_at or each.began_at for each in found]
    start, end = min(filter(None, times), default=0.0), max((each.ended_at for each in found), default=0.0)
    count = len(found)
    title = f"conversation {conversation or '(unknown)'}"
    click.echo(paint(printable(title), "cyan", sys.stdout, bold=True))
    took = f", {shown_duration(end - start)}" if start and end else ""
    click.echo(f"  {count} message{'s'[: count - 1]}{took}, from {shown_time(start)}")
    for _, lead, node in walked(roots):
        click.echo(f"{lead}{_line(node.entry, start)}")


def _line(entry: Entry, start: float) -> str:
    message = entry.message
    ends = f"{entry.sender or '?'} -> {_receiver(entry)}"
    tag = f" <{entry.tag}>" if entry.tag else ""
    outcome = paint(entry.standing, _COLOURS.get(entry.standing, "white"), sys.stdout)
    code = f": {entry.code}" if entry.code else ""
    tries = f", {message.attempt + 1} tries" if message.attempt else ""
    again = f", again as {entry.retried_as}" if entry.retried_as else ""
    who, more = printable(ends + tag), printable(code + tries + again)
    return f"{who}  {outcome}{more}  {_times(entry, start)}  {printable(message.id)}"


def _receiver(entry: Entry) -> str:
    if entry.listener:
        return entry.listener
    return f"{entry.to_id or '?'}{' (outside)' if entry.message.outbound else ''}"


def _times(entry: Entry, start: float) -> str:
    """Say how long it took, and when it began, seen from the conversation's start."""
    if not entry.ended_at:
        return f"since {shown_time(entry.message.queued_at)}"
    took = shown_duration(entry.ended_at - entry.began_at) if entry.began_at else "-"
    return f"{took} at +{shown_duration(max(0.0, (entry.began_at or entry.ended_at) - start))}"
