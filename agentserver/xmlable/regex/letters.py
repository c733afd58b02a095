r"""Sets of characters, as the classes of XSD's regular expressions describe them.

ASCII is known character by character. Beyond it a set is a list of ranges, or, where it depends on Unicode's tables
(`\d`, `\w`, `\p{L}`), vague: it then counts as all of them, since the tables differ from one version of Python and
of libxml2 to the next, and what is made from a set must not. It knows no syntax of regular expressions but the
letters of their escapes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

_ASCII_END: Final = 0x80
_LAST: Final = 0x10FFFF
ALL_BEYOND: Final[Ranges] = ((_ASCII_END, _LAST),)
"""Everything beyond ASCII."""

_EVERY_ASCII: Final = frozenset(range(_ASCII_END))
_BLANKS: Final = frozenset(map(ord, " \t\n\r"))
_NAME_BEGINS: Final = frozenset(map(ord, "_:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
_NAME_GOES_ON: Final = _NAME_BEGINS | frozenset(map(ord, "-.0123456789"))


@dataclass(frozen=True, slots=True)
class Letters:
    """A set of characters.

    Attributes:
        ascii: Its code points below 128.
        beyond: Its ranges from 128 on, both ends included, in order and apart from each other.
        vague: Whether fewer characters than `beyond` says may belong to it.
    """

    ascii: frozenset[int]
    beyond: Ranges = ()
    vague: bool = False

    @property
    def single(self) -> bool:
        """Tell whether it is one character alone."""
        return len(self.ascii) + sum(last - first + 1 for first, last in self.beyond) == 1

    def __or__(self, other: Letters) -> Letters:
        """Give the characters of either."""
        return Letters(
            self.ascii | other.ascii, _joined((*self.beyond, *other.beyond)), self.vague or other.vague
        )

    def __invert__(self) -> Letters:
        """Give all the other characters."""
        beyond = ALL_BEYOND if self.vague else _gaps(self.beyond)
        return Letters(_EVERY_ASCII - self.ascii, beyond, self.vague)

    def __sub__(self, other: Letters) -> Letters:
        """Give the characters that `other` has not."""
        if other.vague:
            return Letters(self.ascii - other.ascii, self.beyond, bool(self.beyond))
        beyond = _gaps(_joined((*_gaps(self.beyond), *other.beyond)))
        return Letters(self.ascii - other.ascii, beyond, self.vague)


def span(first: int, last: int) -> Letters:
    """Give the characters from `first` to `last`."""
    beyond = ((max(first, _ASCII_END), last),) if last >= _ASCII_END else ()
    return Letters(frozenset(range(first, min(last, _ASCII_END - 1) + 1)), beyond)


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _gaps(ranges: Ranges) -> Ranges:
    gaps, start = [], _ASCII_END
    for first, last in ranges:
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    if start <= _LAST:
        gaps.append((start, _LAST))
    return tuple(gaps)


def _vague(ascii_part: Iterable[int]) -> Letters:
    return Letters(frozenset(ascii_part), ALL_BEYOND, vague=True)


def _by_category(belongs: Callable[[str], bool]) -> Letters:
    """Gather by the general category; that of ASCII characters is the same in every version of Unicode."""
    return _vague(code for code in range(_ASCII_END) if belongs(unicodedata.category(chr(code))))


def escaped_class(letter: str) -> Letters | None:
    r"""Give what `\` and `letter` stand for (XML Schema part 2, appendix F.1.1); None when it is no class."""
    if letter in "SDWIC":
        small = escaped_class(letter.lower())
        return ~small if small is not None else None
    match letter:
        case "s":
            return Letters(_BLANKS)
        case "d":
            return _by_category(lambda category: category == "Nd")
        case "w":
            return _by_category(lambda category: category[0] not in "PZC")
        case "i":
            return _vague(_NAME_BEGINS)
        case "c":
            return _vague(_NAME_GOES_ON)
    return None


def any_character() -> Letters:
    """Give what `.` stands for: all but the ends of lines."""
    return Letters(_EVERY_ASCII - {10, 13}, ALL_BEYOND)


def property_class(name: str) -> Letters:
    r"""Give what `\p{name}` stands for: a general category, `Lu`, or a block, `IsBasicLatin`."""
    if name == "IsBasicLatin":
        return Letters(_EVERY_ASCII)
    if name.startswith("Is"):
        return _vague(())
    return _by_category(lambda category: category.startswith(name))
