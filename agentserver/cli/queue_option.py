"""`--queue` and `--config` of the commands that look at a queue's file: which file is meant, and whose it is.

Takes what the command line says; gives the path, and the organism where one can be loaded: it knows which fields are
secret. Opens no queue. Raises `NotFound`, `Unusable`, and `ConfigError` for a configuration that was asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from agentserver import StreamPump
from agentserver.cli.config_argument import DEFAULT_CONFIGS, require_file
from agentserver.cli.failures import NotFound, Unusable
from agentserver.cli.terminal import printable
from agentserver.config.queue_address import EXAMPLE, QueueAddress
from agentserver.errors import ConfigError, ContractError
from agentserver.message_bus.bootstrap import assembled

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class QueueFile:
    """A queue's file, and whose it is.

    Args:
        path: The file; it may not exist.
        config: The configuration; None where there is none, or none that loads.
        organism: The organism, which does not run; None as above.
        allow_env: Whether `${VAR}` in a configuration stands for an environment variable.
    """

    path: Path
    config: Path | None = None
    organism: StreamPump | None = None
    allow_env: bool = False

    def existing(self) -> Path:
        """Return the file.

        Raises:
            NotFound: It does not exist.
        """
        if not self.path.exists():
            raise NotFound(f"{self.path}: there is no such file; a daemon makes it when it is started")
        return self.path


def queue_options(function: F) -> F:
    """Add `--queue`, `--config` and `--allow-env` to a command, as the one parameter `file`, a `QueueFile`."""

    @click.option(
        "--queue",
        metavar="FILE",
        help=f"The queue's file, or its address, as {EXAMPLE}.  [default: that of CONFIG]",
    )
    @click.option(
        "-c", "--config", metavar="CONFIG", type=click.Path(path_type=Path),
        help="The organism, which knows what is secret; config/organism.yaml or organism.yaml when left out, if the "
        "queue is its.",
    )  # fmt: skip
    @click.option(
        "--allow-env", is_flag=True, help="Expand ${VAR} in CONFIG, even if it does not say `env: true`."
    )
    def with_file(*args: Any, queue: str | None, config: Path | None, allow_env: bool, **options: Any) -> Any:
        return function(*args, file=locate(queue, config, allow_env=allow_env), **options)

    with_file.__name__, with_file.__doc__ = function.__name__, function.__doc__
    with_file.__click_params__ += getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    return with_file  # type: ignore[return-value]


def locate(queue: str | None, config: Path | None, *, allow_env: bool) -> QueueFile:
    """Find a queue's file.

    Raises:
        NotFound: There is no such configuration, and none to go by.
        Unusable: The address is none, or the organism has no file.
        ConfigError: The configuration that was named, or is gone by, has faults.
    """
    if queue is None:
        return _of_config(config, allow_env=allow_env)
    path = _path(queue)
    if config is not None:
        return QueueFile(path, config, _load(require_file(config), allow_env=allow_env), allow_env)
    try:
        guessed = _of_config(None, allow_env=allow_env)
    except (NotFound, Unusable, ConfigError, ContractError):
        return QueueFile(path, allow_env=allow_env)
    if guessed.path.resolve() == path.resolve():
        return guessed
    return QueueFile(path, allow_env=allow_env)


def _of_config(config: Path | None, *, allow_env: bool) -> QueueFile:
    found = config or next((candidate for candidate in DEFAULT_CONFIGS if candidate.exists()), None)
    if found is None:
        names = " and no ".join(map(str, DEFAULT_CONFIGS))
        raise NotFound(
            f"there is no {names} in {Path.cwd()}; give the queue's file with --queue, or --config"
        )
    organism = _load(require_file(found), allow_env=allow_env)
    address = QueueAddress.of_daemon(organism.config)
    path = QueueAddress.parse(address).file(found.resolve().parent.parent)
    if path is None:
        told = printable(address)
        raise Unusable(f"{found}: the queue is {told}, which has no file; give one with --queue FILE")
    return QueueFile(path, found, organism, allow_env)


def _path(queue: str) -> Path:
    if "://" not in queue:
        return Path(queue)
    try:
        path = QueueAddress.parse(queue).file(Path.cwd())
    except ValueError as exc:
        raise Unusable(f"--queue: {exc}") from exc
    if path is None:
        raise Unusable(f"--queue: a queue in memory has no file; write a path, or {EXAMPLE}")
    return path


def _load(config: Path, *, allow_env: bool) -> StreamPump:
    with redirect_stdout(sys.stderr):  # the user's modules may print
        return assembled(config, allow_env=allow_env)
