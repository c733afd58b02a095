"""The nodes of a YAML document with their places, and how to find one by its path.

A path is what pydantic calls `loc`: keys and list indexes from the root, as `("listeners", 0, "name")`. Knows
neither YAML's syntax nor what the keys mean. Looking up never raises: a path that leads nowhere gives the
place of the nearest ancestor, since a missing key is reported where it is missing from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys and 0-based list indexes, from the root."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in a file, 1-based; 0 means the whole file."""

    line: int
    column: int


WHOLE_FILE = Place(0, 0)
"""For faults of the file itself."""


@dataclass(slots=True)
class ScalarNode:
    """One value as written; `plain` when it had no quotes and was no block text."""

    place: Place
    text: str
    plain: bool
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class ListNode:
    """A sequence; `size` counts its nodes with aliases expanded, `height` the levels below it."""

    place: Place
    items: list[Node] = field(default_factory=list)
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key_place: Place
    value: Node


@dataclass(slots=True)
class MapNode:
    """A mapping, its keys read as text in the order of the file."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    height: int = 0


Node = ScalarNode | ListNode | MapNode


class Document:
    """One parsed file.

    Args:
        root: Its outermost node.
    """

    def __init__(self, root: Node) -> None:
        self.root = root

    def node(self, path: Path) -> Node | None:
        """Find the node that `path` leads to, if there is one."""
        found = list(self._walk(path))
        return found[-1][1] if len(found) == len(path) + 1 else None

    def value_place(self, path: Path) -> Place:
        """Say where the value at `path` stands, or its nearest ancestor."""
        return list(self._walk(path))[-1][1].place

    def key_place(self, path: Path) -> Place:
        """Say where the key that `path` ends in stands; for a list item, where the item does."""
        return list(self._walk(path))[-1][0]

    def _walk(self, path: Path) -> Iterator[tuple[Place, Node]]:
        """Yield (key place, node) from the root down, as far as `path` leads."""
        node = self.root
        yield node.place, node
        for part in path:
            if isinstance(node, MapNode) and isinstance(part, str) and part in node.entries:
                entry = node.entries[part]
                node = entry.value
                yield entry.key_place, node
            elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
                yield node.place, node
            else:
                return


def dotted(path: Path) -> str:
    """Write `path` as a person would, as `listeners[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
