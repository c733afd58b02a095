"""A pattern, and the proof that libxml2 and Python match it alike.

libxml2's matcher has faults that no rule covers. So a pattern is tried when its class is decorated: both match some
hundred texts that are made from it, the same ones in every run. Where they differ, it is tried in other words, and
refused if that does not help. Raises `ValueError` with the remedy.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

from agentserver.xmlable.pattern.automaton import is_deterministic, is_explosive, ways
from agentserver.xmlable.pattern.nodes import XML_CHARACTERS, Atom, Fork, Node, Row, atoms, size
from agentserver.xmlable.pattern.scanner import parse
from agentserver.xmlable.pattern.writing import (
    is_counted,
    is_negated,
    python_text,
    without_negation,
    written_out,
    xsd_text,
)
from agentserver.xmlable.schema_document import SchemaDocument, append

_TEXTS: Final = 200
_MAX_CHARACTERS: Final = 24
_MAX_SIZE: Final = 400
"""Most atoms when counts are written out."""
_COUNTED: Final = 30
"""Largest count of an atom that is written out: libxml2 nests no deeper than 50."""
_MAX_WAYS: Final = 10_000
"""Most ways for one of the texts: a matcher that goes back and forth tries them all."""
_MORE_LOOPS: Final = 3
"""How many times a loop runs beyond its least."""

Matches = Callable[[str], bool]


def proven(pattern: str) -> tuple[str, Matches]:
    """Translate a pattern and try it.

    Returns:
        The pattern in the language of XSD, and what tells whether a text matches it.

    Raises:
        ValueError: It cannot be translated, or libxml2 does not match what Python does.
    """
    node = parse(pattern)
    texts = list(dict.fromkeys(_texts(node)))
    if _is_slow(node, texts) or is_explosive(node):
        reason = "there are so many ways to match one text that it takes a time without end; leave out a repetition"
        raise ValueError(f"the pattern {pattern!r} repeats what repeats already: {reason}")
    match = re.compile(python_text(node)).fullmatch
    for xsd in _wordings(node):
        if _agree(xsd, match, texts):
            return xsd, lambda text: match(text) is not None
    reason = "use smaller counts, and less that begins alike, or check it in __post_init__"
    raise ValueError(f"libxml2 would not match the pattern {pattern!r} as Python does; {reason}")


def _wordings(node: Node) -> Iterator[str]:
    """Give the pattern in several wordings, the plainest first."""
    if _is_too_large(node):
        return
    plain = written_out(node, _COUNTED)
    if is_deterministic(plain):
        yield xsd_text(node)
    if not is_counted(plain):
        yield xsd_text(plain)
        if is_negated(node):
            yield xsd_text(without_negation(plain))


def _is_too_large(node: Node) -> bool:
    return is_counted(node) and size(node, _COUNTED) > _MAX_SIZE


def _is_slow(node: Node, texts: list[str]) -> bool:
    if _is_too_large(node):
        return False
    plain = written_out(node, _COUNTED)
    return not is_deterministic(plain) and any(ways(plain, text) > _MAX_WAYS for text in texts)


def _agree(xsd: str, match: Callable[[str], object], texts: list[str]) -> bool:
    schema = SchemaDocument()
    simple_type = append(append(schema.root, "element", name="text"), "simpleType")
    append(append(simple_type, "restriction", base="xs:string"), "pattern", value=xsd)
    try:
        compiled = etree.XMLSchema(schema.root)
    except etree.XMLSchemaParseError:
        return False
    element = etree.Element("text")
    try:
        for text in texts:
            element.text = text
            if compiled.validate(element) != (match(text) is not None):
                return False
    except etree.XMLSchemaValidateError:  # it gave up
        return False
    return True


def _texts(node: Node) -> Iterator[str]:
    """Give texts that the pattern matches, and some with a fault, or two."""
    chance = random.Random(0)  # noqa: S311  # no secret hangs on it
    letters = sorted({letter for atom in atoms(node) for letter in _letters(atom)} | {"a", "0", "~"})
    yield ""
    yield from letters
    for _ in range(_TEXTS):
        text = _walk(node, chance)[:_MAX_CHARACTERS]
        yield text
        for _ in range(chance.randint(1, 2)):
            place, cut = chance.randint(0, len(text)), chance.randint(0, 1)
            text = text[:place] + chance.choice(["", *letters]) + text[place + cut :]
        yield text


def _letters(atom: Atom) -> list[str]:
    """Give characters at the edges of what an atom takes, some of which it takes."""
    edges: set[int] = set()
    for low, high in atom.positive().spans:
        edges |= {low - 1, low, (low + high) // 2, high, high + 1}
    return [chr(code) for code in sorted(edges) if _is_for_xml(code)]


def _is_for_xml(code: int) -> bool:
    return any(low <= code <= high for low, high in XML_CHARACTERS)


def _walk(node: Node, chance: random.Random) -> str:
    """Make a text that a node matches."""
    if isinstance(node, Atom):
        return chance.choice(
            [letter for letter in _letters(node) if node.meets(Atom(((ord(letter), ord(letter)),)))]
        )
    if isinstance(node, Row):
        return "".join(_walk(part, chance) for part in node.parts)
    if isinstance(node, Fork):
        return _walk(chance.choice(node.branches), chance)
    most = node.least + _MORE_LOOPS if node.most is None else min(node.most, node.least + _MORE_LOOPS)
    return "".join(_walk(node.part, chance) for _ in range(chance.randint(node.least, most)))
