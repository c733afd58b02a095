"""`agentserver audit`: the group of the commands about the history; `verify` is the only one so far."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import require_file
from agentserver.cli.exit_codes import EPILOG
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.queue_option import QueueFile, queue_options
from agentserver.cli.terminal import is_terminal, paint, printable
from agentserver.cli.trace import the_conversation
from agentserver.queues.sqlite.history_fault import Fault
from agentserver.queues.sqlite.verification import Verified, heads, verify, went_on_otherwise
from agentserver.queues.sqlite.visits import reading

MAX_SHOWN_FAULTS: Final = 100
PROGRESS_AFTER_S: Final = 0.5
PROGRESS_EVERY_S: Final = 0.1

_CLEAR_LINE: Final = "\r\x1b[K"


@click.group(short_help="Check the history.", epilog=EPILOG)
def audit() -> None:
    """Check that the history of a queue's file is what was written.

    \b
    Examples:
      agentserver audit verify
      agentserver audit verify --thread 7d0c6a --queue var/organism.db
      agentserver audit verify --against /mnt/backup/organism.snapshot
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped


@audit.command("verify", short_help="Find whatever was edited, removed or moved.", epilog=EPILOG)
@click.option("--thread", metavar="ID", help="Look at the conversation of this thread or message alone.")
@click.option(
    "--expect", metavar="HASH", help="The heads that an earlier run gave, of a file that nobody ran on since."
)
@click.option(
    "--against", "older", metavar="SNAPSHOT", type=click.Path(dir_okay=False, path_type=Path),
    help="A snapshot that was kept elsewhere, from which the history has to go on.",
)  # fmt: skip
@queue_options
@json_option
def verify_history(
    thread: str | None, expect: str | None, older: Path | None, file: QueueFile, as_json: bool
) -> None:
    """Verify the hash chains: each ending of a conversation holds the hash of the one before, and that of its message.

    An ending or a message that was edited, removed, added, or put elsewhere is found, and the first of each
    conversation is shown. Without --thread, the books are balanced, too. What retention removed is not missed; the
    chain goes on from its hash. The exit code is 1 when anything is wrong.

    Who can write the file can also write all of it anew, hashes included. So keep a snapshot elsewhere, and give it to
    --against; or note the hash over all heads, and give it to --expect.
    """
    if thread is not None and (expect is not None or older is not None):
        raise click.UsageError("--expect and --against are about all conversations: leave out --thread")
    began = time.monotonic()
    verified, faults = Verified(), list[Fault]()
    with reading(file.existing()) as connection:
        if thread is not None:
            faults += verify(connection, the_conversation(connection, thread, file), verified=verified)
        else:
            progress = _Progress(began)
            faults += verify(connection, verified=verified, progress=progress.tell)
            progress.clear()
        found_heads = heads(connection) if thread is None else None
        if older is not None:
            with reading(require_file(older)) as before:
                faults += went_on_otherwise(connection, before)
    if expect is not None and found_heads is not None and expect.lower() != found_heads:
        faults.append(Fault("head", "", 0, "", f"the heads are {found_heads}, and {expect} was expected"))
    if as_json:
        emit(_document(verified, faults, found_heads))
    else:
        _show(verified, faults, found_heads, time.monotonic() - began)
    if faults:
        click.get_current_context().exit(exit_codes.FAILED)


class _Progress:
    """A line on a terminal, if it takes long."""

    def __init__(self, began: float) -> None:
        self._next = began + PROGRESS_AFTER_S
        self._shown = False

    def tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next and is_terminal(sys.stderr):
            self._next, self._shown = now + PROGRESS_EVERY_S, True
            share = done / total if total else 1.0
            click.echo(f"{_CLEAR_LINE}{done:,} of {total:,} endings  {share:4.0%}", nl=False, err=True)

    def clear(self) -> None:
        if self._shown:
            click.echo(_CLEAR_LINE, nl=False, err=True)


def _document(verified: Verified, faults: list[Fault], found_heads: str | None) -> dict[str, Any]:
    return {
        "ok": not faults,
        "conversations": verified.conversations,
        "endings": verified.endings,
        "removed_by_retention": verified.anchored,
        "heads": found_heads,
        "faults": [
            {
                "wrong": fault.wrong,
                "conversation": fault.conversation or None,
                "place": fault.place or None,
                "message": fault.message_id or None,
                "detail": fault.detail,
            }
            for fault in faults
        ],
    }


def _show(verified: Verified, faults: list[Fault], found_heads: str | None, elapsed_s: float) -> None:
    for fault in faults[:MAX_SHOWN_FAULTS]:
        click.echo(
            f"{paint(fault.wrong, 'red', sys.stdout, bold=True)}{printable(str(fault)[len(fault.wrong) :])}"
        )
    if len(faults) > MAX_SHOWN_FAULTS:
        click.echo(f"and {len(faults) - MAX_SHOWN_FAULTS:,} more; --json gives all")
    word, colour = ("WRONG", "red") if faults else ("OK", "green")
    removed = f", {verified.anchored:,} more removed by retention" if verified.anchored else ""
    click.echo(
        f"{paint(word, colour, sys.stdout, bold=True)}: {_counted(verified.endings, 'ending')} of "
        f"{_counted(verified.conversations, 'conversation')}{removed}, in {elapsed_s:.1f} s"
    )
    if found_heads is not None:
        click.echo(f"heads: {found_heads}")


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
