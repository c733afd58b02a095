"""A tree as texts: for Python's `re`, and for XSD as libxml2 understands it.

libxml2 miscounts: where a counted part and what comes next begin alike, as in `a{0,2}|a`, it refuses what it should
take and takes what it should refuse. So counts can be written out, `(aa?)?|a`. It lets one branch run on into the loop
at the end of another that stands before it, so a branch without one is put first. And it takes classes that are
negated for others than they are, so they can be turned round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from agentserver.xmlable.pattern.nodes import (
    EMPTY,
    Atom,
    Fork,
    Loop,
    Node,
    Row,
    atoms,
    children,
    fork,
    loop,
    row,
)

_SPECIAL: Final = frozenset("\\|.-^?*+{}()[]")
_HYPHEN: Final = (0x2D, 0x2D)
_CONTROLS: Final = MappingProxyType({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def python_text(node: Node) -> str:
    """Write a node for Python's `re`."""
    if isinstance(node, Atom):
        return _class(node, re.escape)
    if isinstance(node, Row):
        return "".join(
            f"(?:{python_text(part)})" if isinstance(part, Fork) else python_text(part) for part in node.parts
        )
    if isinstance(node, Fork):
        return "|".join(map(python_text, node.branches))
    part = python_text(node.part)
    return (part if isinstance(node.part, Atom) else f"(?:{part})") + _count(node)


def xsd_text(node: Node) -> str:
    """Write a node for XSD."""
    if isinstance(node, Atom):
        return _class(node, _escaped)
    if isinstance(node, Row):
        return "".join(
            f"({xsd_text(part)})" if isinstance(part, Fork) else xsd_text(part) for part in node.parts
        )
    if isinstance(node, Fork):
        return "|".join(map(xsd_text, _unlooped_first(node.branches)))
    part = xsd_text(node.part)
    return (part if isinstance(node.part, Atom) else f"({part})") + _count(node)


def _class(node: Atom, escaped: Callable[[str], str]) -> str:
    spans = node.spans
    if len(spans) == 1 and spans[0][0] == spans[0][1] and not node.negated:
        return "-" if spans[0] == _HYPHEN else escaped(chr(spans[0][0]))
    ordered = sorted(spans, key=lambda span: span == _HYPHEN)  # libxml2 wants it at the end
    return f"[{'^' * node.negated}{''.join(_range(low, high, escaped) for low, high in ordered)}]"


def _range(low: int, high: int, escaped: Callable[[str], str]) -> str:
    before = after = ""
    while low < high and _is_special(low):  # libxml2 takes no escaped character for the end of a range
        before += escaped(chr(low))
        low += 1
    while low < high and _is_special(high):
        after = escaped(chr(high)) + after
        high -= 1
    between = "-" * (high > low + 1)
    return f"{before}{escaped(chr(low))}{between}{escaped(chr(high)) * (high > low)}{after}"


def _is_special(code: int) -> bool:
    return chr(code) in _SPECIAL or chr(code) in _CONTROLS


def _escaped(character: str) -> str:
    return _CONTROLS.get(character) or (f"\\{character}" if character in _SPECIAL else character)


def _count(node: Loop) -> str:
    if (node.least, node.most) in ((0, 1), (0, None), (1, None)):
        return "?" if node.most else "*+"[node.least]
    if node.least == node.most:
        return f"{{{node.least}}}"
    return f"{{{node.least},{'' if node.most is None else node.most}}}"


def _unlooped_first(branches: tuple[Node, ...]) -> tuple[Node, ...]:
    for branch in branches:
        if not _ends_in_loop(branch):
            return (branch, *(other for other in branches if other is not branch))
    return (_one_text(branches[0]), *branches)


def _ends_in_loop(node: Node) -> bool:
    if isinstance(node, Row):
        return bool(node.parts) and _ends_in_loop(node.parts[-1])
    if isinstance(node, Fork):
        return any(map(_ends_in_loop, node.branches))
    return isinstance(node, Loop)


def _one_text(node: Node) -> Node:
    """Give one text that `node` matches, as a row of atoms; not the empty one."""
    if isinstance(node, Row):
        return row([_one_text(part) for part in node.parts])
    if isinstance(node, Fork):
        return _one_text(node.branches[0])
    return row([_one_text(node.part)] * max(node.least, 1)) if isinstance(node, Loop) else node


def written_out(node: Node, most_of_atoms: int) -> Node:
    """Give the same without counts: with `?`, `*` and `+` alone.

    Args:
        node: The tree.
        most_of_atoms: A count of one atom stays, where it is larger than this.
    """
    if isinstance(node, Atom):
        return node
    if isinstance(node, Row):
        return row([written_out(part, most_of_atoms) for part in node.parts])
    if isinstance(node, Fork):
        return fork([written_out(branch, most_of_atoms) for branch in node.branches])
    if isinstance(node.part, Atom) and max(node.least, node.most or 0) > most_of_atoms:
        return node
    part = written_out(node.part, most_of_atoms)
    if node.most is None:
        return row([part] * (node.least - 1) + [loop(part, min(node.least, 1), None)])
    rest: Node = EMPTY
    for _ in range(node.most - node.least):
        rest = loop(row([part, rest]), 0, 1)
    return row([part] * node.least + [rest])


def without_negation(node: Node) -> Node:
    """Give the same with every class turned round that is negated."""
    if isinstance(node, Atom):
        return node.positive()
    if isinstance(node, Loop):
        return loop(without_negation(node.part), node.least, node.most)
    parts = [without_negation(part) for part in children(node)]
    return row(parts) if isinstance(node, Row) else fork(parts)


def is_negated(node: Node) -> bool:
    """Tell whether any class of a node is negated."""
    return any(atom.negated for atom in atoms(node))


def is_counted(node: Node) -> bool:
    """Tell whether a node has counts, other than `?`, `*` and `+`."""
    if isinstance(node, Atom):
        return False
    if isinstance(node, Loop):
        return _count(node).startswith("{") or is_counted(node.part)
    return any(map(is_counted, children(node)))
