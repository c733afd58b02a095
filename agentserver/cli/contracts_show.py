"""`agentserver contracts show`, which is what `agentserver contracts` does: contracts and their artefacts, shown.

One artefact alone is written as it is, so that it can go into a file; several are for a terminal
alone, with a line above each that names it, but for those that are made to be read one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import click

from agentserver.cli.config_argument import config_option
from agentserver.cli.contracts_artefact import ARTEFACTS, Artefact, texts_of, value_of
from agentserver.cli.contracts_catalogue import Entry, choose, load_catalogue
from agentserver.cli.field_list import field_list
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import is_terminal, paint, printable

F = TypeVar("F", bound=Callable[..., Any])

_HEADINGS: Final = ("LISTENER", "CONTRACT", "FIELDS")
_RUNNING_TEXT: Final = frozenset({"markdown", "prompt"})
MAX_FIELDS_CHARS: Final = 60

_HELP: Final = MappingProxyType(
    {
        "xsd": "The XML schema.",
        "example": "A document that the contract allows.",
        "json-schema": "The JSON Schema (2020-12) of its JSON notation.",
        "prompt": "A card that tells a language model how to write it.",
        "markdown": "A page for people.",
    }
)


def _artefact_flags(function: F) -> F:
    for artefact in reversed(ARTEFACTS):
        function = click.option(f"--{artefact}", is_flag=True, help=_HELP[artefact])(function)
    return function


@click.command(short_help="Show contracts, or one of their artefacts (what `contracts` does).")
@click.argument("listener", required=False)
@_artefact_flags
@config_option
@json_option
def show(listener: str | None, config: Path, allow_env: bool, as_json: bool, **wanted: bool) -> None:
    """List the contracts of an organism, or show what follows from them.

    LISTENER is a listener's name, or one contract of it, as editor.Draft; all are shown when it is left out. Without an
    option, the contracts are listed: ? stands behind what may be absent, * behind what may be there any number of
    times, @ before an attribute.

    \b
    Examples:
      agentserver contracts
      agentserver contracts greeter --xsd > greeting.xsd
      agentserver contracts editor.Draft --example
      agentserver contracts --markdown > CONTRACTS.md
      agentserver contracts --json --config config/organism.yaml
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    artefacts = [artefact for artefact in ARTEFACTS if wanted[artefact.replace("-", "_")]]
    if len(artefacts) > 1:
        flags = " and ".join(f"--{artefact}" for artefact in artefacts)
        raise click.UsageError(f"{flags}: give one of them, or --json alone for everything")
    entries = choose(load_catalogue(config, allow_env=allow_env), listener, _commands())
    if as_json:
        emit({"ok": True, "file": str(config), **_document(entries, artefacts[0] if artefacts else None)})
    elif artefacts:
        _print_artefact(entries, artefacts[0])
    else:
        _print_table(entries)


def _commands() -> tuple[str, ...]:
    group = click.get_current_context().parent
    return tuple(group.command.commands) if group and isinstance(group.command, click.Group) else ()


def _document(entries: Sequence[Entry], artefact: Artefact | None) -> dict[str, Any]:
    if artefact is None:
        return {"listeners": _listeners(entries)}
    by_listener: dict[str, dict[str, Any]] = {}
    for entry in entries:
        by_listener.setdefault(entry.listener, {})[entry.contract.root_tag] = value_of(entry, artefact)
    return {"artefact": artefact, "listeners": by_listener}


def _listeners(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    listeners: dict[str, dict[str, Any]] = {}
    for entry in entries:
        row = entry.row
        listener = listeners.setdefault(
            row.name,
            {
                "name": row.name, "description": row.description, "agent": row.is_agent, "peers": row.peers,
                "contracts": [],
            },
        )  # fmt: skip
        listener["contracts"].append(
            {
                "contract": entry.contract.root_tag,
                **{artefact.replace("-", "_"): value_of(entry, artefact) for artefact in ARTEFACTS},
            }
        )
    return list(listeners.values())


def _print_artefact(entries: Sequence[Entry], artefact: Artefact) -> None:
    parts = [
        (f"{printable(entry.listener)}: {printable(name)}", text)
        for entry in entries
        for name, text in texts_of(entry, artefact).items()
    ]
    if len(parts) > 1 and artefact not in _RUNNING_TEXT and not is_terminal(sys.stdout):
        raise click.UsageError(
            f"--{artefact} gives {len(parts)} documents here, of which a file or a program takes one;"
            f" name one contract, as {entries[0].listener}.{entries[0].name}, write them to files"
            " with `agentserver contracts write`, or add --json"
        )
    for index, (title, text) in enumerate(parts):
        if index:
            click.echo()
        if len(parts) > 1 and artefact not in _RUNNING_TEXT:
            click.echo(paint(f"==> {title} <==", "cyan", sys.stdout, bold=True))
        click.echo(printable(text, keep="\n\t") if is_terminal(sys.stdout) else text, nl=False)


def _print_table(entries: Sequence[Entry]) -> None:
    rows = [_HEADINGS, *_rows(entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        line = "  ".join(map(str.ljust, row, widths)).rstrip()
        click.echo(paint(line, "cyan", sys.stdout, bold=True) if index == 0 else line)


def _rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Return one row for each contract; the listener is named in its first."""
    rows: list[tuple[str, ...]] = []
    last = ""
    for entry in entries:
        name = "" if entry.listener == last else entry.listener
        last = entry.listener
        fields = field_list(entry.contract.outline, MAX_FIELDS_CHARS)
        rows.append((name, printable(entry.contract.root_tag), printable(fields)))
    return rows
