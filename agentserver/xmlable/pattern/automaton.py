"""What a matcher goes through: which atom of a pattern may follow which.

Tells whether a pattern is deterministic, so that one look at the next character decides where in the pattern it
belongs; and whether it is explosive, so that a matcher which tries one way after the other, as Python's and libxml2's
do, takes a time that doubles with each character.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Final

from agentserver.xmlable.pattern.nodes import Atom, Fork, Loop, Node, Row, children, loop, row

_SMALL_COUNT: Final = 3
_MAX_LOOKS: Final = 1_000_000


@dataclass(slots=True)
class _Automaton:
    """The positions of a pattern, one for each atom, and what may follow each.

    Attributes:
        atoms: They.
        follow: For each, which may follow it.
        doubled: Whether a loop leads where another one within it leads already.
    """

    atoms: list[Atom] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    doubled: bool = False

    def add(self, node: Node) -> tuple[set[int], set[int], bool]:
        """Add a node; gives its first and last positions, and whether it may be empty."""
        if isinstance(node, Atom):
            self.atoms.append(node)
            self.follow.append(set())
            place = {len(self.atoms) - 1}
            return place, place, False
        if isinstance(node, Loop):
            first, last, nullable = self.add(node.part)
            if node.most is None or node.most > 1:
                self.doubled |= any(self.follow[place] & first for place in last)
                self._link(last, first)
            return first, last, nullable or node.least == 0
        return self._add_row(node) if isinstance(node, Row) else self._add_fork(node)

    def _add_row(self, node: Row) -> tuple[set[int], set[int], bool]:
        firsts: set[int] = set()
        lasts: set[int] = set()
        nullable = True
        for part in node.parts:
            first, last, empty = self.add(part)
            self._link(lasts, first)
            firsts |= first if nullable else set()
            lasts = last | lasts if empty else last
            nullable = nullable and empty
        return firsts, lasts, nullable

    def _add_fork(self, node: Fork) -> tuple[set[int], set[int], bool]:
        added = [self.add(branch) for branch in node.branches]
        firsts = set().union(*(first for first, _, _ in added))
        return firsts, set().union(*(last for _, last, _ in added)), any(empty for _, _, empty in added)

    def _link(self, places: set[int], following: set[int]) -> None:
        for place in places:
            self.follow[place] |= following


def is_deterministic(node: Node) -> bool:
    """Tell whether no two atoms that may come next take the same character."""
    automaton = _Automaton()
    first, _, _ = automaton.add(node)
    return not any(
        automaton.atoms[one].meets(automaton.atoms[other])
        for places in (first, *automaton.follow)
        for one, other in combinations(sorted(places), 2)
    )


def is_explosive(node: Node) -> bool:
    """Tell whether there are two ways from one place back to it for the same text, so that ways double each time."""
    automaton = _Automaton()
    automaton.add(_uncounted(node))
    return automaton.doubled or any(
        _has_two_ways_round(automaton, place) for place in range(len(automaton.atoms))
    )


def _uncounted(node: Node) -> Node:
    """Take large counts for any number, and write out the others."""
    if isinstance(node, Atom):
        return node
    if isinstance(node, Loop):
        part = _uncounted(node.part)
        if node.most is None or node.most > _SMALL_COUNT:
            return loop(part, min(node.least, 1), None)
        optional = loop(part, 0, 1)
        return row([part] * node.least + [optional] * (node.most - node.least))
    parts = [_uncounted(part) for part in children(node)]
    return row(parts) if isinstance(node, Row) else Fork(tuple(parts))


def _has_two_ways_round(automaton: _Automaton, place: int) -> bool:
    """Walk pairs of ways that begin at `place`, until they part and come back to it together.

    What has too many pairs to walk counts as if they did.
    """
    start = place, place, False
    seen, waiting, looks = {start}, [start], _MAX_LOOKS // len(automaton.atoms)
    while waiting:
        one, other, parted = waiting.pop()
        looks -= len(automaton.follow[one]) * len(automaton.follow[other])
        if looks < 0:
            return True
        for left, right in product(automaton.follow[one], automaton.follow[other]):
            step = left, right, parted or left != right
            if step in seen or not automaton.atoms[left].meets(automaton.atoms[right]):
                continue
            if step == (place, place, True):
                return True
            seen.add(step)
            waiting.append(step)
    return False


def ways(node: Node, text: str) -> int:
    """Count the ways to go through a pattern with the beginning of a text, at the place where they are the most."""
    automaton = _Automaton()
    first, _, _ = automaton.add(node)
    at = dict.fromkeys(first, 1)
    most = 1
    for character in text:
        letter = Atom(((ord(character), ord(character)),))
        after: dict[int, int] = {}
        for place, count in at.items():
            if automaton.atoms[place].meets(letter):
                for following in automaton.follow[place]:
                    after[following] = after.get(following, 0) + count
        at = after
        most = max(most, sum(at.values()))
    return most
