"""`agentserver bench`: what this machine makes of the pump, beside straight lines through the same work.

A report, not a test: it ends with 0 whether targets are met or not. 78 (EX_CONFIG of sysexits.h) says that the
organism's file has faults, 70 (EX_SOFTWARE) that a line did not do its work.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from agentserver.cli.measure import (
    QUICK,
    Effort,
    LineBroken,
    NotMeasurable,
    Progress,
    Report,
    all_works,
    hardening,
    listeners,
    memory_growth,
    organism_figures,
    this_machine,
    throughput,
)
from agentserver.errors import ConfigError

EX_SOFTWARE: Final = 70
EX_CONFIG: Final = 78
DEFAULT_CONFIG: Final = Path("config/organism.yaml")


@click.command
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(min=2), help="Rounds of each figure; the first is dropped.")
@click.option("--quick", is_flag=True, help="Measure for seconds only, and leave out memory.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(config: Path | None, rounds: int | None, quick: bool, as_json: bool) -> None:
    """Measure this machine: the pump beside straight lines, and the organism of CONFIG end to end.

    CONFIG is config/organism.yaml when left out, if that is there. Figures are ratios of throughput, measured in turns.
    """
    effort = QUICK if quick else Effort()
    if rounds is not None:
        effort = Effort(rounds, effort.share)
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    try:
        report = asyncio.run(_measure(config, effort, memory=not quick))
    except ConfigError as exc:
        click.echo(str(exc), err=True)
        sys.exit(EX_CONFIG)
    except LineBroken as exc:
        click.echo(f"not measured: {exc}", err=True)
        sys.exit(EX_SOFTWARE)
    click.echo(report.as_json() if as_json else report.as_table())


async def _measure(config: Path | None, effort: Effort, *, memory: bool) -> Report:
    report = Report(this_machine(), effort.rounds)
    if config is not None:  # first, as its file may have faults
        try:
            report.amounts += await organism_figures(config, effort, _progress("organism"))
        except NotMeasurable as exc:
            report.notes.append(f"{config} was not measured: {exc}")
    for work in all_works():
        report.throughputs.append(await throughput(work, effort, _progress(work.name)))
    report.amounts.append(await hardening(effort, _progress("hardening")))
    report.amounts.append(await listeners(effort, _progress("listeners")))
    if memory:
        report.amounts.append(await memory_growth(_progress("memory")))
    else:
        report.notes.append("memory was not measured, as that takes longer")
    _clear_progress()
    return report


def _progress(name: str) -> Progress:
    """Return what shows, on a terminal, how far one figure is."""

    def show(step: int, steps: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{name}: {step} of {steps}", nl=False, err=True)

    return show


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
