"""`agentserver bench`: what this machine makes of the pump, beside straight lines through the same work.

A report, not a test: it ends with 0 whether targets are met or not. A line that did not do its work is a bug of ours.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from agentserver.cli.config_argument import DEFAULT_CONFIGS, require_file
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.measure import (
    QUICK,
    Effort,
    NotMeasurable,
    Progress,
    Report,
    all_works,
    hardening,
    listeners,
    load_organism,
    memory_growth,
    organism_figures,
    this_machine,
    throughput,
)
from agentserver.cli.terminal import is_terminal, printable
from agentserver.message_bus import StreamPump

_CLEAR_LINE: Final = "\r\x1b[K"


def _locate(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Find the organism's file: without one, there is still the pump to measure."""
    if path is not None:
        return require_file(path)
    return next((candidate for candidate in DEFAULT_CONFIGS if candidate.is_file()), None)


@click.command
@click.argument("config", required=False, callback=_locate, type=click.Path(path_type=Path))
@click.option(
    "--allow-env", is_flag=True, help="Expand ${VAR} in CONFIG, even if it does not say `env: true`."
)
@click.option("--rounds", type=click.IntRange(min=2), help="Rounds of each figure; the first is dropped.")
@click.option("--quick", is_flag=True, help="Take seconds, with coarser figures and none of memory.")
@json_option
def bench(config: Path | None, allow_env: bool, rounds: int | None, quick: bool, as_json: bool) -> None:
    """Measure this machine: the pump beside straight lines, and the organism of CONFIG.

    Figures are ratios of throughput, measured in turns. Of CONFIG, greetings are sent to the listener `greeter`, which
    answers them; its queue is left alone. Short of a target is no failure.
    """
    effort = QUICK if quick else Effort()
    if rounds is not None:
        effort = Effort(rounds, effort.turns)
    organism = None if config is None else load_organism(config, allow_env=allow_env)
    report = asyncio.run(_measure(organism, effort, memory=not quick))
    if as_json:
        emit(report.as_document())
    else:
        click.echo(printable(report.as_table(), keep="\n"))


async def _measure(organism: StreamPump | None, effort: Effort, *, memory: bool) -> Report:
    report = Report(this_machine(), effort)
    if memory:  # first, as what other works had and gave back would hide a growth
        report.amounts.append(await memory_growth(_progress("memory")))
    else:
        report.notes.append("memory was not measured, as that takes longer")
    for work in all_works():
        report.throughputs.append(await throughput(work, effort, _progress(work.name)))
    report.amounts.append(await hardening(effort, _progress("hardening")))
    report.amounts.append(await listeners(effort, _progress("listeners")))
    if organism is not None:
        try:
            report.amounts += await organism_figures(organism, effort, _progress("organism"))
        except NotMeasurable as exc:
            report.notes.append(f"organism {organism.config.name!r} was not measured: {exc}")
    _show(_CLEAR_LINE)
    return report


def _progress(name: str) -> Progress:
    """Return what shows how far one figure is."""
    return lambda step, steps: _show(f"{_CLEAR_LINE}{name}: {step} of {steps}")


def _show(text: str) -> None:
    """Show progress to a person; a file or a program gets nothing of it."""
    if is_terminal(sys.stderr):
        click.echo(text, nl=False, err=True)
