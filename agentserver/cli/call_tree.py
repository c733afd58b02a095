"""The messages of one conversation as a tree: each below the one that it came of, in the order in which they began.

Takes entries of a queue's file; gives nodes, and each with the lines that lead to it. A message whose parent is not
there, as retention took it, is a root. A tree of any depth is walked without recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agentserver.queues.sqlite.reading import Entry

MAX_DRAWN: Final = 30
"""Levels that are drawn as lines; below, a number tells how deep a message is."""


@dataclass(slots=True)
class Node:
    """One message, and what came of it.

    Args:
        entry: The message.
        children: What came of it, first to last.
    """

    entry: Entry
    children: list[Node] = field(default_factory=list)


def call_tree(entries: Iterable[Entry]) -> list[Node]:
    """Return the roots."""
    nodes = {entry.message.id: Node(entry) for entry in sorted(entries, key=_moment)}
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.entry.message.parent_id or "")
        (parent.children if parent is not None and parent is not node else roots).append(node)
    return roots


def walked(roots: list[Node]) -> Iterator[tuple[int, str, Node]]:
    """Give each node, parents first: how deep it is, and the lines that lead to it, `│  └─ `."""
    stack = [(0, "", "", node) for node in reversed(roots)]
    while stack:
        depth, lead, below, node = stack.pop()
        yield depth, lead, node
        last = len(node.children) - 1
        for index in range(last, -1, -1):
            branch, further = ("└─ ", "   ") if index == last else ("├─ ", "│  ")
            if depth >= MAX_DRAWN:
                branch, further = f"─ {depth + 1}: ", ""
            stack.append((depth + 1, below + branch, below + further, node.children[index]))


def _moment(entry: Entry) -> tuple[float, int]:
    return entry.began_at or entry.message.queued_at, entry.seq
