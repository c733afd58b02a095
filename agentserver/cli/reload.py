"""`agentserver reload --diff`: what a daemon would do about another configuration, and what it could not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import require_file, running_config_option
from agentserver.cli.config_comparison import compare_files
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.config.changes import Changes, Difference

_COLOURS: Final = MappingProxyType({"+": "green", "-": "red", "~": "yellow", "!": "red"})


@click.command(short_help="Show what another configuration would change in a running organism.")
@click.option(
    "--diff", "new", metavar="NEW", required=True, type=click.Path(path_type=Path),
    help="The configuration that a daemon would reload.",
)  # fmt: skip
@running_config_option
@json_option
def reload(new: Path, old: Path, allow_env: bool, as_json: bool) -> None:
    """Show what changes when a daemon that runs OLD reloads NEW. Nothing is changed, and no daemon is asked.

    A daemon reloads its own file when it gets a SIGHUP: all of it, or nothing. What stands under "needs a restart"
    makes it refuse. The exit code is 0 when nothing differs, 1 when something does, and 78 when OLD or NEW has faults.

    The modules that both name are imported, so their code runs. In two folders, the code of the modules is compared,
    too; in one folder they share it.

    \b
    Examples:
      agentserver reload --diff config/organism.new.yaml
      agentserver reload --diff ../next/config/organism.yaml --from config/organism.yaml --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    with redirect_stdout(sys.stderr):  # the user's modules may print
        changes = compare_files(old, require_file(new), allow_env=allow_env)
    if as_json:
        emit({"ok": not changes, "restart_needed": bool(changes.restart), **asdict(changes)})
    else:
        _show(changes)
    if changes:
        click.get_current_context().exit(exit_codes.FAILED)


def _show(changes: Changes) -> None:
    for name in changes.added:
        _line("+", f"listener {name}")
    for name in changes.removed:
        _line("-", f"listener {name}")
    for listener in changes.changed:
        _line("~", f"listener {listener.name}")
        for difference in listener.differences:
            for text in _texts(difference):
                click.echo(f"    {printable(text)}")
    for mark, differences in (("~", changes.settings), ("!", changes.restart)):
        for difference in differences:
            first, *details = _texts(difference)
            _line(mark, f"{first} (needs a restart)" if mark == "!" else first)
            for text in details:
                click.echo(f"    {printable(text)}")
    click.echo(_verdict(changes))


def _texts(difference: Difference) -> Iterator[str]:
    old, new = difference.old, difference.new
    if old and new:
        yield f"{difference.key}: {old} -> {new}" if old != new else f"{difference.key}: {new}"
    else:
        yield f"{difference.key}: {f'came, {new}' if new else f'gone, {old}'}"
    for detail in difference.details:
        yield f"  {detail}"


def _line(mark: str, text: str) -> None:
    click.echo(f"{paint(mark, _COLOURS[mark], sys.stdout)} {printable(text)}")


def _verdict(changes: Changes) -> str:
    if not changes:
        return f"{paint('SAME', 'green', sys.stdout, bold=True)}: a reload would change nothing"
    if changes.restart:
        count = len(changes.restart)
        told = (
            f"{count} of the changes {'needs' if count == 1 else 'need'} a restart; a reload would be refused"
        )
        return f"{paint('RESTART', 'red', sys.stdout, bold=True)}: {told}"
    parts: dict[str, Any] = {
        "added": len(changes.added),
        "removed": len(changes.removed),
        "changed": len(changes.changed),
    }
    told = ", ".join(f"{count} {word}" for word, count in parts.items() if count)
    listeners = f"listeners: {told}" if told else "no listener"
    settings = f"; settings: {len(changes.settings)}" if changes.settings else ""
    return f"{paint('DIFFERS', 'yellow', sys.stdout, bold=True)}: {listeners}{settings}"
