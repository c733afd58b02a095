"""`agentserver new`: write a project that works, from the templates in `scaffold/`.

A template's path, without `.template`, is the path of what it becomes. `{{name}}` in one stands for the project's
name, `{{package}}` for that name as a Python package may have it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Final

import click

from agentserver.cli.failures import Failed
from agentserver.cli.terminal import paint, printable

SUFFIX: Final = ".template"
"""Keeps tools from taking a template for what it will become."""

MAX_NAME_CHARS: Final = 64
UNNAMED: Final = "organism"


@click.command(short_help="Make a new project.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--force", is_flag=True, help="Add to a folder that is not empty; files that are there are kept."
)
def new(folder: Path, force: bool) -> None:
    """Make a project in DIR: an organism.yaml, a listener, cases and a test of it, and messages to try.

    \b
    Example:
      agentserver new demo && cd demo
      agentserver validate
      agentserver test
      agentserver pipe < config/examples/greetings.xml
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    name = printable(folder.resolve().name)[:MAX_NAME_CHARS] or UNNAMED
    try:
        if folder.exists() and any(folder.iterdir()) and not force:
            raise Failed(f"{folder} is not empty; name another folder, or add to it with --force")
        for path, template in _templates(files("agentserver.cli") / "scaffold"):
            _write(folder / path, template.read_text("utf-8"), name)
    except OSError as exc:
        raise Failed(f"{exc.filename}: {exc.strerror}") from exc
    _show_next_steps(folder)


def _templates(
    root: Traversable, above: PurePosixPath | None = None
) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        path = (above or PurePosixPath()) / entry.name.removesuffix(SUFFIX)
        if entry.is_dir():
            yield from _templates(entry, path)
        elif entry.name.endswith(SUFFIX):
            yield path, entry


def _write(path: Path, template: str, name: str) -> None:
    if path.exists():
        click.echo(f"  kept    {path}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = json.dumps(name, ensure_ascii=False)  # which is a YAML and a TOML string too
    text = template.replace('"{{name}}"', quoted).replace("{{name}}", name)
    path.write_text(text.replace("{{package}}", package_name(name)), "utf-8")
    click.echo(f"  wrote   {path}")


def package_name(name: str) -> str:
    """Return a project's name as a Python package may have it: ASCII letters and digits, and `-`, `.` or `_` amid."""
    made = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or UNNAMED
    is_ours = re.sub(r"[-._]+", "-", made).lower() == "agentserver"  # which it depends on
    return f"{made}-{UNNAMED}" if is_ours else made


def _show_next_steps(folder: Path) -> None:
    click.echo(f"\n{paint('Next:', 'green', sys.stdout, bold=True)}")
    for step in (
        f"cd {folder}",
        "agentserver validate",
        "agentserver test",
        "agentserver pipe < config/examples/greetings.xml",
        "agentserver run --inject config/examples/greetings.xml",
        "python -m pytest",
    ):
        click.echo(f"  {step}")
