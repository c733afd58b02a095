"""`agentserver run`: the daemon. Load, start, serve, drain, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from agentserver import StreamPump, bootstrap
from agentserver.cli import exit_codes
from agentserver.cli.config_argument import config_argument
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.input_file import open_input
from agentserver.cli.logs import LogFormat, log_options, logging_to_stderr
from agentserver.cli.message_stream import MessageStream
from agentserver.cli.queue_address_option import queue_address_option
from agentserver.cli.reloading import reload_and_log
from agentserver.cli.service_manager import ServiceManager
from agentserver.cli.serving import Ending, run_to_end, serve
from agentserver.cli.terminal import is_terminal, paint, printable
from agentserver.cli.version import package_version
from agentserver.config import QueueAddress
from agentserver.message_bus import MessageState

logger = logging.getLogger(__name__)


@click.command(short_help="Run the daemon until it is told to stop.")
@config_argument
@click.option(
    "--inject", "files", multiple=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Put the messages of a file in at the start, and log what they are answered; may be repeated.",
)  # fmt: skip
@click.option(
    "--drain-timeout", "drain_timeout_s", metavar="S", type=click.FloatRange(min=0),
    help="Seconds to finish what is in flight when told to stop.  [default: limits.drain_timeout_s of CONFIG]",
)  # fmt: skip
@queue_address_option("queue of CONFIG, or sqlite:///var/NAME.db with the organism's name")
@log_options(level="info")
def run(
    config: Path,
    allow_env: bool,
    files: tuple[Path, ...],
    queue: str | None,
    drain_timeout_s: float | None,
    log_level: str,
    log_format: LogFormat,
) -> None:
    """Run the organism of CONFIG until SIGTERM or SIGINT (Ctrl-C).

    Then nothing more is taken, and what is in flight is finished. The exit code is 0 when everything was, and 1 when
    not all was finished within --drain-timeout. A second signal ends the process at once, with exit code 1.

    Messages wait in a file, which the next start goes on with, whatever ended this one: a kill, a crash, a lost
    connection to the mains. One daemon at a time serves a file. With `queue: memory://`, what waits is finished before
    the end, and what is left then becomes dead letters.

    Logs go to standard error: coloured on a terminal, JSON lines otherwise. There is no network door yet: --inject
    lets you see the daemon at work, and `agentserver pipe` is the way in for other programs.

    SIGHUP makes it read CONFIG again, and its modules where they were changed: all of it is taken over from one moment
    on, or nothing; the log tells which. `agentserver reload --diff` shows what that would change.

    \b
    Examples:
      agentserver run
      agentserver run config/organism.yaml --inject config/examples/greetings.xml
      agentserver run --drain-timeout 5 --log-format json 2>> var/organism.log
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    forced_exit = ForcedExit()
    with ExitStack() as stack:
        inputs = [stack.enter_context(open_input(file)) for file in files]
        stack.enter_context(logging_to_stderr(log_level, log_format, never_waits=True))
        life = _live(config, inputs, queue, drain_timeout_s, forced_exit, allow_env=allow_env)
        code = run_to_end(life, forced_exit)
    click.get_current_context().exit(code)


async def _live(
    path: Path,
    files: Sequence[BinaryIO],
    queue: str | None,
    drain_timeout_s: float | None,
    forced_exit: ForcedExit,
    *,
    allow_env: bool,
) -> int:
    pump = await bootstrap(path, allow_env=allow_env, queue=queue or QueueAddress.of_daemon, exclusive=True)
    if drain_timeout_s is None:
        drain_timeout_s = pump.config.limits.drain_timeout_s
    queue = queue or QueueAddress.of_daemon(pump.config)
    manager = ServiceManager(os.environ)
    ending = await serve(
        pump, _work(pump, path, queue, files, manager), forced_exit=forced_exit, drain_timeout_s=drain_timeout_s,
        manager=manager,
        reload=lambda: reload_and_log(pump, path, allow_env=allow_env),
    )  # fmt: skip
    return _conclude(pump, ending)


def _announce(pump: StreamPump, path: Path, queue: str) -> None:
    config = pump.config
    left = {"waiting": pump.books.waiting} if pump.queue.outlives_process else {}
    logger.info(
        "started",
        extra={
            "organism": config.name, "config": str(path), "listeners": len(pump.listeners),
            "queue": queue, "version": package_version(), "pid": os.getpid(), **left,
        },
    )  # fmt: skip
    if is_terminal(sys.stderr):
        click.echo(_banner(pump, queue, left), err=True)


def _banner(pump: StreamPump, queue: str, left: Mapping[str, int]) -> str:
    told = f", {left['waiting']} waiting" if left.get("waiting") else ""
    title = paint(printable(pump.config.name), "cyan", sys.stderr, bold=True)
    return (
        f"\n  {title}  (agentserver {package_version()})\n"
        f"  listeners  {printable(', '.join(pump.listeners))}\n"
        f"  queue      {printable(queue)}{told}\n"
        f"  Ctrl-C drains and stops; a second one stops at once.\n"
    )


async def _work(
    pump: StreamPump, path: Path, queue: str, files: Sequence[BinaryIO], manager: ServiceManager
) -> None:
    """Say that the organism runs, and put the messages of the files in; then wait for ever."""
    _announce(pump, path, queue)
    manager.ready(
        f"{pump.config.name}: {len(pump.listeners)} listener{'' if len(pump.listeners) == 1 else 's'}"
    )
    if files:
        pump.add_outlet(_log_reply)
    for file in files:
        count = 0
        async for message in MessageStream(file.fileno(), pump.config.limits.message_bytes):
            await pump.inject(message)
            count += 1
        logger.info("injected", extra={"file": file.name, "messages": count})
    if files:
        await pump.drained()
        logger.info("all that was injected is handled", extra=_books(pump))
    await asyncio.Event().wait()


def _log_reply(state: MessageState) -> None:
    if state.error is None:  # the pump itself logs those that failed
        fields = {"from_id": state.from_id, "to_id": state.to_id, "thread_id": state.thread_id}
        logger.info("reply", extra=fields)


def _conclude(pump: StreamPump, ending: Ending) -> int:
    if ending.drained:
        logger.info("drained and stopped", extra=_books(pump))
        return exit_codes.OK
    logger.warning("stopped before everything was finished", extra=_books(pump))
    return exit_codes.FAILED


def _books(pump: StreamPump) -> dict[str, int]:
    books = pump.books
    told = {
        "injected": books.injected,
        "emitted": books.emitted,
        "settled": books.settled,
        "dead": books.dead,
    }
    return {**told, "waiting": books.open} if books.open else told
