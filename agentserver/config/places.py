"""Where a file says what a listener may do: the lines that are still needed once it is read, to show what decides.

Takes the document and what was drafted of it; gives line numbers, 1-based, and 0 for what is not in the file.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentserver.config.draft import ListenerDraft
from agentserver.config.model import ListenerPlaces
from agentserver.config.tree import Document, MapNode, Path


def listener_places(document: Document, listener: ListenerDraft) -> ListenerPlaces:
    """Return the lines of one listener."""

    def line_of(key: str) -> int:
        return document.key_place((*listener.path, key)).line if key in listener.keys else 0

    entries: dict[str, int] = {}
    for peer in listener.peers:
        entries.setdefault(peer.text.lower(), document.value_place(peer.path).line)
    own: Path = (*listener.path, "name")
    return ListenerPlaces(document.value_place(own).line, line_of("agent"), line_of("peers"), entries)


def given_lines(document: Document) -> Mapping[str, int]:
    """Return the lines of the sections, and of their keys, as `limits.hops`, that the file gives."""
    lines: dict[str, int] = {}
    root = document.root
    for section, found in root.entries.items() if isinstance(root, MapNode) else ():
        lines[section] = found.key_place.line
        if isinstance(found.value, MapNode):
            keys = found.value.entries.items()
            lines.update((f"{section}.{key}", entry.key_place.line) for key, entry in keys)
    return lines
