"""From a listener's configuration to its rows of the routing table.

Imports what is named by path, and loads the XSD of a foreign contract, unless the loader did; checks nothing that the
loader checks. A configuration made in code may give the classes, functions and contracts themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentserver.config import HandlesConfig, ListenerConfig
from agentserver.config.imports import Importer, UnimportableError
from agentserver.config.system_names import is_kept
from agentserver.errors import ConfigError, ConfigFault, SchemaError
from agentserver.message_bus.listener import Listener
from agentserver.xmlable.foreign import AnyContract, SchemaLibrary, foreign_contract


def listeners_of(config: ListenerConfig, library: SchemaLibrary | None = None) -> list[Listener]:
    """Return one listener for each contract, in the order of the configuration.

    Args:
        config: The listener. Paths of schemas are taken from the working directory.
        library: Where schemas are kept that others share.

    Raises:
        ConfigError: The name is kept, a class or a handler cannot be imported, or a schema cannot be used.
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
    return [_listener(config, pair, schemas) for pair in (first, *config.handles)]


def _listener(config: ListenerConfig, pair: HandlesConfig, library: SchemaLibrary) -> Listener:
    payload_class: Any = pair.payload_class or _import(config.name, pair.payload_class_path)
    handler: Any = pair.handler or _import(config.name, pair.handler_path)
    return Listener(
        config.name,
        payload_class,
        handler,
        config.description,
        config.is_agent,
        list(config.peers),
        config.broadcast,
        contract=pair.contract or _foreign(config.name, pair, payload_class, library),
        timeout_s=config.timeout_s,
        max_concurrent=config.max_concurrent,
        rate=config.rate,
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
