"""`--json`: exactly one JSON document on standard output, whatever happens.

A command calls `emit` once, at its end. When it fails before, the edge emits the error instead. Whether `--json` was
given and whether the document is out is kept in the click context. A command line that cannot be read as a whole may
have `--json` in it, too: then its error is such a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_WANTED = "agentserver.json"
_WRITTEN = "agentserver.json.written"


def json_option(function: F) -> F:
    """Add `--json` to a command, as the parameter `as_json`."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_note,
        help="Write one JSON document to standard output, errors included.",
    )(function)


def emit(document: dict[str, Any]) -> None:
    """Write the document."""
    mark_written()
    click.echo(json.dumps(document, ensure_ascii=False))


def mark_written() -> None:
    """Note that the command wrote its document by other means, or began to."""
    click.get_current_context().meta[_WRITTEN] = True


def is_owed(ctx: click.Context) -> bool:
    """Return whether `--json` was given, and no document has been written."""
    return bool(ctx.meta.get(_WANTED)) and not ctx.meta.get(_WRITTEN)


def look_for_json(ctx: click.Context, args: Sequence[str]) -> None:
    """Note whether `--json` is among the words of a command line, before anybody has made sense of it."""
    options = args[: args.index("--")] if "--" in args else args
    ctx.meta[_WANTED] = "--json" in options


def _note(ctx: click.Context, _: click.Parameter, wanted: bool) -> bool:
    ctx.meta[_WANTED] = wanted
    return wanted
