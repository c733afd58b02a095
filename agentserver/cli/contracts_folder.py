"""Where written contracts are: `--dir` and `--version`, and the names of folders that hold one version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FOLDER: Final = Path("schemas")
DEFAULT_VERSION: Final = "v1"
VERSION: Final = re.compile(r"v[0-9]{1,9}")
"""The name of a folder that holds one version of a listener's contracts."""


def _checked(_: click.Context, __: click.Parameter, value: str) -> str:
    if VERSION.fullmatch(value) is None:
        raise click.BadParameter(f"{value!r} is no version; write v1, v2 and so on")
    return value


def folder_options(function: F) -> F:
    """Add `--dir` and `--version` to a command, as the parameters `folder` and `version`."""
    with_version = click.option(
        "--version", metavar="vN", default=DEFAULT_VERSION, callback=_checked,
        help=f"The version's folder.  [default: {DEFAULT_VERSION}]",
    )(function)  # fmt: skip
    return click.option(
        "--dir", "folder", metavar="DIR", default=DEFAULT_FOLDER,
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Where the folders of listeners are.  [default: {DEFAULT_FOLDER}]",
    )(with_version)  # fmt: skip
