"""`agentserver status`: how a queue stands, in a few lines."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import shown_duration, shown_time
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.message_bus.bound_for import bound_for
from agentserver.queues.sqlite.counting import Counts, counts
from agentserver.queues.sqlite.owners import handled_now
from agentserver.queues.sqlite.visits import daemon_pid, reading

MOST_TARGETS: Final = 8


@click.command(short_help="Show how the queue stands.")
@queue_options
@json_option
def status(file: QueueFile, as_json: bool) -> None:
    """Show what waits, for whom and since when, what died, whether the books balance, and whether a daemon runs.

    \b
    open          messages not at their end: each waits, or is being handled by a process
    waiting for   who the oldest 100,000 that wait are for: listeners, or the roots of payloads that name nobody
    dead letters  those to decide about; `agentserver dead` lists them, puts them in again, or drops them
    history       how messages ended, as far as it is kept: also those dead ones that were dealt with since
    books         over the life of the file: what came in, is what was settled, what died, and what is open

    The exit code is 1 when the books do not balance.
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    path, now = file.existing(), time.time()
    with reading(path) as connection:
        found = counts(connection, now, handled_now(path), bound_for)
    pid = daemon_pid(path)
    if as_json:
        emit(_document(found, path, pid))
    else:
        _show(found, path, pid, now)
    if not found.balanced:
        click.get_current_context().exit(exit_codes.FAILED)


def _document(found: Counts, path: Path, pid: int | None) -> dict[str, Any]:
    return {
        "ok": found.balanced,
        "queue": str(path),
        "bytes": _size(path),
        "log_bytes": _size(path.with_name(f"{path.name}-wal")),
        "daemon": None if pid is None else {"pid": pid or None},
        "open": found.open,
        "waiting": found.waiting,
        "waiting_for": dict(list(found.by_target.items())[:MOST_TARGETS]),
        "waiting_for_their_time": found.later,
        "in_the_hands_of_a_process": found.handled,
        "oldest_waiting_since": shown_time(found.oldest_at) if found.oldest_at else None,
        "dead_letters": found.dead_letters,
        "dead_and_dealt_with": found.dealt_with,
        "history": found.ended,
        "conversations": found.conversations,
        "books": {
            "injected": found.injected,
            "emitted": found.emitted,
            "settled": found.settled,
            "dead": found.dead,
            "open": found.open,
            "balanced": found.balanced,
        },
    }


def _show(found: Counts, path: Path, pid: int | None, now: float) -> None:
    daemon = "none runs" if pid is None else f"process {pid}" if pid else "runs"
    size = _size(path) + _size(path.with_name(f"{path.name}-wal"))
    click.echo(paint(printable(str(path)), "cyan", sys.stdout, bold=True))
    for name, value in (
        ("daemon", daemon),
        ("open", _open(found, now)),
        *([("waiting for", _targets(found))] if found.by_target else []),
        ("dead letters", f"{found.dead_letters:,}" + (" to decide about" if found.dead_letters else "")),
        ("history", _history(found)),
        ("size", f"{size:,} bytes"),
        ("books", _books(found)),
    ):
        click.echo(f"  {name:<13}{value}")


def _open(found: Counts, now: float) -> str:
    if not found.open:
        return "0"
    later = f" ({found.later:,} for their time)" if found.later else ""
    since = f"; the oldest for {shown_duration(now - found.oldest_at)}" if found.oldest_at else ""
    return f"{found.open:,}: {found.waiting:,} waiting{later}, {found.handled:,} being handled{since}"


def _targets(found: Counts) -> str:
    told = list(found.by_target.items())
    shown = ", ".join(f"{printable(name)} {count:,}" for name, count in told[:MOST_TARGETS])
    return shown + (f", and {len(told) - MOST_TARGETS:,} more" if len(told) > MOST_TARGETS else "")


def _history(found: Counts) -> str:
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in found.ended.items()) or "nothing"
    dealt = f"; {found.dealt_with:,} of the dead put in again or dropped since" if found.dealt_with else ""
    in_all = f"{found.conversations:,} conversation{'' if found.conversations == 1 else 's'}"
    return f"{ended}, in {in_all}{dealt}"


def _books(found: Counts) -> str:
    sides = (
        f"{found.injected:,} injected + {found.emitted:,} emitted",
        f"{found.settled:,} settled + {found.dead:,} dead + {found.open:,} open",
    )
    sign = "=" if found.balanced else paint("is not", "red", sys.stdout, bold=True)
    return f"{sides[0]} {sign} {sides[1]}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
