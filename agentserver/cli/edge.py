"""The edge: the one place where what went wrong becomes a text and an exit code.

A group of commands. Click's own exceptions pass, as click knows their texts and codes; a usage error is a document on
standard output besides, where `--json` is among the arguments. `ConfigError` is printed
fault by fault; anything that nobody expects is a bug of ours, told shortly, or with its traceback under `--debug`.
"""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any, NoReturn

import click

from agentserver.cli import exit_codes
from agentserver.cli.failures import BadContract, BadQueue
from agentserver.cli.machine_output import emit, is_owed, look_for_json
from agentserver.cli.terminal import paint, printable
from agentserver.errors import ConfigError, ContractError, QueueFault


class Edge(click.Group):
    """A group that turns exceptions of its commands into exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of the group, and leave the rest to the command."""
        look_for_json(ctx, args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as exc:
            _note_usage(ctx, exc)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return self._invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except click.UsageError as exc:
            _note_usage(ctx, exc)
            raise  # click shows it, and how the command is used, on standard error
        except click.ClickException as exc:
            if not is_owed(ctx):
                raise
            with ctx:
                emit({"ok": False, "error": {"code": getattr(exc, "code", "failed"), "message": exc.message}})
            ctx.exit(exc.exit_code)
        except ConfigError as exc:
            _refuse_config(ctx, exc)
        except Exception as exc:
            if isinstance(exc, OSError) and exc.errno == errno.EPIPE:
                raise  # click ends quietly
            _tell_bug(ctx, exc)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ContractError as exc:
            raise BadContract(str(exc)) from exc
        except QueueFault as exc:
            raise BadQueue(str(exc)) from exc


def _note_usage(ctx: click.Context, error: click.UsageError) -> None:
    if is_owed(ctx):
        with ctx.scope(cleanup=False):
            emit({"ok": False, "error": {"code": "usage", "message": error.format_message()}})


def _refuse_config(ctx: click.Context, error: ConfigError) -> NoReturn:
    if is_owed(ctx):
        faults = [
            {"file": fault.file, "line": fault.line, "column": fault.column, "message": fault.message}
            for fault in error.faults
        ]
        with ctx:
            emit({"ok": False, "faults": faults})
    else:
        for fault in error.faults:
            click.echo(printable(str(fault)), err=True)
        count = len(error.faults)
        click.echo(paint(f"{count} fault{'s'[: count - 1]}", "red", sys.stderr, bold=True), err=True)
    ctx.exit(exit_codes.BAD_CONFIG)


def _tell_bug(ctx: click.Context, exc: Exception) -> NoReturn:
    told = printable(f"{type(exc).__name__}: {exc}")
    debug = bool(ctx.params.get("debug"))
    if is_owed(ctx):
        with ctx:
            emit({"ok": False, "error": {"code": "internal", "message": told}})
    if debug:
        click.echo(printable("".join(traceback.format_exception(exc)), keep="\n\t"), err=True, nl=False)
    hint = "" if debug else "; `agentserver --debug COMMAND ...` shows where"
    click.echo(f"Internal error: {told}{hint}", err=True)
    ctx.exit(exit_codes.INTERNAL)
