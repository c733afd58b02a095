"""Two configurations on disk, compared as a reload would compare them: with the code that they name.

Takes two paths; gives the changes. Files of one project share its modules. Those of another project are imported in
the place of the first one's, and classes and functions are the same when they are called the same and the project's
modules behind them have the same texts. Raises `ConfigError` for the faults of either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.changes import Changes, changes_of
from agentserver.config.fresh_modules import fingerprint, forget
from agentserver.message_bus.bootstrap import assembled

_Names: TypeAlias = dict[int, tuple[str, str, bytes]]
"""What tells classes and functions apart, by their ids: module, name, and the texts behind."""


def compare_files(old: Path, new: Path, *, allow_env: bool) -> Changes:
    """Say what differs.

    Raises:
        ConfigError: All the faults of the first that has any.
    """
    before, names = _load(old, allow_env=allow_env)
    if _root(old) != _root(new):
        forget(_root(old))
    after, others = _load(new, allow_env=allow_env)
    names |= others

    def same(one: Any, other: Any) -> bool:
        return one is other or names.get(id(one), one) == names.get(id(other), other)

    return changes_of(before, after, same)


def _load(path: Path, *, allow_env: bool) -> tuple[OrganismConfig, _Names]:
    config = assembled(path, allow_env=allow_env).config
    return config, {id(each): _name(each, _root(path)) for each in _code(config)}


def _root(path: Path) -> Path:
    return path.resolve().parent.parent


def _code(config: OrganismConfig) -> Iterator[Any]:
    for listener in config.listeners:
        yield from _code_of(listener)
    for step in config.pipeline:
        yield step.step


def _code_of(listener: ListenerConfig) -> Iterator[Any]:
    yield from (listener.payload_class, listener.handler, listener.on_refusal)
    for pair in listener.handles:
        yield from (pair.payload_class, pair.handler)


def _name(value: Any, root: Path) -> tuple[str, str, bytes]:
    module = str(getattr(value, "__module__", ""))
    name = str(getattr(value, "__qualname__", id(value)))  # an instance is the same as itself alone
    return module, name, fingerprint(sys.modules.get(module), root)
