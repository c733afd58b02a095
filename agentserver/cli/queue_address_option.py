"""`--queue` of the commands that run an organism: where its messages wait, whatever the configuration says.

Takes an address or the path of a file; gives an address, whose path is taken from the working directory, as all paths
on a command line are. Opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agentserver.config.queue_address import EXAMPLE, MEMORY_QUEUE, QueueAddress

F = TypeVar("F", bound=Callable[..., Any])


def queue_address_option(default: str) -> Callable[[F], F]:
    """Add `--queue` to a command, as the parameter `queue`: an address, or None.

    Args:
        default: What holds without it, in words.
    """
    return click.option(
        "--queue", metavar="ADDRESS", callback=_address,
        help=f"Where messages wait: {MEMORY_QUEUE}, {EXAMPLE} or a file.  [default: {default}]",
    )  # fmt: skip


def _address(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value == MEMORY_QUEUE:
        return value
    text = value if "://" in value else f"sqlite:///{value}"
    try:
        file = QueueAddress.parse(text).file(Path.cwd())
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc
    return f"sqlite:///{file}"
