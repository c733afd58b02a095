"""Whom a payload is for that says nothing but its tag, when its sender keeps to its peers.

Takes the listener that wrote it and the tag; gives the addresses among its peers that take it, and nothing of anybody
else: where the whole table would be ambiguous, the peers may not be. Checks no permission; that is done when it is
sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agentserver.config.permissions import peer_tags
from agentserver.config.routing_keys import shown_tag
from agentserver.errors import BadReply, RoutingError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.routing import RoutingTable

MAX_NAMED: Final = 5
"""Peers that an error names."""


def peer_for(table: RoutingTable, sender: Listener, tag: str) -> str | None:
    """Return the one peer that takes a tag; an agent itself, if none does and it takes it; None for nobody.

    Args:
        table: Knows who takes what.
        sender: The listener whose handler wrote the payload.
        tag: Root tag of the payload, in Clark notation.

    Raises:
        BadReply: Several peers take it.
    """
    names = sorted(name for name in _named(sender.peers or (), tag) if takes(table, name, tag, sender.name))
    if len(names) > 1:
        listed = ", ".join(names[:MAX_NAMED]) + (", and more" if len(names) > MAX_NAMED else "")
        message = f"ambiguous: {shown_tag(tag)} without <to> could be for any of its peers {listed}"
        raise BadReply(sender.name, message)
    if names:
        return names[0]
    return sender.name if sender.is_agent and takes(table, sender.name, tag, sender.name) else None


def takes(table: RoutingTable, name: str, tag: str, sender: str) -> bool:
    """Return whether a listener, or those that share a name, take a tag."""
    try:
        table.find(name, tag, sender)
    except RoutingError:
        return False
    return True


def _named(peers: Iterable[str], tag: str) -> Iterable[str]:
    """Return the names among peers whose entries let a tag through, each once whatever its case."""
    suffixes = tuple(f".{each}" for each in peer_tags(tag))
    names: dict[str, str] = {}
    for peer in peers:
        names.setdefault(peer.lower(), peer)
        for suffix in suffixes:
            if peer.lower().endswith(suffix):
                name = peer[: -len(suffix)]
                names.setdefault(name.lower(), name)
    return names.values()
