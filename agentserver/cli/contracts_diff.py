"""`agentserver contracts diff`: whether those who keep to the old contracts may go on as they do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.contracts_comparison import Compared, compare_versions, skipped
from agentserver.cli.contracts_versions import load_version
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.errors import shorten

MAX_WHAT_CHARS: Final = 200

_COLOURS: Final = MappingProxyType({"breaking": "red", "gone": "red", "compatible": "green", "came": "green"})
_PATH: Final = click.Path(path_type=Path)


@click.command(short_help="Compare two versions of contracts: compatible, or breaking.")
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@click.option("--allow-env", is_flag=True, help="Expand ${VAR} in an organism.yaml.")
@json_option
def diff(old: Path, new: Path, allow_env: bool, as_json: bool) -> None:
    """Compare the contracts in OLD with those in NEW, field by field.

    OLD and NEW are each an XSD, a folder that `contracts write` wrote (all listeners, one listener, or one version), or
    an organism.yaml. A change is breaking when a document of the old contract may be refused by the new one. The exit
    code is 1 when a change is breaking, or a contract is gone; 2 or 3 when OLD or NEW cannot be compared. XSDs that
    somebody else wrote are not among the written files: compare them themselves.

    \b
    Examples:
      agentserver contracts diff schemas config/organism.yaml
      agentserver contracts diff schemas/greeter/v1 schemas/greeter/v2
      agentserver contracts diff old/Invoice.xsd new/Invoice.xsd --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    before, after = load_version(old, allow_env=allow_env), load_version(new, allow_env=allow_env)
    compared, passed_over = compare_versions(before, after), skipped(before, after)
    breaks = any(each.breaks for each in compared)
    if as_json:
        verdict = "breaking" if breaks else "compatible"
        documents = [_document(each) for each in compared]
        others = [{"listener": listener, "contract": contract} for listener, contract in passed_over]
        emit({"ok": not breaks, "verdict": verdict, "contracts": documents, "skipped": others})
    else:
        _show(compared)
        for listener, contract in passed_over:
            name = printable(f"{listener} {contract}")
            click.echo(
                f"{name}: skipped, as its XSD is somebody else's; compare the XSDs themselves", err=True
            )
    if breaks:
        click.get_current_context().exit(exit_codes.FAILED)


def _document(compared: Compared) -> dict[str, Any]:
    return {
        "listener": compared.listener,
        "contract": compared.contract,
        "verdict": compared.verdict,
        "changes": [
            {"path": change.path, "kind": change.kind, "what": change.what} for change in compared.changes
        ],
    }


def _show(compared: Sequence[Compared]) -> None:
    for each in compared:
        name = printable(f"{each.listener} {each.contract}".strip())
        click.echo(f"{name}: {_painted(each.verdict, each.verdict)}")
        for change in each.changes:
            kind = _painted(change.kind, f"{change.kind:<10}")
            what = shorten(printable(change.what), MAX_WHAT_CHARS)
            click.echo(f"  {kind}  {printable(change.path)}: {what}")
    broken = sum(each.breaks for each in compared)
    if broken:
        told = paint("BREAKING", "red", sys.stdout, bold=True)
        click.echo(f"{told}: {broken} of {len(compared)} contract{'s' if len(compared) > 1 else ''}")
    else:
        told = paint("COMPATIBLE", "green", sys.stdout, bold=True)
        click.echo(f"{told}: {len(compared)} contract{'s' if len(compared) > 1 else ''}")


def _painted(word: str, text: str) -> str:
    return paint(text, _COLOURS[word], sys.stdout) if word in _COLOURS else text
