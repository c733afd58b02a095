"""`agentserver validate`: load a configuration as the daemon would, start nothing, and show what was found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import config_argument
from agentserver.cli.loaded_organism import load_organism
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.cli.validate_reach import show_reach
from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.findings import Finding, findings_of

_HEADINGS: Final = ("NAME", "CONTRACT", "HANDLER", "AGENT", "PEERS", "BROADCAST")


@click.command(short_help="Check a configuration, and show its listeners.")
@config_argument
@click.option(
    "--reach",
    nargs=2,
    metavar="A B",
    help="Show the ways over which what A sends may lead to B, and nothing else.",
)
@click.option("--strict", is_flag=True, help="Fail where there is a warning.")
@json_option
def validate(
    config: Path, allow_env: bool, reach: tuple[str, str] | None, strict: bool, as_json: bool
) -> None:
    """Check CONFIG: its keys and values, everything that it imports, and how it goes together.

    Every fault is printed as file:line:column: message, all of them in one run, and the exit code is 78. Nothing is
    started. The modules that CONFIG names are imported, so their code runs.

    Warnings tell what is likely not meant, and notes what follows from CONFIG without being said in it; with --strict,
    a warning ends in exit code 1. With --reach, the exit code is 1 when there is no way; A may be the word
    outside, for everybody who is no listener. An answer is no way: it goes to whoever asked.
    Ways that must not be stand in CONFIG under `forbid`, and fail it.

    \b
    Examples:
      agentserver validate
      agentserver validate config/organism.yaml --json
      agentserver validate --reach browser payments
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    organism = load_organism(config, allow_env=allow_env)
    if reach is not None:
        if not show_reach(organism, *reach, str(config), as_json=as_json):
            click.get_current_context().exit(exit_codes.FAILED)
        return
    findings = findings_of(organism)
    failed = strict and any(finding.level == "warning" for finding in findings)
    if as_json:
        emit({**_document(organism, config, findings), "ok": not failed})
    else:
        _show(organism, config, findings, failed=failed)
    if failed:
        click.get_current_context().exit(exit_codes.FAILED)


def _document(organism: OrganismConfig, path: Path, findings: Sequence[Finding]) -> dict[str, Any]:
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
        "forbid": [{"from": each.sender, "to": each.receiver} for each in organism.forbid],
        "findings": [asdict(finding) for finding in findings],
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


def _show(organism: OrganismConfig, path: Path, findings: Sequence[Finding], *, failed: bool) -> None:
    rows = [_HEADINGS, *(row for listener in organism.listeners for row in _rows(listener))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        line = "  ".join(map(str.ljust, row, widths)).rstrip()
        click.echo(paint(line, "cyan", sys.stdout, bold=True) if index == 0 else line)
    count = len(organism.listeners)
    for step in organism.pipeline:
        place = f"before {step.before}" if step.before else f"after {step.after}"
        click.echo(f"step {printable(step.step_path)}, {place}")
    for finding in findings:
        _show_finding(finding, path)
    ok = (
        paint("failed", "red", sys.stdout, bold=True)
        if failed
        else paint("OK", "green", sys.stdout, bold=True)
    )
    click.echo(
        f"{ok}: {printable(str(path))}: {printable(organism.name)}, {count} listener{'s'[: count - 1]}"
    )


def _show_finding(finding: Finding, path: Path) -> None:
    """Show a finding on standard error, as what is wrong is shown."""
    place = f"{path}:{finding.line}" if finding.line else str(path)
    level = paint(finding.level, "yellow" if finding.level == "warning" else "cyan", sys.stderr)
    click.echo(f"{printable(place)}: {level}: {printable(finding.message)}", err=True)


def _rows(listener: ListenerConfig) -> list[tuple[str, ...]]:
    """Return one row for each contract; the first says what holds for all."""
    first, *others = _pairs(listener)
    yes_or_no = {True: "yes", False: "-"}
    peers = _peers(listener)
    return [
        (listener.name, *first, yes_or_no[listener.is_agent], peers, yes_or_no[listener.broadcast]),
        *(("", *pair, "", "", "") for pair in others),
    ]


def _peers(listener: ListenerConfig) -> str:
    """Say whom a listener may address: nobody is "none", and a dash stands for everybody."""
    if listener.peers is None and not listener.is_agent:
        return "-"
    return ", ".join(listener.peers or ()) or "none"
