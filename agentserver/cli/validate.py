"""`agentserver validate`: load a configuration as the daemon would, start nothing, and show what was found."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from agentserver import bootstrap
from agentserver.cli.config_argument import config_argument
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.config import ListenerConfig, OrganismConfig

_HEADINGS: Final = ("NAME", "CONTRACT", "HANDLER", "AGENT", "PEERS", "BROADCAST")


@click.command(short_help="Check a configuration, and show its listeners.")
@config_argument
@json_option
def validate(config: Path, allow_env: bool, as_json: bool) -> None:
    """Check CONFIG: its keys and values, everything that it imports, and how it goes together.

    Every fault is printed as file:line:column: message, all of them in one run, and the exit code is 78. Nothing is
    started. The modules that CONFIG names are imported, so their code runs.

    \b
    Examples:
      agentserver validate
      agentserver validate config/organism.yaml --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    with redirect_stdout(sys.stderr):  # the user's modules may print
        organism = asyncio.run(bootstrap(config, allow_env=allow_env)).config
    if as_json:
        emit(_document(organism, config))
    else:
        _show(organism, config)


def _document(organism: OrganismConfig, path: Path) -> dict[str, Any]:
    return {
        "ok": True,
        "file": str(path),
        "organism": {"name": organism.name, "port": organism.port, "queue": organism.queue},
        "meta": asdict(organism.meta),
        "listeners": [_listener(listener) for listener in organism.listeners],
        "pipeline": [
            {
                "step": step.step_path,
                "place": f"before {step.before}" if step.before else f"after {step.after}",
            }
            for step in organism.pipeline
        ],
    }


def _listener(listener: ListenerConfig) -> dict[str, Any]:
    return {
        "name": listener.name,
        "description": listener.description,
        "agent": listener.is_agent,
        "peers": listener.peers,
        "broadcast": listener.broadcast,
        "contracts": [
            {"payload_class": payload_class, "handler": handler}
            for payload_class, handler in _pairs(listener)
        ],
    }


def _pairs(listener: ListenerConfig) -> list[tuple[str, str]]:
    first = (listener.payload_class_path, listener.handler_path)
    return [first, *((each.payload_class_path, each.handler_path) for each in listener.handles)]


def _show(organism: OrganismConfig, path: Path) -> None:
    rows = [_HEADINGS, *(row for listener in organism.listeners for row in _rows(listener))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        line = "  ".join(map(str.ljust, row, widths)).rstrip()
        click.echo(paint(line, "cyan", sys.stdout, bold=True) if index == 0 else line)
    count = len(organism.listeners)
    for step in organism.pipeline:
        place = f"before {step.before}" if step.before else f"after {step.after}"
        click.echo(f"step {printable(step.step_path)}, {place}")
    ok = paint("OK", "green", sys.stdout, bold=True)
    click.echo(
        f"{ok}: {printable(str(path))}: {printable(organism.name)}, {count} listener{'s'[: count - 1]}"
    )


def _rows(listener: ListenerConfig) -> list[tuple[str, ...]]:
    """Return one row for each contract; the first says what holds for all."""
    first, *others = _pairs(listener)
    yes_or_no = {True: "yes", False: "-"}
    peers = ", ".join(listener.peers) or "-"
    return [
        (listener.name, *first, yes_or_no[listener.is_agent], peers, yes_or_no[listener.broadcast]),
        *(("", *pair, "", "", "") for pair in others),
    ]
