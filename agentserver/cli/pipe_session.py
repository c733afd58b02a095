"""One run of `pipe`: feed messages, write replies, tell failures, sum up.

Feeding waits when the queue is full or the reader of the replies is slow, so the memory that a run takes does not
depend on how long its input is. Whatever ends the run, `--json` stays one document.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import click

from agentserver import StreamPump
from agentserver.cli import exit_codes
from agentserver.cli.forced_exit import ForcedExit
from agentserver.cli.machine_output import mark_written
from agentserver.cli.message_stream import MessageStream
from agentserver.cli.progress import Progress
from agentserver.cli.reply_format import JsonDocument, ReplyFormat, XmlLines
from agentserver.cli.reply_writer import ReplyWriter
from agentserver.cli.serving import Ending, serve
from agentserver.cli.tally import Failure, Tally
from agentserver.config.system_names import is_kept
from agentserver.errors import Duplicate, NotHandled
from agentserver.message_bus import MessageState
from agentserver.message_bus.outlets import is_refusal

INTERRUPTED_DRAIN_S: Final = 5.0
"""Seconds to finish what is in flight after Ctrl-C: whoever waits at a terminal waits no longer."""

LAST_WRITE_S: Final = 5.0
"""Seconds that the reader of the output has to take the rest when the run was interrupted or timed out."""


@dataclass(frozen=True, slots=True)
class PipeOptions:
    """What the command line asked for."""

    input: IO[Any]
    stdout: IO[Any]
    output_path: Path | None
    from_id: str | None
    timeout_s: float | None
    quiet: bool
    as_json: bool
    refusals: bool = False


class PipeSession:
    """One run. Made in a running event loop.

    Args:
        pump: The pump, with its listeners registered.
        options: What the command line asked for.
        output: The file for replies; None for standard output.
        forced_exit: Armed by a signal.
    """

    def __init__(
        self, pump: StreamPump, options: PipeOptions, output: IO[bytes] | None, forced_exit: ForcedExit
    ) -> None:
        self._pump, self._options, self._forced_exit = pump, options, forced_exit
        self._tally = Tally()
        self._messages = MessageStream(options.input.fileno(), pump.config.limits.message_bytes)
        self._progress = Progress(self._tally, self._messages, wanted=not options.quiet)
        self._writer = ReplyWriter((output or options.stdout).fileno())
        self._format: ReplyFormat = JsonDocument() if options.as_json and output is None else XmlLines()

    async def run(self) -> int:
        """Pump until the input has ended; return the exit code.

        Raises:
            OSError: The replies cannot be written, or the input cannot be read.
            PumpDied: The pump ended by a bug.
        """
        if self._options.as_json:
            mark_written()
        self._writer.put(self._format.opening())
        self._pump.add_outlet(self._on_leaving, refusals=self._options.refusals)
        try:
            ending = await serve(
                self._pump, self._feed(), self._writer.failed(), self._progress.redraw(),
                forced_exit=self._forced_exit,
                drain_timeout_s=min(INTERRUPTED_DRAIN_S, self._pump.config.limits.drain_timeout_s),
                timeout_s=self._options.timeout_s,
            )  # fmt: skip
        except Exception as exc:
            self._progress.clear()
            with suppress(OSError):  # told already, when it is what went wrong
                await self._finish({"ok": False, "error": _error(exc)}, LAST_WRITE_S)
            raise
        return await self._conclude(ending)

    async def _feed(self) -> None:
        inject, from_id = self._pump.inject, self._options.from_id
        if from_id is not None and (self._pump.routing_table.has_name(from_id) or is_kept(from_id)):
            raise click.UsageError(
                f"--from: {from_id!r} is a listener here, which cannot be outside; give another name"
            )
        async for message in self._messages:
            await self._writer.room()
            try:
                await inject(message, from_id=from_id, first_line=self._messages.line)
            except ValueError as exc:
                raise click.UsageError(f"--from: {exc}") from exc
            self._tally.messages += 1
        await self._pump.drained()

    def _on_leaving(self, state: MessageState) -> None:
        if state.error is not None:
            failure = Failure.of(state)
            if failure.code == NotHandled.code:
                self._tally.unfinished += 1
                return
            if failure.code == Duplicate.code:
                self._tally.duplicates += 1
                return
            self._tally.add_failure(failure)
            self._progress.failure(str(failure))
        elif state.canonical is not None:
            self._tally.add_reply(state, is_refusal=is_refusal(state))
            if state.message is not None and state.message.recovered:
                self._progress.failure(f"reply {self._tally.written}: recovered: parts of it may be missing")
            self._writer.put(self._format.reply(state.canonical))

    async def _conclude(self, ending: Ending) -> int:
        tally, books = self._tally, self._pump.books
        tally.unfinished += books.open
        code = _exit_code(ending, tally)
        ended = {"ok": code == exit_codes.OK, "ended": ending.reason}
        finished = ending.reason == "finished"
        written = await self._finish(ended, None if finished else LAST_WRITE_S)
        self._progress.clear()
        if not self._options.quiet:
            click.echo(str(tally) if written else f"{tally}; the reader of the replies is too slow", err=True)
        return code

    async def _finish(self, ended: dict[str, Any], timeout_s: float | None) -> bool:
        """Write what is left of the output; return whether that was possible in time."""
        summary = {**ended, **self._tally.document(), "books": asdict(self._pump.books)}
        self._writer.put(self._format.closing(summary))
        written = await self._writer.aclose(timeout_s)
        if self._options.as_json and self._options.output_path is not None:
            self._options.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
            self._options.stdout.flush()
        return written


def _error(exc: Exception) -> dict[str, str]:
    code = "usage" if isinstance(exc, click.UsageError) else getattr(exc, "code", "internal")
    return {"code": code, "message": str(exc) or type(exc).__name__}


def _exit_code(ending: Ending, tally: Tally) -> int:
    if ending.signal:
        return exit_codes.SIGNALLED + ending.signal
    if ending.reason == "timeout":
        return exit_codes.TIMED_OUT
    return exit_codes.OK if tally.ok else exit_codes.FAILED
