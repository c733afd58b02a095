"""How long the texts are that a pattern matches.

Takes an author's pattern, gives the least and the most characters; decides nothing. Raises `ValueError` for a pattern
that cannot be translated.
"""

from __future__ import annotations

from agentserver.xmlable.pattern.nodes import Atom, Fork, Node, Row
from agentserver.xmlable.pattern.scanner import parse


def lengths(pattern: str) -> tuple[int, int | None]:
    """Give the fewest and the most characters of a text that matches; None for any number.

    Raises:
        ValueError: The pattern cannot be translated.
    """
    return _lengths(parse(pattern))


def _lengths(node: Node) -> tuple[int, int | None]:
    if isinstance(node, Atom):
        return 1, 1
    if isinstance(node, Row):
        ranges = [_lengths(part) for part in node.parts]
        return sum(least for least, _ in ranges), _sum([most for _, most in ranges])
    if isinstance(node, Fork):
        ranges = [_lengths(branch) for branch in node.branches]
        mosts = [most for _, most in ranges]
        return min(least for least, _ in ranges), None if None in mosts else max(
            filter(None, mosts), default=0
        )
    least, most = _lengths(node.part)
    return least * node.least, None if most is None or node.most is None else most * node.most


def _sum(mosts: list[int | None]) -> int | None:
    known = [most for most in mosts if most is not None]
    return sum(known) if len(known) == len(mosts) else None
