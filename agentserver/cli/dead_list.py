"""`agentserver dead list`: the dead letters of a queue's file, one line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import click

from agentserver.cli.letter_document import letter_document, told_reason
from agentserver.cli.letter_options import letter_options
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.errors import shorten
from agentserver.queues.sqlite.letter_choice import Wanted
from agentserver.queues.sqlite.reading import letter_count, letters
from agentserver.queues.sqlite.visits import reading

DEFAULT_LIMIT: Final = 50
MAX_REASON_CHARS: Final = 100

_HEADINGS: Final = ("ID", "DIED", "CODE", "STAGE", "FROM", "TO", "TRIES")


@click.command("list", short_help="List dead letters.")
@letter_options(limit=DEFAULT_LIMIT)
@click.option("--dealt-with", is_flag=True, help="Also those that were retried or dropped.")
@queue_options
@json_option
def list_letters(wanted: Wanted, dealt_with: bool, file: QueueFile, as_json: bool) -> None:
    """List the dead letters that nobody has dealt with, oldest first."""
    wanted = replace(wanted, dealt_with=dealt_with)
    with reading(file.existing()) as connection:
        rows = [(letter_document(each), told_reason(each)) for each in letters(connection, wanted)]
        total = letter_count(connection, wanted)
    if as_json:
        found = [document for document, _ in rows]
        emit({"ok": True, "file": str(file.path), "total": total, "letters": found})
    else:
        _show(rows, total)


def _show(rows: Sequence[tuple[dict[str, Any], str]], total: int) -> None:
    if not rows:
        click.echo("no dead letters")
        return
    cells = [_HEADINGS, *(_cells(document) for document, _ in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    click.echo(paint(lines[0], "cyan", sys.stdout, bold=True))
    for line, (_, reason) in zip(lines[1:], rows, strict=True):
        click.echo(line)
        click.echo(f"    {printable(shorten(reason, MAX_REASON_CHARS))}")
    more = "; --limit 0 shows all" if total > len(rows) else ""
    click.echo(f"{len(rows)} of {total} dead letter{'s' if total > 1 else ''}{more}")


def _cells(document: dict[str, Any]) -> tuple[str, ...]:
    names = ("id", "died_at", "code", "stage", "from", "to", "attempts")
    row = tuple(printable(str(document[name] if document[name] is not None else "-")) for name in names)
    standing = "" if document["standing"] == "dead" else f" ({document['standing']})"
    return (*row[:-1], row[-1] + standing)
