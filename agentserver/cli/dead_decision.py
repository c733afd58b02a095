"""`agentserver dead retry` and `drop`: decide about dead letters that are named, or about all that filters choose.

Each decision is a line of the audit. All that are named are done in one transaction, or none; of `--all`, a few hundred
at a time, so that the daemon's writer waits for moments only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, TypeAlias

import click

from agentserver.cli import exit_codes
from agentserver.cli.failures import NotFound
from agentserver.cli.letter_options import is_choice, letter_options
from agentserver.cli.logs import logging_to_stderr
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.message_bus.audit import audit
from agentserver.queues.sqlite import maintenance
from agentserver.queues.sqlite.letter_choice import Wanted
from agentserver.queues.sqlite.maintenance import Done
from agentserver.queues.sqlite.reading import letters
from agentserver.queues.sqlite.visits import changing, reading

_Decide: TypeAlias = Callable[[Connection, str, float], Done]

BATCH: Final = 200
"""Decisions in one transaction of `--all`: about 20 ms."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What the command line asks for."""

    ids: tuple[str, ...]
    all_chosen: bool
    dry_run: bool
    wanted: Wanted
    file: QueueFile
    as_json: bool


def _decision(command: Callable[[_Request], None]) -> Callable[..., None]:
    """Add what both commands take, and give it to one as a request."""

    @click.argument("ids", metavar="[ID]...", nargs=-1)
    @click.option(
        "--all", "all_chosen", is_flag=True, help="All that the filters choose, rather than those named."
    )
    @click.option("--dry-run", is_flag=True, help="Change nothing, and tell what would be done.")
    @letter_options(limit=0)
    @queue_options
    @json_option
    @wraps(command)
    def asked(**given: Any) -> None:
        command(_Request(**given))

    return asked


@click.command(short_help="Put dead letters in again.")
@_decision
def retry(request: _Request) -> None:
    """Put the dead letters ID... in again, or with --all those that the filters choose.

    Each goes through the whole pipeline as it was sent, from its sender, on its thread, for whoever waits for an
    answer. It is a new message, with the old id and ~1 behind it, ~2 for the next try. The dead letter stays in the
    history.

    The exit code is 1 when one was dealt with before, and 3, with nothing done, when there is none of an id.
    """
    _decide("retried", maintenance.retry, request)


@click.command(short_help="Note that nothing is to be done about dead letters.")
@_decision
def drop(request: _Request) -> None:
    """Note that nothing more is to be done about the dead letters ID..., or with --all those that the filters choose.

    They are not listed any more. The history keeps them, and how they ended, as long as `retention` says.

    The exit code is 1 when one was dealt with before, and 3, with nothing done, when there is none of an id.
    """
    _decide("dropped", maintenance.drop, request)


def _decide(word: str, decide: _Decide, request: _Request) -> None:
    path = request.file.existing()
    _check(request)
    if request.dry_run:
        done = _would_be(path, request)
    elif request.ids:
        done = _of_named(path, request.ids, decide)
    else:
        done = _of_chosen(path, request.wanted, decide)
    if not request.dry_run:
        _audit(word, done)
    ok = all(each.verdict == "done" for each in done)
    if request.as_json:
        emit({"ok": ok, "dry_run": request.dry_run, word: [_document(each) for each in done]})
    else:
        _show(word, done, dry_run=request.dry_run)
    if not ok:
        click.get_current_context().exit(exit_codes.FAILED)


def _check(request: _Request) -> None:
    if request.ids and (request.all_chosen or is_choice(request.wanted)):
        raise click.UsageError("ids name the dead letters: leave out --all and the filters, or the ids")
    if not request.ids and not request.all_chosen:
        raise click.UsageError(
            "give ids, or --all for all that the filters choose (without filters, for all)"
        )


def _would_be(path: Path, request: _Request) -> list[Done]:
    with reading(path) as connection:
        if request.ids:
            return _known([maintenance.look(connection, each) for each in request.ids])
        return [Done(each.message.id, "done", each) for each in letters(connection, request.wanted)]


def _of_named(path: Path, ids: Sequence[str], decide: _Decide) -> list[Done]:
    now = time.time()
    with changing(path) as connection:
        return _known([decide(connection, each, now) for each in dict.fromkeys(ids)])


def _of_chosen(path: Path, wanted: Wanted, decide: _Decide) -> list[Done]:
    """Decide about all that there are now; what dies meanwhile, a retried one say, is not among them."""
    with reading(path) as connection:
        ids = [each.message.id for each in letters(connection, wanted)]
    done: list[Done] = []
    for start in range(0, len(ids), BATCH):
        now = time.time()
        with changing(path) as connection:
            done += [decide(connection, each, now) for each in ids[start : start + BATCH]]
    return done


def _known(done: list[Done]) -> list[Done]:
    """Return what was done, if there is a dead letter of each id; within a transaction, nothing is done otherwise."""
    for each in done:
        told = printable(each.message_id)
        if each.verdict == "unknown":
            raise NotFound(
                f"there is no message {told!r}; nothing was done; `agentserver dead list` shows the ids"
            )
        if each.verdict == "no-letter" and each.entry is not None:
            raise NotFound(f"{told} is no dead letter, it is {each.entry.standing}; nothing was done")
    return done


def _audit(word: str, done: Sequence[Done]) -> None:
    with logging_to_stderr("info", "auto"):
        for each in done:
            if each.verdict == "done" and each.entry is not None:
                detail = f"by hand, as {each.new_id}" if each.new_id else "by hand"
                audit(
                    f"dead-letter-{word}", detail, listener=each.entry.to_id, thread_id=each.entry.thread_id,
                    message_id=each.message_id,
                )  # fmt: skip


def _document(done: Done) -> dict[str, Any]:
    return {"id": done.message_id, "verdict": done.verdict, "retried_as": done.new_id or _before(done)}


def _before(done: Done) -> str | None:
    return done.entry.retried_as if done.entry is not None else None


def _show(word: str, done: Sequence[Done], *, dry_run: bool) -> None:
    for each in done:
        click.echo(printable(_line(word, each, dry_run=dry_run)))
    count = sum(each.verdict == "done" for each in done)
    told = f"{count} would be {word}" if dry_run else f"{count} {word}"
    others = f", {len(done) - count} dealt with before" if count < len(done) else ""
    click.echo(paint(told, "yellow" if dry_run else "green", sys.stdout, bold=True) + others)


def _line(word: str, done: Done, *, dry_run: bool) -> str:
    if done.verdict == "retried":
        return f"{done.message_id}: was retried before, as {_before(done)}"
    if done.verdict == "dropped":
        return f"{done.message_id}: was dropped before"
    entry = done.entry
    about = f"  {entry.code}: {entry.sender} -> {entry.to_id}" if entry is not None else ""
    told = f"would be {word}" if dry_run else word
    return f"{done.message_id}: {told}{f' as {done.new_id}' if done.new_id else ''}{about}"
