r"""Python's syntax of regular expressions, as far as XSD has the same.

Takes a pattern, gives its tree, or raises `ValueError`, whose text is the reason and the remedy. What only one of the
two languages has is refused: anchors, look-arounds, back references, lazy and possessive quantifiers, named groups,
flags. `\d`, `\w` and `\s` stand for the letters of ASCII, `.` for all but the ends of lines.
"""

from __future__ import annotations

import re
import string
from types import MappingProxyType
from typing import Final

from lxml import etree

from agentserver.xmlable.pattern.nodes import Atom, Node, Span, atom, fork, loop, row

MAX_CHARACTERS: Final = 1000
"""Longest pattern."""

_MAX_COUNT: Final = 10_000
_MAX_NESTING: Final = 20

_CLASSES: Final = MappingProxyType(
    {
        "d": ((0x30, 0x39),),
        "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
        "s": ((0x9, 0xA), (0xD, 0xD), (0x20, 0x20)),
    }
)
_LINE_ENDS: Final = ((0xA, 0xA), (0xD, 0xD))
_CONTROLS: Final = MappingProxyType({"n": "\n", "r": "\r", "t": "\t"})
_CODES: Final = MappingProxyType({"x": 2, "u": 4, "U": 8})
_QUANTIFIERS: Final = frozenset("?*+")
_COUNTS: Final = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")


def parse(pattern: str) -> Node:
    """Take a pattern apart.

    Raises:
        ValueError: It is no pattern, or one that only Python understands.
    """
    if not isinstance(pattern, str):
        raise ValueError(f"a pattern is a str, not {type(pattern).__name__}")
    if len(pattern) > MAX_CHARACTERS:
        raise ValueError(f"the pattern is longer than {MAX_CHARACTERS} characters; use a shorter one")
    scanner = _Scanner(pattern)
    node = scanner.alternatives()
    if scanner.next:
        raise scanner.fault("nothing opens the group that `)` closes; write `\\)` for the character")
    return node


class _Scanner:
    """Goes through a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._place, self._depth = pattern, 0, 0

    @property
    def next(self) -> str:
        """The character to come; empty at the end."""
        return self._pattern[self._place : self._place + 1]

    def fault(self, reason: str) -> ValueError:
        """Say what is wrong where the scanner stands."""
        return ValueError(f"the pattern {self._pattern!r} at character {self._place + 1}: {reason}")

    def _take(self) -> str:
        character = self.next
        self._place += 1
        return character

    def _skip(self, text: str) -> bool:
        if not self._pattern.startswith(text, self._place):
            return False
        self._place += len(text)
        return True

    def alternatives(self) -> Node:
        """Take what stands between two parentheses, or everything."""
        branches = [self._sequence()]
        while self._skip("|"):
            branches.append(self._sequence())
        return fork(branches)

    def _sequence(self) -> Node:
        parts = []
        while self.next and self.next not in "|)":
            parts.append(self._quantified(self._atom()))
        return row(parts)

    def _atom(self) -> Node:
        character = self.next
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in "^$":
            raise self.fault(
                f"the whole text must match, so leave out {character!r}; write `\\{character}` for itself"
            )
        if character in _QUANTIFIERS or character == "{":
            raise self.fault(f"nothing stands before {character!r}; write `\\{character}` for the character")
        self._take()
        return Atom(_LINE_ENDS, negated=True) if character == "." else atom([self._span(character)])

    def _group(self) -> Node:
        self._take()
        if not self._skip("?:") and self.next == "?":
            raise self.fault("XSD has no group of this kind; use `(...)` or `(?:...)`")
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise self.fault(f"groups are nested deeper than {_MAX_NESTING}")
        inner = self.alternatives()
        if not self._skip(")"):
            raise self.fault("the group is not closed; add `)`")
        self._depth -= 1
        return inner

    def _quantified(self, atom: Node) -> Node:
        if self.next and self.next in _QUANTIFIERS:
            sign = self._take()
            node = loop(atom, int(sign == "+"), 1 if sign == "?" else None)
        elif self.next == "{":
            node = loop(atom, *self._count())
        else:
            return atom
        if self.next and self.next in "?+":
            raise self.fault("XSD has no lazy or possessive quantifiers; leave out the second sign")
        if self.next and self.next in "*{":
            raise self.fault("two quantifiers in a row; put the first in a group")
        return node

    def _count(self) -> tuple[int, int | None]:
        found = _COUNTS.match(self._pattern, self._place)
        if found is None or not (found[1] or found[3]):
            raise self.fault("write `\\{` for the character, or a count such as `{2,3}`")
        least = int(found[1] or 0)
        most = int(found[3]) if found[3] else None if found[2] else least
        if max(least, most or 0) > _MAX_COUNT or (most is not None and most < least):
            raise self.fault(f"the count must be at most {_MAX_COUNT}, and its ends in order")
        self._place = found.end()
        return least, most

    def _escape(self) -> Atom:
        self._take()
        letter = self.next
        if letter.lower() in _CLASSES and letter:
            self._take()
            return Atom(_CLASSES[letter.lower()], negated=letter.isupper())
        return atom([self._span(self._escaped())])

    def _escaped(self) -> str:
        """Take what follows a backslash and stands for one character."""
        letter = self.next
        if letter in _CONTROLS:
            return _CONTROLS[self._take()]
        if letter in _CODES:
            digits = self._pattern[self._place + 1 : self._place + 1 + _CODES[letter]]
            if len(digits) == _CODES[letter] and set(digits) <= set(string.hexdigits):
                self._place += 1 + len(digits)
                code = int(digits, 16)
                return chr(code) if code <= 0x10FFFF else "\x00"
        if not letter or (letter.isascii() and letter.isalnum()):
            raise self.fault(f"`\\{letter}` is not what XSD has, too; use characters, classes and groups")
        return self._take()

    def _span(self, character: str, last: str = "") -> Span:
        try:
            etree.Element("text").text = character + last
        except ValueError:
            raise self.fault("XML does not allow this character; leave it out") from None
        return ord(character), ord(last or character)

    def _class(self) -> Atom:
        self._take()
        negated = self._skip("^")
        spans: list[Span] = []
        while not spans or self.next != "]":
            if not self.next:
                raise self.fault("the class is not closed; add `]`")
            spans += self._class_item(first=not spans)
        self._take()
        return atom(spans, negated)

    def _class_item(self, first: bool) -> tuple[Span, ...]:
        if self.next == "[":
            raise self.fault("write `\\[` for the character; classes are not nested")
        if self.next == "]" and first:
            raise self.fault("the class is empty; write `\\]` for the character")
        following = self._pattern[self._place + 1 : self._place + 2]
        if self.next == "\\" and following and following in "dwsDWS":
            return self._class_in_class(following)
        start = self._class_character()
        if self.next != "-" or self._at_end_of_class(1):
            return (self._span(start),)
        self._take()
        if self.next == "[":
            raise self.fault("write `\\-` and `\\[` for the characters; classes are not subtracted")
        end = self._class_character()
        if end < start:
            raise self.fault(f"the range from {start!r} to {end!r} is empty; exchange its ends")
        return (self._span(start, end),)

    def _at_end_of_class(self, ahead: int) -> bool:
        return self._pattern[self._place + ahead : self._place + ahead + 1] in ("]", "")

    def _class_in_class(self, letter: str) -> tuple[Span, ...]:
        if letter.isupper():
            raise self.fault(f"`\\{letter}` does not go into a class; list what it may hold")
        self._place += 2
        if self.next == "-" and not self._at_end_of_class(1):
            raise self.fault(f"a range cannot begin with `\\{letter}`; write `\\-` for the character")
        return _CLASSES[letter]

    def _class_character(self) -> str:
        if self.next != "\\":
            return self._take()
        self._take()
        if self.next and self.next in "dwsDWS":
            raise self.fault("a range has a character at each end")
        return self._escaped()
