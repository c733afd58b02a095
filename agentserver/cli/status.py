"""`agentserver status`: how a queue stands, in a few lines."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from agentserver.cli import exit_codes
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import shown_duration, shown_time
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.queues.sqlite.counting import Counts, counts
from agentserver.queues.sqlite.visits import daemon_pid, reading


@click.command(short_help="Show how the queue stands.")
@queue_options
@json_option
def status(file: QueueFile, as_json: bool) -> None:
    """Show what waits and since when, what died, whether the books balance, and whether a daemon runs.

    The exit code is 1 when the books do not balance.
    """
    path, now = file.existing(), time.time()
    with reading(path) as connection:
        found = counts(connection, now)
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
        "waiting": found.waiting,
        "waiting_for_their_time": found.later,
        "in_the_hands_of_a_process": found.held,
        "oldest_waiting_since": shown_time(found.oldest_at) if found.oldest_at else None,
        "dead_letters": found.dead_letters,
        "history": found.ended,
        "conversations": found.conversations,
        "books": {
            "injected": found.injected,
            "emitted": found.emitted,
            "settled": found.settled,
            "dead": found.dead,
            "open": found.waiting,
            "balanced": found.balanced,
        },
    }


def _show(found: Counts, path: Path, pid: int | None, now: float) -> None:
    daemon = "none runs" if pid is None else f"process {pid}" if pid else "runs"
    since = f", the oldest for {shown_duration(now - found.oldest_at)}" if found.oldest_at else ""
    later = f", {found.later:,} of them for their time" if found.later else ""
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in found.ended.items()) or "nothing"
    size = _size(path) + _size(path.with_name(f"{path.name}-wal"))
    click.echo(paint(printable(str(path)), "cyan", sys.stdout, bold=True))
    for name, value in (
        ("daemon", daemon),
        ("open", f"{found.waiting:,}{later}{since}"),
        ("dead letters", f"{found.dead_letters:,}"),
        ("history", f"{ended}, in {found.conversations:,} conversations"),
        ("size", f"{size:,} bytes"),
        ("books", _books(found)),
    ):
        click.echo(f"  {name:<13}{value}")


def _books(found: Counts) -> str:
    sides = (
        f"{found.injected:,} injected + {found.emitted:,} emitted",
        f"{found.settled:,} settled + {found.dead:,} dead + {found.waiting:,} open",
    )
    sign = "=" if found.balanced else paint("is not", "red", sys.stdout, bold=True)
    return f"{sides[0]} {sign} {sides[1]}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
