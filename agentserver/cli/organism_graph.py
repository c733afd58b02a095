"""The graph of "may address" of an organism, and the names that a command line may use for its nodes.

Takes a configuration; gives members and addresses, and raises `NotFound` with the nearest name there is.
"""

from __future__ import annotations

from typing import Final

from agentserver.cli.failures import NotFound
from agentserver.cli.terminal import printable
from agentserver.config import OrganismConfig
from agentserver.config.fault_log import did_you_mean
from agentserver.config.members import members_of, system_members
from agentserver.config.permissions import peer_tags
from agentserver.config.reachability import Member, Reachability

OUTSIDE: Final = "outside"
"""What stands for everybody who is no listener, where no listener bears that name."""


def graph_of(organism: OrganismConfig) -> Reachability:
    """Return the graph of an organism, with `system.meta` if anybody may ask it."""
    return Reachability([*members_of(organism), *system_members(organism)])


def require_address(graph: Reachability, name: str, *more: str) -> list[Member]:
    """Return the listeners that can be addressed by a name; case does not matter.

    Args:
        graph: Where to look.
        name: The name.
        more: Further names that would have been possible.

    Raises:
        NotFound: There are none.
    """
    found = graph.at(name)
    if not found:
        raise _unknown(f"no listener {printable(name)!r}", name, [*_names(graph), *more])
    return found


def require_listener(graph: Reachability, name: str, *more: str) -> Member:
    """Return the listener of a name.

    Args:
        graph: Where to look.
        name: Its name; case does not matter.
        more: Further names that would have been possible.

    Raises:
        NotFound: There is none.
    """
    found = graph.at(name)
    own = next((member for member in found if member.name.lower() == name.lower()), None)
    if own is not None:
        return own
    if found:
        names = ", ".join(member.name for member in found[:10])
        raise NotFound(f"{printable(name)!r} is a name that listeners share; give one of {names}")
    raise _unknown(f"no listener {printable(name)!r}", name, [*_names(graph), *more])


def require_payload(members: list[Member], address: str, payload: str) -> str:
    """Return the root tag that one of the listeners takes and that is called `payload`; case does not matter.

    Raises:
        NotFound: They take no such payload.
    """
    tags = list(dict.fromkeys(tag for member in members for tag in member.contracts))
    for tag in tags:
        if payload.lower() in peer_tags(tag):
            return tag
    raise _unknown(f"{address} takes no {printable(payload)!r}", payload, tags)


def _names(graph: Reachability) -> list[str]:
    """Return the names of listeners as written, and those that some share, in the order of the file."""
    names = {name: name for name in graph.addresses}
    names.update((member.name.lower(), member.name) for member in graph.members)
    return list(names.values())


def _unknown(told: str, name: str, known: list[str]) -> NotFound:
    near = did_you_mean(name, known)
    if not near:
        shown = ", ".join(known[:10])
        near = f"; there {'is' if len(known) == 1 else 'are'} {shown}{' and more' if len(known) > 10 else ''}"
    return NotFound(f"{told}{near}")
