"""`agentserver snapshot` and `restore`: everything that a queue's file holds, in one file, and back."""

from __future__ import annotations

import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import require_file
from agentserver.cli.failures import Unusable
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import shown_time
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import paint, printable
from agentserver.cli.version import package_version
from agentserver.queues.sqlite.restoring import Restored
from agentserver.queues.sqlite.restoring import restore as restore_file
from agentserver.queues.sqlite.snapshot import About, Snapshot, take_snapshot

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Write everything that the queue holds to one file.")
@click.argument("target", metavar="FILE", type=_FILE)
@click.option("--force", is_flag=True, help="Replace FILE, if it is there.")
@queue_options
@json_option
def snapshot(target: Path, force: bool, file: QueueFile, as_json: bool) -> None:
    """Write a snapshot: what waits, threads, keys, dead letters and the history, as they are at one moment.

    A daemon may run on the queue meanwhile; it is not held up. FILE is there whole, or not at all. Only its owner can
    read it, as it holds messages, their secrets, and the key of the organism's threads. Its folder is made, if it is
    not there.

    \b
    Examples:
      agentserver snapshot "backup/$(date +%F).snapshot"
      agentserver snapshot /mnt/backup/organism.snapshot --force --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    began = time.monotonic()
    organism = file.organism.config.name if file.organism is not None else ""
    about = About(organism, _digest(file.config), time.time(), package_version())
    try:
        taken = take_snapshot(file.existing(), target, about, replace=force)
    except FileExistsError:
        raise Unusable(f"{target}: is there already; give another name, or --force to replace it") from None
    size = target.stat().st_size
    if as_json:
        emit({"ok": True, "file": str(target), "bytes": size, **_about(taken), "sections": _sections(taken)})
        return
    rows = ", ".join(f"{rows:,} {_words(name)}" for name, (_, rows) in taken.sections.items() if rows)
    word = paint("OK", "green", sys.stdout, bold=True)
    click.echo(
        f"{word}: {printable(str(target))}, {size:,} bytes, in {time.monotonic() - began:.1f} s: {rows}"
    )


@click.command(short_help="Bring what a snapshot holds into the queue.")
@click.argument("source", metavar="FILE", type=_FILE)
@click.option("--dry-run", is_flag=True, help="Change nothing, and tell what would be done.")
@click.option("--unverified", is_flag=True, help="Restore a history that is not what was written.")
@queue_options
@json_option
def restore(source: Path, dry_run: bool, unverified: bool, file: QueueFile, as_json: bool) -> None:
    """Add what the snapshot FILE holds and the queue does not; what the queue has, stays as it is.

    The queue's file is made if it is not there. No daemon may run on it. Restoring twice is restoring once. FILE is
    verified first: its versions, that it is whole, and its history.

    What waits in FILE will be handled again, unless the queue knows of it: restore what you know to be lost. The exit
    code is 1 when a conversation went on in the queue otherwise than in FILE; the queue's stays.

    \b
    Examples:
      agentserver restore backup/2026-11-21.snapshot --dry-run
      agentserver restore backup/2026-11-21.snapshot --queue var/organism.db
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    done = restore_file(require_file(source), file.path, dry_run=dry_run, unverified=unverified)
    warnings = _warnings(done, file)
    if as_json:
        emit(_document(done, warnings, file, dry_run=dry_run))
    else:
        _show(done, warnings, file, dry_run=dry_run)
    if done.conflicts:
        click.get_current_context().exit(exit_codes.FAILED)


def _digest(config: Path | None) -> str:
    return sha256(config.read_bytes()).hexdigest() if config is not None else ""


def _about(taken: Snapshot) -> dict[str, Any]:
    about = taken.about
    return {
        "organism": about.organism or None,
        "config_sha256": about.config_sha256 or None,
        "made_at": shown_time(about.made_at),
        "made_by": about.made_by,
    }


def _sections(taken: Snapshot) -> dict[str, dict[str, int]]:
    return {name: {"version": version, "rows": rows} for name, (version, rows) in taken.sections.items()}


def _warnings(done: Restored, file: QueueFile) -> list[str]:
    """Return what may be other than whoever restores thinks."""
    warnings, about, digest = [], done.snapshot.about, _digest(file.config)
    if about.config_sha256 and digest and about.config_sha256 != digest:
        warnings.append(
            f"{file.config} is not the configuration that the snapshot was taken with; "
            "`agentserver replay --against` tells what it would make of the messages"
        )
    if done.thread_key == "other":
        warnings.append(
            "the queue has another key of threads than the snapshot: messages that are sent from now on have other "
            "threads than those that were restored"
        )
    return warnings


def _document(done: Restored, warnings: list[str], file: QueueFile, *, dry_run: bool) -> dict[str, Any]:
    return {
        "ok": not done.conflicts,
        "dry_run": dry_run,
        "queue": str(file.path),
        "snapshot": _about(done.snapshot),
        "sections": {name: {"new": each.new, "known": each.known} for name, each in done.sections.items()},
        "threads_that_went_on": done.grown,
        "ended_meanwhile": done.ended,
        "conflicts": done.conflicts,
        "thread_key": done.thread_key,
        "warnings": warnings,
    }


def _show(done: Restored, warnings: list[str], file: QueueFile, *, dry_run: bool) -> None:
    for warning in warnings:
        click.echo(f"{paint('warning', 'yellow', sys.stderr)}: {printable(warning)}", err=True)
    for name in done.conflicts:
        told = f"conversation {name or '(unknown)'}: went on otherwise in the queue, and stays as it is there"
        click.echo(f"{paint('conflict', 'red', sys.stdout)}  {printable(told)}")
    for name, each in done.sections.items():
        skipped = f", {each.known:,} known or left out" if each.known else ""
        click.echo(f"  {_words(name):<22}{each.new:,} added{skipped}")
    if done.grown:
        click.echo(f"  {'conversations':<22}{done.grown:,} went on")
    if done.ended:
        click.echo(f"  {'waited, and ended':<22}{done.ended:,}")
    word = "would be restored" if dry_run else "restored"
    about = done.snapshot.about
    told = f"{file.path}: the snapshot of {shown_time(about.made_at)} {word}"
    click.echo(
        f"{paint('OK' if not done.conflicts else 'PARTLY', 'green', sys.stdout, bold=True)}: {printable(told)}"
    )


def _words(section: str) -> str:
    return {
        "queue": "waiting", "threads": "conversations", "history": "endings", "dead_letters": "dead letters",
        "identity": "key of threads", "config": "digest of CONFIG",
    }.get(section, section)  # fmt: skip
