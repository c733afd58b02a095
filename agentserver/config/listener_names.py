"""The names of the listeners in a file, without importing what they name.

Takes any file; gives what can be read of it, which is nothing when it is no organism's. Never raises for what is in it.
"""

from __future__ import annotations

from pathlib import Path

from agentserver.config.draft import draft_of
from agentserver.config.fault_log import FaultLog
from agentserver.config.source import read_text
from agentserver.config.values import ValueReader
from agentserver.config.yaml_reader import read_yaml
from agentserver.errors import ConfigError


def listener_names(path: Path) -> frozenset[str]:
    """Return the names of the listeners that a file configures, in lower case."""
    faults = FaultLog(str(path))
    try:
        document = read_yaml(read_text(path, str(path)), faults)
    except ConfigError:
        return frozenset()
    reader = ValueReader(None, faults)
    draft = draft_of(reader.read(document.root), reader.unreadable)
    return frozenset(listener.name.lower() for listener in draft.listeners if listener.name)
