"""From a listener's configuration to its rows of the routing table.

Imports what is named by path; checks nothing that the loader checks. A configuration made in code may give the classes
and functions themselves.
"""

from __future__ import annotations

from typing import Any

from agentserver.config import HandlesConfig, ListenerConfig
from agentserver.config.imports import Importer, UnimportableError
from agentserver.errors import ConfigError, ConfigFault
from agentserver.message_bus.listener import Listener


def listeners_of(config: ListenerConfig) -> list[Listener]:
    """Return one listener for each contract, in the order of the configuration.

    Raises:
        ConfigError: A class or a handler cannot be imported.
        ContractError: A class is no contract.
    """
    first = HandlesConfig(
        config.payload_class_path, config.handler_path, config.payload_class, config.handler
    )
    return [_listener(config, pair) for pair in (first, *config.handles)]


def _listener(config: ListenerConfig, pair: HandlesConfig) -> Listener:
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
    )


def _import(listener: str, path: str) -> object:
    try:
        return Importer(None).load(path)
    except UnimportableError as exc:
        raise ConfigError([ConfigFault("listeners", 0, 0, f"{listener}: {exc}")]) from exc
