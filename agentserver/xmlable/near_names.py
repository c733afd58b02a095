"""Names that are one of some, or a slip of one: `pass_word` and `Passwrd` of `Password`.

Takes names of elements, attributes, fields or JSON keys, hostile or not. Bounded: beyond `MAX_COMPARED` different
names that are none of them, further ones are not compared. Knows no documents.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

MAX_COMPARED: Final = 200
"""Names that are compared: comparing takes up to 50 us for each pair."""

_SEPARATORS: Final = re.compile(r"[\W_]+")
_NEAR: Final = 0.8
"""How alike two names are of which one is a slip of the other: `passwrd` and `password` are by 0.93."""
_COMPARED_CHARACTERS: Final = 80


def folded(name: str) -> str:
    """Give a name without its namespace, its case and its separators: `apikey` of `{urn:x}Api_Key`."""
    return without_separators(name.rpartition("}")[2])


def without_separators(text: str) -> str:
    """Give a text without its case, and without what separates words in names."""
    return _SEPARATORS.sub("", text.casefold())


class NearNames:
    """Tell names that are one of some, or a slip of one, from others.

    Args:
        names: What they may be near to, folded.
    """

    __slots__ = ("_names", "_verdicts")

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names) - {""}
        self._verdicts: dict[str, bool] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._names)

    def has(self, name: str, *, otherwise: bool = False) -> bool:
        """Tell whether a name is one of them, or near to one.

        Args:
            name: The name, in any case and spelling; in Clark notation, its namespace does not count.
            otherwise: What to say of one that comes after too many others.
        """
        bare = folded(name)
        if bare in self._names:
            return True
        if len(bare) > _COMPARED_CHARACTERS:
            return False
        if bare not in self._verdicts:
            if len(self._verdicts) >= MAX_COMPARED:
                return otherwise
            self._verdicts[bare] = bool(get_close_matches(bare, sorted(self._names), 1, _NEAR))
        return self._verdicts[bare]
