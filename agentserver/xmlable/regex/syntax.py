"""XSD's regular expressions (XML Schema part 2, appendix F), taken apart.

Takes a pattern, gives a tree of alternatives, sequences, repetitions and sets of characters, or raises `ValueError`
for what is no such pattern. There are no anchors, groups that are remembered, or lazy quantifiers in this language: a
pattern stands for whole texts. Examples and JSON Schema are made from the tree; nothing is matched here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from agentserver.xmlable.regex.letters import Letters, any_character, escaped_class, property_class, span

MAX_PATTERN = 10_000
"""Longest pattern that is taken apart, in characters."""

_MAX_NESTING: Final = 120
_CONTROL: Final = (("n", "\n"), ("r", "\r"), ("t", "\t"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same, `least` to `most` times; None for any number."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Choice | Sequence | Repeat | Letters


def sequence(parts: Iterable[Node]) -> Node:
    """Put parts after one another; the same several times in a row becomes one repetition."""
    joined: list[Node] = []
    for part in parts:
        if part == Sequence(()):
            continue
        joined.append(part)
        while _join_last(joined):
            pass
    return joined[0] if len(joined) == 1 else Sequence(tuple(joined))


def _join_last(parts: list[Node]) -> bool:
    """Take the last of `parts` and what is the same before it together: `x(x)?` is `x{1,2}`."""
    part, least, most = _counted(parts[-1])
    row = part.parts if isinstance(part, Sequence) else (part,)
    before = parts[-1 - len(row) : -1]
    if row and tuple(before) == row:
        earlier: tuple[int, int | None] = (1, 1)
    elif len(parts) > 1 and _counted(parts[-2])[0] == part:
        before, earlier = parts[-2:-1], _counted(parts[-2])[1:]
    else:
        return False
    if isinstance(part, Letters) and part.single and (least, most) == earlier == (1, 1):
        return False  # `ee` reads better than `e{2}`
    total = None if most is None or earlier[1] is None else most + earlier[1]
    parts[-1 - len(before) :] = [Repeat(part, least + earlier[0], total)]
    return True


def _counted(node: Node) -> tuple[Node, int, int | None]:
    return (node.part, node.least, node.most) if isinstance(node, Repeat) else (node, 1, 1)


def repeat(part: Node, least: int, most: int | None) -> Node:
    """Repeat a part; the optional of what is repeated from once on is that, from never on."""
    if (least, most) == (0, 1) and isinstance(part, Repeat) and part.least <= 1:
        return Repeat(part.part, 0, part.most)
    return part if (least, most) == (1, 1) else Repeat(part, least, most)


def parse(pattern: str) -> Node:
    """Take `pattern` apart.

    Raises:
        ValueError: It is no regular expression of XSD, or longer or deeper than is sane.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern of more than {MAX_PATTERN} characters")
    scanner = _Scanner(pattern)
    node = scanner.choice(0)
    if scanner.rest():
        raise ValueError(f"{scanner.rest()[:20]!r} is out of place in a pattern")
    return node


class _Scanner:
    __slots__ = ("_at", "_pattern")

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0

    def rest(self) -> str:
        return self._pattern[self._at :]

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise ValueError("a pattern that ends too early")
        self._at += 1
        return char

    def _skip(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def choice(self, depth: int) -> Node:
        if depth > _MAX_NESTING:
            raise ValueError("a pattern nested too deeply")
        branches = [self._sequence(depth)]
        while self._skip("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom(depth)))
        return sequence(parts)

    def _repeated(self, atom: Node) -> Node:
        for sign, least, most in (("?", 0, 1), ("*", 0, None), ("+", 1, None)):
            if self._skip(sign):
                return repeat(atom, least, most)
        if not self._skip("{"):
            return atom
        bounds, closed, _ = self.rest().partition("}")
        first, comma, last = bounds.partition(",")
        if not closed or not _is_count(first) or (last and not _is_count(last)):
            raise ValueError(f"{{{bounds[:20]} is no quantity")
        self._at += len(bounds) + 1
        most = (int(last) if last else None) if comma else int(first)
        if most is not None and most < int(first):
            raise ValueError(f"{{{bounds}}} has its bounds the wrong way round")
        return repeat(atom, int(first), most)

    def _atom(self, depth: int) -> Node:
        char = self._take()
        match char:
            case "(":
                inner = self.choice(depth + 1)
                if not self._skip(")"):
                    raise ValueError("a group that does not end")
                return inner
            case "[":
                return self._class(depth)
            case "\\":
                return self._escape()
            case ".":
                return any_character()
            case "?" | "*" | "+" | "{" | "}" | "]":
                raise ValueError(f"{char!r} is out of place in a pattern; write \\{char}")
        return span(ord(char), ord(char))

    def _escape(self) -> Letters:
        char = self._take()
        if char in "pP":
            name, closed, _ = self.rest().partition("}")
            if not name.startswith("{") or not closed:
                raise ValueError(f"\\{char} needs a name in braces")
            self._at += len(name) + 1
            letters = property_class(name[1:])
            return ~letters if char == "P" else letters
        known = escaped_class(char)
        if known is not None:
            return known
        for letter, control in _CONTROL:
            if char == letter:
                return span(ord(control), ord(control))
        if char.isalnum():
            raise ValueError(f"\\{char} means nothing in a pattern of XSD")
        return span(ord(char), ord(char))

    def _class(self, depth: int) -> Letters:
        if depth > _MAX_NESTING:
            raise ValueError("a pattern nested too deeply")
        negated = self._skip("^")
        letters, first = Letters(frozenset()), True
        while not self._skip("]"):
            if not first and self._skip("-["):
                without = self._class(depth + 1)
                if not self._skip("]"):
                    raise ValueError("a class that goes on behind what it leaves out")
                return (~letters if negated else letters) - without
            letters, first = letters | self._span(), False
        return ~letters if negated else letters

    def _span(self) -> Letters:
        low = self._single()
        end = self._pattern[self._at + 1 : self._at + 2]
        if not low.single or self._peek() != "-" or end in ("]", "[", ""):
            return low
        self._at += 1
        high = self._single()
        first, last = _code(low), _code(high)
        if last < first:
            raise ValueError(f"the range {chr(first)}-{chr(last)} has its ends the wrong way round")
        return span(first, last)

    def _single(self) -> Letters:
        char = self._take()
        if char == "\\":
            return self._escape()
        if char == "[":
            raise ValueError("'[' is out of place in a class; write \\[")
        return span(ord(char), ord(char))


def _code(letters: Letters) -> int:
    codes = [*letters.ascii, *(first for first, _ in letters.beyond)]
    if len(codes) != 1 or letters.vague:
        raise ValueError("a range that ends with a class")
    return codes[0]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
