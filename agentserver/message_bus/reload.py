"""What a pump has to become to follow another configuration: all that can fail, done before anything changes.

Takes a configuration, or the path of one, and what runs; gives a `Plan`, or raises `ConfigError` with all the faults.
What has not changed keeps its very listeners, so that nothing of theirs is disturbed. Listeners that a program
registered by itself stay. Changes nothing: the pump does, in one step, between two turns of the event loop.

A file is read with the project's modules as they stand on disk (`config.fresh_modules`). This runs in a thread, as
importing takes its time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentserver.config import ConfigLoader, ListenerConfig, OrganismConfig
from agentserver.config.changes import Changes, changes_of
from agentserver.config.forbidden_ways import refuse_forbidden_ways
from agentserver.config.fresh_modules import FreshModules, imported_anew
from agentserver.errors import ConfigError, ConfigFault, ContractError
from agentserver.message_bus.introspection import register_meta
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.live_stage import LiveStage, fits
from agentserver.message_bus.pipeline import Stage
from agentserver.message_bus.registration import enter, register
from agentserver.message_bus.routing import RoutingTable
from agentserver.xmlable.foreign import SchemaLibrary


@dataclass(frozen=True, slots=True)
class Running:
    """What a pump is at the moment.

    Args:
        config: What it follows.
        table: A copy of its routing table.
        places: Its gate.
        gate: Makes the stages of a gate.
    """

    config: OrganismConfig
    table: RoutingTable
    places: Sequence[LiveStage]
    gate: Callable[[OrganismConfig], Sequence[Stage]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pump is to become.

    Args:
        config: What it is to follow.
        changes: What that changes.
        table: Its routing table, without `system.meta`.
        listeners: Its listeners by name, the first row of each.
        stages: Its gate.
        rows: What the plan was made for: the rows that there were.
        fresh: The modules that were imported anew.
    """

    config: OrganismConfig
    changes: Changes
    table: RoutingTable
    listeners: Mapping[str, Listener]
    stages: Sequence[Stage]
    rows: Sequence[Listener]
    fresh: FreshModules | None = None

    def is_for(self, table: RoutingTable) -> bool:
        """Return whether nobody registered a listener since the plan was made."""
        rows = table.rows()
        return len(rows) == len(self.rows) and all(a is b for a, b in zip(rows, self.rows, strict=True))


def plan(wanted: OrganismConfig | str | os.PathLike[str], running: Running, *, allow_env: bool) -> Plan:
    """Make a plan.

    Args:
        wanted: A configuration, or the path of one.
        running: What there is.
        allow_env: Whether `${VAR}` in the file stands for an environment variable.

    Raises:
        ConfigError: It cannot be followed; all the faults.
    """
    if isinstance(wanted, OrganismConfig):
        return _plan(wanted, running, str(wanted.source or wanted.name), None)
    with imported_anew(Path(wanted).resolve().parent.parent) as fresh:
        config = ConfigLoader.load(wanted, allow_env=allow_env)
        return _plan(config, running, os.fspath(wanted), fresh)


def _plan(config: OrganismConfig, running: Running, file: str, fresh: FreshModules | None) -> Plan:
    refuse_forbidden_ways(config)
    changes = changes_of(running.config, config)
    stages = running.gate(config)
    faults = [
        ConfigFault(
            file,
            _line(config, each.key),
            0,
            f"{each.key}: needs a restart, to become {each.new} instead of {each.old}",
        )
        for each in changes.restart
    ]
    if not faults and not fits(running.places, stages):
        message = "pipeline: needs a restart, as a step became asynchronous, or is no more"
        faults.append(ConfigFault(file, _line(config, "pipeline"), 0, message))
    table, listeners = _table(config, changes, running, file, faults)
    if faults:
        raise ConfigError(faults)
    register_meta(config.meta, RoutingTable(), {}, config.limits.message_bytes)  # which fails here if ever
    return Plan(config, changes, table, listeners, stages, running.table.rows(), fresh)


def _line(config: OrganismConfig, key: str) -> int:
    """Return the line of a setting, or of its section; 0 where the file gives neither."""
    section, places = key.partition(".")[0], config.given
    own = "identity" if key == "identity_path" else key
    return places.get(key) or places.get(f"organism.{own}") or places.get(section, 0)


def _table(
    config: OrganismConfig, changes: Changes, running: Running, file: str, faults: list[ConfigFault]
) -> tuple[RoutingTable, dict[str, Listener]]:
    before = running.table
    by_name: dict[str, list[Listener]] = {}
    for row in before.rows():
        by_name.setdefault(row.name, []).append(row)
    configured = {listener.name for listener in running.config.listeners}
    touched = {each.name for each in changes.changed}
    if changes.touches("breaker"):
        touched |= {listener.name for listener in config.listeners if listener.breaker is None}
    table, listeners, library = RoutingTable(), dict[str, Listener](), SchemaLibrary()

    def attempt(listener: ListenerConfig | str) -> None:
        name = listener if isinstance(listener, str) else listener.name
        try:
            if isinstance(listener, str) or (name in configured and name in by_name and name not in touched):
                rows = by_name[name]
                enter(table, rows, before.takers(name))
            else:
                rows = register(listener, table, library, config.breaker)
        except ConfigError as exc:
            faults.extend(exc.faults)
        except (ContractError, ValueError) as exc:
            line = 0 if isinstance(listener, str) else listener.places.line
            faults.append(ConfigFault(file, line, 0, f"{name}: {exc}"))
        else:
            listeners[name] = rows[0]

    for listener in config.listeners:
        attempt(listener)
    for name in by_name:
        if name not in configured:
            attempt(name)
    return table, listeners
