"""`agentserver contracts check`: whether the written files are those that the code makes today."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import config_option
from agentserver.cli.contracts_catalogue import load_catalogue
from agentserver.cli.contracts_files import expected_files, leftover_files
from agentserver.cli.contracts_folder import DEFAULT_FOLDER, DEFAULT_VERSION, folder_options
from agentserver.cli.failures import Failed
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.terminal import paint, printable
from agentserver.errors import shorten

MAX_DIFF_LINES: Final = 20
"""Lines of a difference that are shown for one file."""
MAX_SHOWN_DIFFS: Final = 10
"""Files of which the difference is shown; the others are only named."""
MAX_DIFFED_LINES: Final = 5_000
"""Lines that are compared: comparing takes quadratic time at worst."""
MAX_LINE_CHARS: Final = 200
MAX_EXTRA_BYTES: Final = 1_048_576
"""A file that is longer than it should be by more than this is not read."""

_REMEDY: Final = ("agentserver", "contracts", "write")


@dataclass(frozen=True, slots=True)
class Drift:
    """One file that is not as it should be.

    Attributes:
        path: The file.
        state: `missing`, `differs` or `leftover`.
        diff: From the file to what the code makes, as the lines of a unified diff, bounded.
    """

    path: Path
    state: str
    diff: tuple[str, ...] = ()


@click.command(short_help="Fail when the written files are not those of the code.")
@folder_options
@config_option
@json_option
def check(folder: Path, version: str, config: Path, allow_env: bool, as_json: bool) -> None:
    """Compare the files that `contracts write` wrote with what it would write now. Nothing is written.

    The exit code is 1 when a file is missing or differs, or belongs to a contract that no longer exists. Files of
    listeners that another configuration in the same folder names are left alone.

    \b
    Examples:
      agentserver contracts check
      agentserver contracts check --json --config config/organism.yaml
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    entries = load_catalogue(config, allow_env=allow_env)
    expected = expected_files(entries, folder, version)
    try:
        drifts = [drift for path, text in expected.items() if (drift := _compare(path, text)) is not None]
        left = leftover_files(expected, entries, folder, version, config)
    except OSError as exc:
        raise Failed(f"{exc.filename}: {exc.strerror}") from exc
    drifts += [Drift(path, "leftover") for path in left]
    options = _given_options(folder, version, config, allow_env=allow_env)
    if as_json:
        files = [{"path": str(each.path), "state": each.state, "diff": list(each.diff)} for each in drifts]
        remedy = {"remedy": _remedy(drifts, options)} if drifts else {}
        emit({"ok": not drifts, "checked": len(expected), "files": files, **remedy})
    else:
        _show(drifts, len(expected), folder, _remedy(drifts, options))
    if drifts:
        click.get_current_context().exit(exit_codes.FAILED)


def _compare(path: Path, text: str) -> Drift | None:
    wanted = text.encode()
    try:
        size = path.stat().st_size
        found = path.read_bytes() if size <= len(wanted) + MAX_EXTRA_BYTES else None
    except FileNotFoundError:
        return Drift(path, "missing")
    if found is None:
        return Drift(path, "differs", (f"it has {size} bytes, and should have {len(wanted)}",))
    if found.replace(b"\r\n", b"\n") == wanted:  # line ends are the editor's and git's affair
        return None
    return Drift(path, "differs", tuple(_diff(path, found.decode("utf-8", "backslashreplace"), text)))


def _diff(path: Path, found: str, wanted: str) -> Iterator[str]:
    written, made = found.splitlines()[:MAX_DIFFED_LINES], wanted.splitlines()[:MAX_DIFFED_LINES]
    lines = unified_diff(written, made, f"{path} (written)", f"{path} (code)", n=1, lineterm="")
    shown = list(islice(lines, MAX_DIFF_LINES + 1))
    yield from (shorten(line, MAX_LINE_CHARS) for line in shown[:MAX_DIFF_LINES])
    if len(shown) > MAX_DIFF_LINES:
        yield "..."


def _given_options(folder: Path, version: str, config: Path, *, allow_env: bool) -> list[str]:
    """Return the options of this call that `write` needs, too, to write what was checked."""
    given = ["--dir", str(folder)] if folder != DEFAULT_FOLDER else []
    given += ["--version", version] if version != DEFAULT_VERSION else []
    is_given = click.get_current_context().get_parameter_source("config") is ParameterSource.COMMANDLINE
    given += ["--config", str(config)] if is_given else []
    return [*given, "--allow-env"] if allow_env else given


def _remedy(drifts: list[Drift], options: list[str]) -> str:
    prune = ["--prune"] if any(each.state == "leftover" for each in drifts) else []
    return printable(shlex.join([*_REMEDY, *options, *prune]))


def _show(drifts: list[Drift], checked: int, folder: Path, remedy: str) -> None:
    diffs_left = MAX_SHOWN_DIFFS
    for each in drifts:
        click.echo(f"  {paint(f'{each.state:<8}', 'red', sys.stdout)}  {printable(str(each.path))}")
        if each.diff and diffs_left:
            diffs_left -= 1
            for line in each.diff:
                click.echo(f"      {printable(line)}")
    if left_out := sum(bool(each.diff) for each in drifts) - MAX_SHOWN_DIFFS + diffs_left:
        what = "one more file" if left_out == 1 else f"{left_out} more files"
        click.echo(f"  the differences of {what} are left out; --json gives them all")
    if drifts:
        count = len(drifts)
        found = f"{count} file{'s'[: count - 1]} not as the code has {'it' if count == 1 else 'them'}"
        told = paint(found, "red", sys.stderr, bold=True)
        click.echo(f"{told}; run `{remedy}`, and look at what changed", err=True)
    else:
        ok = paint("OK", "green", sys.stdout, bold=True)
        click.echo(
            f"{ok}: {checked} file{'' if checked == 1 else 's'} in {printable(str(folder))} are those of the code"
        )
