"""CONFIG, the argument that most commands take, and `--allow-env` beside it; or `--config`, where arguments are others.

Decides which file is meant when none is given, and that it exists; reads nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from agentserver.cli.failures import NotFound

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_CONFIGS: Final = (Path("config/organism.yaml"), Path("organism.yaml"))


def config_argument(function: F) -> F:
    """Add CONFIG and `--allow-env` to a command, as the parameters `config` (a file that exists) and `allow_env`."""
    return click.argument("config", required=False, callback=_locate, type=click.Path(path_type=Path))(
        _env_option(function)
    )


def config_option(function: F) -> F:
    """Add `--config` and `--allow-env` to a command, as the same parameters."""
    return click.option(
        "-c", "--config", metavar="CONFIG", callback=_locate, type=click.Path(path_type=Path),
        help="The organism; config/organism.yaml or organism.yaml when left out.",
    )(_env_option(function))  # fmt: skip


def running_config_option(function: F) -> F:
    """Add `--from` and `--allow-env` to a command that compares with what runs: as `old`, found likewise."""
    return click.option(
        "--from", "old", metavar="OLD", callback=_locate, type=click.Path(path_type=Path),
        help="The organism that runs; config/organism.yaml or organism.yaml when left out.",
    )(_env_option(function))  # fmt: skip


def require_file(path: Path) -> Path:
    """Return `path`.

    Raises:
        NotFound: It does not exist.
    """
    if not path.exists():
        raise NotFound(f"{path}: there is no such file")
    return path


def _env_option(function: F) -> F:
    return click.option(
        "--allow-env", is_flag=True, help="Expand ${VAR} in CONFIG, even if it does not say `env: true`."
    )(function)


def _locate(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if ctx.resilient_parsing:
        return None
    if path is not None:
        if not path.exists():
            raise NotFound(f"{path}: there is no such file; {_remedy(parameter)}")
        return path
    for candidate in DEFAULT_CONFIGS:
        if candidate.exists():
            return candidate
    names = " and no ".join(map(str, DEFAULT_CONFIGS))
    raise NotFound(f"there is no {names} in {Path.cwd()}; {_remedy(parameter)}")


def _remedy(parameter: click.Parameter) -> str:
    option = f" with {parameter.opts[0]}" if isinstance(parameter, click.Option) else ""
    return f"give the path of an organism.yaml{option}, or run `agentserver new DIR` to make a project"
