"""`agentserver replay`: what another configuration would make of the messages that there were."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from agentserver import StreamPump
from agentserver.cli import exit_codes
from agentserver.cli.config_argument import require_file
from agentserver.cli.logs import LogFormat, log_options, logging_to_stderr
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.moments import moment
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.replay_comparison import Comparison, Difference
from agentserver.cli.terminal import paint, printable
from agentserver.cli.trace import the_conversation
from agentserver.config.fresh_modules import forget
from agentserver.message_bus.bootstrap import assembled
from agentserver.message_bus.rehearsal import Rehearsal
from agentserver.queues.sqlite.reading import ended, part_count
from agentserver.queues.sqlite.visits import reading

DEFAULT_LIMIT: Final = 100

_COLOURS: Final = MappingProxyType({"refused": "red", "rerouted": "yellow", "accepted": "green"})


@click.command(short_help="Run the recorded messages through another configuration.")
@click.option(
    "--against", "new", metavar="NEW", required=True, type=click.Path(path_type=Path),
    help="The configuration to run them through.",
)  # fmt: skip
@click.option(
    "--since", metavar="WHEN", callback=moment, help="Those that ended then or later: 08:00, or 2h (ago)."
)
@click.option("--thread", metavar="ID", help="Those of the conversation of this thread or message alone.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=DEFAULT_LIMIT, show_default=True,
    help="Differences to show; all are counted.",
)  # fmt: skip
@queue_options
@json_option
@log_options(level="error")
def replay(
    new: Path,
    since: float | None,
    thread: str | None,
    limit: int,
    file: QueueFile,
    as_json: bool,
    log_level: str,
    log_format: LogFormat,
) -> None:
    """Run the messages of the history through the gate of NEW, and list what would become of them that did not.

    Refused are those that went through, and would not any more: by their contract, as nobody takes them, or as their
    sender may not send them. Rerouted are those that another listener would get. Accepted are those that were refused.

    No handler runs and nothing is written; the steps of NEW and the code of its contracts do run. The exit code is 0
    when all would go as it went, and 1 otherwise.

    \b
    Examples:
      agentserver replay --against config/organism.new.yaml
      agentserver replay --against ../next/config/organism.yaml --since 7d --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    organism = _load(require_file(new), file)
    with logging_to_stderr(log_level, log_format), redirect_stdout(sys.stderr):  # steps may print
        comparison = asyncio.run(_compare(organism, file, since or 0.0, thread, limit))
    if as_json:
        emit(_document(comparison, new))
    else:
        _show(comparison)
    if comparison.differing:
        click.get_current_context().exit(exit_codes.FAILED)


def _load(new: Path, file: QueueFile) -> StreamPump:
    """Load a configuration with the modules of its own project, though another was loaded before."""
    if file.config is not None and _root(file.config) != _root(new):
        forget(_root(file.config))
    with redirect_stdout(sys.stderr):  # the user's modules may print
        return assembled(new, allow_env=file.allow_env)


def _root(config: Path) -> Path:
    return config.resolve().parent.parent


async def _compare(
    organism: StreamPump, file: QueueFile, since: float, thread: str | None, limit: int
) -> Comparison:
    rehearsal = Rehearsal(organism)
    with reading(file.existing()) as connection:
        comparison = Comparison(limit, partial(part_count, connection))
        conversation = the_conversation(connection, thread, file) if thread is not None else None
        for entries in ended(connection, since, conversation):
            await comparison.look_at(entries, rehearsal)
    return comparison


def _document(comparison: Comparison, new: Path) -> dict[str, Any]:
    return {
        "ok": not comparison.differing,
        "against": str(new),
        "messages": comparison.messages,
        "same": comparison.messages - comparison.differing,
        **{str(kind): count for kind, count in comparison.counts.items()},
        "differences": [_entry(difference) for difference in comparison.differences],
    }


def _entry(difference: Difference) -> dict[str, Any]:
    entry, verdict = difference.entry, difference.verdict
    return {
        "kind": difference.kind,
        "id": entry.message.id,
        "conversation": entry.conversation or None,
        "from": entry.sender,
        "to": entry.to_id,
        "tag": entry.tag,
        "before": difference.before,
        "listener": verdict.listener,
        "code": verdict.code or None,
        "stage": verdict.stage or None,
        "reason": verdict.reason or None,
    }


def _show(comparison: Comparison) -> None:
    for difference in comparison.differences:
        entry, verdict = difference.entry, difference.verdict
        kind = paint(f"{difference.kind:<8}", _COLOURS[difference.kind], sys.stdout)
        tag = f" <{entry.tag}>" if entry.tag else ""
        click.echo(f"{kind}  {printable(f'{entry.message.id}  {entry.sender} -> {entry.to_id}{tag}')}")
        now = (
            f"{verdict.reason} ({verdict.stage})" if verdict.code else f"now {verdict.listener or 'outside'}"
        )
        click.echo(f"          {printable(f'was {difference.before}; {now}')}")
    if comparison.differing > len(comparison.differences):
        click.echo(f"and {comparison.differing - len(comparison.differences):,} more; --limit shows more")
    counts = ", ".join(f"{count:,} {kind}" for kind, count in comparison.counts.items())
    word, colour = ("DIFFERS", "yellow") if comparison.differing else ("SAME", "green")
    same = comparison.messages - comparison.differing
    told = f"{comparison.messages:,} message{'' if comparison.messages == 1 else 's'}: {same:,} as they went, {counts}"
    click.echo(f"{paint(word, colour, sys.stdout, bold=True)}: {told}")
