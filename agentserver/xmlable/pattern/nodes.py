"""A regular expression as a tree of atoms, rows, forks and loops.

Nodes are plain values without a syntax of their own. `row`, `fork` and `loop` make them, so that nothing is empty
that need not be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Characters from one code to another, both included."""

XML_CHARACTERS: Final = ((0x9, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
"""The characters of XML."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One character out of several.

    Attributes:
        spans: Which ones, in order and apart from each other.
        negated: Whether it is all characters but these.
    """

    spans: tuple[Span, ...]
    negated: bool = False

    def positive(self) -> Atom:
        """Give the same without negation."""
        if not self.negated:
            return self
        kept: list[Span] = []
        for low, high in XML_CHARACTERS:
            for first, last in self.spans:
                if first <= high and last >= low:
                    if low < first:
                        kept.append((low, first - 1))
                    low = last + 1  # what is left of the span
            if low <= high:
                kept.append((low, high))
        return Atom(tuple(kept))

    def meets(self, other: Atom) -> bool:
        """Tell whether one character is in both."""
        return any(
            first <= high and last >= low
            for low, high in self.positive().spans
            for first, last in other.positive().spans
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other; nothing at all when empty."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """One of several, none of which is the empty row."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """The same, `least` to `most` times; None for any number. `part` is not the empty row."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Atom | Row | Fork | Loop

EMPTY: Final = Row()


def atom(spans: list[Span], negated: bool = False) -> Atom:
    """Make an atom of any spans."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return Atom(tuple(merged), negated)


def row(parts: list[Node]) -> Node:
    """Put parts after one another."""
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, Row) else [part]
    return flat[0] if len(flat) == 1 else Row(tuple(flat))


def fork(branches: list[Node]) -> Node:
    """Put branches beside one another; an empty one makes the others optional."""
    distinct = list(dict.fromkeys(branch for branch in branches if branch != EMPTY))
    if not distinct:
        return EMPTY
    node = distinct[0] if len(distinct) == 1 else Fork(tuple(distinct))
    return node if EMPTY not in branches else loop(node, 0, 1)


def loop(part: Node, least: int, most: int | None) -> Node:
    """Repeat a part. A loop around a loop that may run not at all, or without end, becomes one."""
    if part == EMPTY or most == 0:
        return EMPTY
    if (least, most) == (1, 1):
        return part
    if isinstance(part, Loop) and part.least <= 1:
        if part.most is None or (part.most == 1 and most is None):
            return Loop(part.part, least if part.least else 0, None)
        if (part.least, part.most, least, most) == (0, 1, 0, 1):
            return part
    return Loop(part, least, most)


def size(node: Node, most_of_atoms: int) -> int:
    """Count the atoms of a node when its counts are written out, but those of one atom above `most_of_atoms`."""
    if isinstance(node, Atom):
        return 1
    if isinstance(node, Loop):
        count = max(node.least, node.most or 1)
        kept = isinstance(node.part, Atom) and count > most_of_atoms
        return 1 if kept else size(node.part, most_of_atoms) * count
    return sum(size(part, most_of_atoms) for part in children(node))


def children(node: Row | Fork) -> tuple[Node, ...]:
    """Give the parts of a row, or the branches of a fork."""
    return node.parts if isinstance(node, Row) else node.branches


def atoms(node: Node) -> Iterator[Atom]:
    """Give the atoms of a node, from left to right."""
    if isinstance(node, Atom):
        yield node
    elif isinstance(node, Loop):
        yield from atoms(node.part)
    else:
        for part in children(node):
            yield from atoms(part)
