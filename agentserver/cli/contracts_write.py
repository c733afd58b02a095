"""`agentserver contracts write`: the artefacts of every contract, in files that other people and programs can use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from agentserver.cli.atomic_file import holds, write_if_changed
from agentserver.cli.config_argument import config_option
from agentserver.cli.contracts_catalogue import Entry, load_catalogue
from agentserver.cli.contracts_files import expected_files, leftover_files
from agentserver.cli.contracts_folder import folder_options
from agentserver.cli.failures import Failed
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable

_STATES: Final = ("wrote", "unchanged", "removed", "leftover")


@click.command(short_help="Write all artefacts of all contracts to files.")
@folder_options
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@click.option("--prune", is_flag=True, help="Delete the files of contracts that no longer exist.")
@config_option
@json_option
def write(
    folder: Path, version: str, dry_run: bool, prune: bool, config: Path, allow_env: bool, as_json: bool
) -> None:
    """Write the artefacts of every contract of an organism to schemas/<listener>/v1/.

    Of each contract: <Root>.xsd (and <Root>.2.xsd and so on, for further namespaces), <Root>.example.xml,
    <Root>.schema.json, <Root>.md, <Root>.prompt.txt. A file is replaced whole; one that is right already is not
    touched. A schema that somebody else wrote stays where it is, and is not copied.

    \b
    Examples:
      agentserver contracts write
      agentserver contracts write --dry-run
      agentserver contracts write --version v2 --config config/organism.yaml
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    entries = load_catalogue(config, allow_env=allow_env)
    expected = expected_files(entries, folder, version)
    states: dict[Path, str] = {}
    try:
        for path, text in expected.items():
            states[path] = _write(path, text, dry_run=dry_run)
        for path in leftover_files(expected, entries, folder, version, config):
            states[path] = _prune(path, dry_run=dry_run) if prune else "leftover"
    except OSError as exc:
        raise Failed(f"{exc.filename}: {exc.strerror}") from exc
    foreign = [entry for entry in entries if entry.foreign_schema]
    if as_json:
        files = [{"path": str(path), "state": state} for path, state in states.items()]
        emit({"ok": True, "dry_run": dry_run, "files": files, "not_copied": _schemas(foreign)})
    else:
        _show(states, foreign, dry_run=dry_run)


def _write(path: Path, text: str, *, dry_run: bool) -> str:
    if dry_run:
        return "unchanged" if holds(path, text.encode()) else "wrote"
    return "wrote" if write_if_changed(path, text) else "unchanged"


def _prune(path: Path, *, dry_run: bool) -> str:
    if not dry_run:
        path.unlink()
    return "removed"


def _told(state: str, *, dry_run: bool) -> str:
    return {"wrote": "would write", "removed": "would remove"}.get(state, state) if dry_run else state


def _schemas(foreign: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.foreign_schema for entry in foreign))


def _show(states: dict[Path, str], foreign: Sequence[Entry], *, dry_run: bool) -> None:
    for path, state in states.items():
        told = _told(state, dry_run=dry_run)
        click.echo(f"  {told:<{12 if dry_run else 9}}  {printable(str(path))}")
    for schema in _schemas(foreign):
        click.echo(f"  not ours   {printable(schema)}: it stays where it is")
    counts = {
        state: list(states.values()).count(state) for state in ("wrote", "unchanged", "removed", "leftover")
    }
    told = ", ".join(f"{count} {_told(state, dry_run=dry_run)}" for state, count in counts.items() if count)
    word, colour = ("DRY RUN", "yellow") if dry_run else ("OK", "green")
    click.echo(f"{paint(word, colour, sys.stdout, bold=True)}: {told or 'no files'}")
    if counts["leftover"]:
        click.echo("Leftover files are of contracts that no longer exist; --prune deletes them.")
