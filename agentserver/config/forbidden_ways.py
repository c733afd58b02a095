"""`forbid:` of a configuration that was made in code: the same proof that the loader gives with lines.

Takes a configuration; raises for ways that it forbids and that there are. Listeners that are registered later, by
themselves, are no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentserver.config.members import members_of
from agentserver.config.model import OrganismConfig
from agentserver.config.reachability import Reachability
from agentserver.config.way_words import told_path
from agentserver.errors import ConfigError, ConfigFault


def refuse_forbidden_ways(organism: OrganismConfig) -> None:
    """Look for every way that an organism forbids.

    Raises:
        ConfigError: There is one, or a name is no listener's.
    """
    if organism.forbid:
        faults = list(_faults(organism, Reachability(members_of(organism))))
        if faults:
            raise ConfigError(faults)


def _faults(organism: OrganismConfig, graph: Reachability) -> Iterator[ConfigFault]:
    file = str(organism.source or organism.name)
    for each in organism.forbid:
        for name in (each.sender, each.receiver):
            if not graph.at(name):
                yield ConfigFault(file, each.line, 0, f"forbid: no listener {name!r}")
        paths = graph.paths(each.sender, each.receiver)
        if paths:
            told = told_path(min(paths, key=len), others=len(paths) - 1)
            yield ConfigFault(file, each.line, 0, told)
