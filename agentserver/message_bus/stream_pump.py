"""The names that programs import from here; the pump itself is in `pump.py`. Nothing is defined here."""

from agentserver.config import ConfigLoader, ListenerConfig, OrganismConfig
from agentserver.message_bus.bootstrap import bootstrap
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.pump import StreamPump
from agentserver.message_bus.steps import extract_payloads

__all__ = [
    "ConfigLoader",
    "Listener",
    "ListenerConfig",
    "OrganismConfig",
    "StreamPump",
    "bootstrap",
    "extract_payloads",
]
