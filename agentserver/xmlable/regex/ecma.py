r"""XSD's regular expressions in the language of ECMA-262, as JSON Schema wants them.

Takes the tree of a pattern, gives a pattern that is anchored at both ends and means the same under the flag `u` and
in Python's `re`. A class that depends on Unicode's tables, such as `\d`, is exact in ASCII and lets all other
characters pass, since the two languages have no common word for it: the result never refuses what the XSD accepts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agentserver.xmlable.regex.letters import ALL_BEYOND, Letters
from agentserver.xmlable.regex.syntax import Choice, Node, Repeat, Sequence, parse

_SYNTAX: Final = frozenset("\\^$.*+?()[]{}|/")
_CLASS_SYNTAX: Final = frozenset("\\]^-[&~|")
_EVERYTHING: Final = r"[\s\S]"
_NOTHING: Final = r"[^\s\S]"
_SHORTEST_RANGE: Final = 3


def anchored(node: Node) -> str:
    """Give the pattern for whole texts that `node` matches."""
    return f"^(?:{_source(node)})$"


def readable(pattern: str) -> str:
    """Give a pattern of XSD as people read it best: as it is, or shorter where the same stands in a row."""
    try:
        source = _source(parse(pattern)).replace("(?:", "(")
    except ValueError:
        return pattern
    return source if len(source) < len(pattern) else pattern


def _source(node: Node) -> str:
    match node:
        case Letters():
            return _letters(node)
        case Sequence(parts):
            return "".join(_grouped(part) if isinstance(part, Choice) else _source(part) for part in parts)
        case Choice(branches):
            return "|".join(map(_source, branches))
        case Repeat(part, least, most):
            inner = _source(part) if isinstance(part, Letters) else _grouped(part)
            return inner + _quantity(least, most)


def _grouped(node: Node) -> str:
    return f"(?:{_source(node)})"


def _quantity(least: int, most: int | None) -> str:
    match (least, most):
        case (0, 1):
            return "?"
        case (0, None):
            return "*"
        case (1, None):
            return "+"
        case (_, None):
            return f"{{{least},}}"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"


def _letters(letters: Letters) -> str:
    ascii_ranges = list(_ranges(sorted(letters.ascii)))
    ranges = [*ascii_ranges, *letters.beyond]
    if ranges == [(0, 127), *ALL_BEYOND]:
        return _EVERYTHING
    if not ranges:
        return _NOTHING
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        char = chr(ranges[0][0])
        return "\\" + char if char in _SYNTAX else _plain(char)
    if letters.beyond == ALL_BEYOND:
        others = [(first, last) for first, last in _ranges(sorted(set(range(128)) - letters.ascii))]
        if len(others) < len(ascii_ranges):
            return f"[^{''.join(map(_range, others))}]"
    return f"[{''.join(map(_range, ranges))}]"


def _ranges(codes: Iterable[int]) -> Iterable[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def _range(ends: tuple[int, int]) -> str:
    first, last = ends
    if last - first < _SHORTEST_RANGE - 1:
        return "".join(_in_class(chr(code)) for code in range(first, last + 1))
    return f"{_in_class(chr(first))}-{_in_class(chr(last))}"


def _in_class(char: str) -> str:
    return "\\" + char if char in _CLASS_SYNTAX and char not in "&~" else _plain(char)


def _plain(char: str) -> str:
    for control, written in (("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        if char == control:
            return written
    code = ord(char)
    return f"\\u{code:04x}" if code < 32 or 127 <= code <= 0xFFFF else char
