"""From a listener's configuration to its rows of the routing table.

Imports what is named by path, and loads the XSD of a foreign contract, unless the loader did; checks nothing that the
loader checks. A configuration made in code may give the classes, functions and contracts themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentserver.config import BreakerConfig, HandlesConfig, ListenerConfig
from agentserver.config.imports import Importer, UnimportableError
from agentserver.config.peer_entries import expanded
from agentserver.config.system_names import is_kept
from agentserver.core import CORE_NS, Huh, SystemError_
from agentserver.errors import ConfigError, ConfigFault, SchemaError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.names import check_name
from agentserver.message_bus.routing import RoutingTable
from agentserver.xmlable.foreign import AnyContract, SchemaLibrary, foreign_contract


def register(
    config: ListenerConfig, table: RoutingTable, library: SchemaLibrary, breaker: BreakerConfig | None = None
) -> list[Listener]:
    """Enter a listener into a routing table, whole or not at all.

    Args:
        config: The listener.
        table: The table.
        library: Where schemas are kept that others share.
        breaker: The organism's, which is the listener's where it has none itself.

    Returns:
        Its rows, one for each contract.

    Raises:
        ConfigError: As `listeners_of`; or one of its keys is taken.
        ContractError: A class is no contract.
        ValueError: The name is no name.
    """
    check_name("listener", config.name)
    if config.breaker is None and breaker is not None:
        config = replace(config, breaker=breaker)
    rows = listeners_of(config, library)
    enter(table, rows, takers_of_refusals(config))
    return rows


def enter(table: RoutingTable, rows: Sequence[Listener], takers: Sequence[Listener] = ()) -> None:
    """Enter rows of one listener into a routing table: all of them, or none.

    Args:
        table: The table.
        rows: One for each contract.
        takers: What it takes refusals with.

    Raises:
        ConfigError: A key is taken.
    """
    for index, row in enumerate(rows):
        own = any(row.root_tag == other.root_tag for other in rows[:index])
        if own or table.pinned(row.root_tag):
            raise ConfigError([ConfigFault("listeners", 0, 0, f"{row.root_tag} is registered already")])
    for row in rows:
        table.add(row)
    for row in takers:
        table.add_for_refusals(row)


def listeners_of(config: ListenerConfig, library: SchemaLibrary | None = None) -> list[Listener]:
    """Return one listener for each contract, in the order of the configuration.

    Args:
        config: The listener. Paths of schemas are taken from the working directory.
        library: Where schemas are kept that others share.

    Raises:
        ConfigError: The name is kept, a contract is the organism's own, a class or a handler cannot be imported, or a
            schema cannot be used.
        ContractError: A class is no contract.
    """
    if is_kept(config.name):
        message = f"the name {config.name!r} is kept for the organism itself; rename the listener"
        raise ConfigError([ConfigFault("listeners", 0, 0, message)])
    first = HandlesConfig(
        config.payload_class_path,
        config.handler_path,
        config.payload_class,
        config.handler,
        config.schema_path,
        config.root,
        config.contract,
    )
    schemas = library if library is not None else SchemaLibrary()
    rows = [_listener(config, pair, schemas) for pair in (first, *config.handles)]
    for row in rows:
        if row.contract.root_tag.startswith(f"{{{CORE_NS}}}"):
            message = (
                f"{config.name}: {row.payload_class.__name__} is taken with on_refusal, not with a handler"
            )
            raise ConfigError([ConfigFault("listeners", 0, 0, message)])
    return rows


def takers_of_refusals(config: ListenerConfig) -> list[Listener]:
    """Return what a listener takes refusals with, one row for each class of them; nothing when it takes none.

    Raises:
        ConfigError: Its function cannot be imported.
    """
    if config.on_refusal is None and not config.on_refusal_path:
        return []
    handler: Any = config.on_refusal or _import(config.name, config.on_refusal_path)
    library = SchemaLibrary()
    pairs = [HandlesConfig(payload_class=each, handler=handler) for each in (Huh, SystemError_)]
    return [_listener(config, pair, library) for pair in pairs]


def _listener(config: ListenerConfig, pair: HandlesConfig, library: SchemaLibrary) -> Listener:
    payload_class: Any = pair.payload_class or _import(config.name, pair.payload_class_path)
    handler: Any = pair.handler or _import(config.name, pair.handler_path)
    return Listener(
        config.name,
        payload_class,
        handler,
        config.description,
        config.is_agent,
        expanded(config.peers, config.name) if config.peers is not None else None,
        config.broadcast,
        contract=pair.contract or _foreign(config.name, pair, payload_class, library),
        timeout_s=config.timeout_s,
        max_concurrent=config.max_concurrent,
        rate=config.rate,
        repair=config.repair,
        join_s=config.join_timeout_s if config.join else None,
        retry=config.retry,
        breaker=config.breaker,
    )


def _foreign(
    listener: str, pair: HandlesConfig, payload_class: type[Any], library: SchemaLibrary
) -> AnyContract | None:
    if not pair.schema_path:
        return None
    try:
        return foreign_contract(payload_class, library.load(Path(pair.schema_path)), pair.root)
    except SchemaError as exc:
        raise ConfigError([ConfigFault("listeners", 0, 0, f"{listener}: {exc}")]) from exc


def _import(listener: str, path: str) -> object:
    try:
        return Importer(None).load(path)
    except UnimportableError as exc:
        raise ConfigError([ConfigFault("listeners", 0, 0, f"{listener}: {exc}")]) from exc
