"""Where a file says what a listener may do: the lines that are still needed once it is read, to show what decides.

Takes the document and what was drafted of it; gives line numbers, 1-based, and 0 for what is not in the file.
"""

from __future__ import annotations

from types import MappingProxyType

from agentserver.config.draft import ListenerDraft
from agentserver.config.model import ListenerPlaces
from agentserver.config.tree import Document, MapNode, Path


def listener_places(document: Document, listener: ListenerDraft) -> ListenerPlaces:
    """Return the lines of one listener."""

    def line_of(key: str) -> int:
        return document.key_place((*listener.path, key)).line if key in listener.keys else 0

    entries: dict[str, int] = {}
    for path, peer in listener.peers:
        entries.setdefault(peer.lower(), document.value_place(path).line)
    own: Path = (*listener.path, "name")
    return ListenerPlaces(
        document.value_place(own).line, line_of("agent"), line_of("peers"), MappingProxyType(entries)
    )


def given_keys(document: Document) -> frozenset[str]:
    """Return the keys of `budget` and `limits` that the file gives, with the names of these before them."""
    return frozenset(
        f"{section}.{key}"
        for section in ("budget", "limits")
        if isinstance(node := document.node((section,)), MapNode)
        for key in node.entries
    )
