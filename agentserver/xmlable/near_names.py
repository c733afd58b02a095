"""Names that are one of some, or a slip of one: `pass_word` and `Passwrd` of `Password`.

A slip is one letter too many, too few, wrong or at its neighbour's place. Takes names of elements, attributes, fields
or JSON keys, hostile or not; takes time by their lengths alone, as no pair of names is compared. Knows no documents.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

_SEPARATORS: Final = re.compile(r"[\W_]+")
_ASCII_SEPARATORS: Final = bytes(code for code in range(128) if not chr(code).isalnum())
_MIN_NEAR: Final = 3
"""Letters that two names have in common at least, without the one that is off."""
_LETTERS_OFF: Final = 2
"""Letters that one of two names has and the other has not, at most, where one letter is off."""
_COMPARED_CHARACTERS: Final = 80


def folded(name: str) -> str:
    """Give a name without its namespace, its case and its separators: `apikey` of `{urn:x}Api_Key`."""
    return without_separators(name.rpartition("}")[2])


def without_separators(text: str) -> str:
    """Give a text without its case, and without what separates words in names."""
    if text.isascii():  # fifty times as fast, and a message may be a MiB long
        return text.lower().encode().translate(None, _ASCII_SEPARATORS).decode()
    return _SEPARATORS.sub("", text.casefold())


class NearNames:
    """Tell names that are one of some, or a slip of one, from others.

    Args:
        names: What they may be near to, folded.
    """

    __slots__ = ("_letters", "_names", "_shortened")

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names) - {""}
        self._shortened: frozenset[str] | None = None
        self._letters: dict[int, tuple[frozenset[str], ...]] = {}  # of names that one so long may be near to

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._names)

    def has(self, name: str) -> bool:
        """Tell whether a name is one of them, or one letter off.

        Args:
            name: The name, in any case and spelling; in Clark notation, its namespace does not count.
        """
        bare = folded(name)
        if bare in self._names:
            return True
        if len(bare) > _COMPARED_CHARACTERS:
            return False
        shortened = self._shortened if self._shortened is not None else self._learn()
        letters = set(bare)
        if not any(len(letters ^ known) <= _LETTERS_OFF for known in self._letters.get(len(bare), ())):
            return False  # as of most of the hundred thousand names that a message may have
        return any(each in shortened for each in _shortened(bare))

    def _learn(self) -> frozenset[str]:
        for known in sorted(self._names):
            for length in range(len(known) - 1, len(known) + 2):
                self._letters[length] = (*self._letters.get(length, ()), frozenset(known))
        self._shortened = frozenset(each for known in self._names for each in _shortened(known))
        return self._shortened


def _shortened(name: str) -> Iterator[str]:
    """Give a name, and it without each of its letters: names that are one letter off have one of these in common."""
    if _MIN_NEAR <= len(name) <= _COMPARED_CHARACTERS:
        yield name
        if len(name) > _MIN_NEAR:
            yield from (name[:at] + name[at + 1 :] for at in range(len(name)))
