"""How long a payload would be as XML, told from its values: enough to refuse 1 GiB before it is copied and encoded.

Counts the characters of texts, the items of collections and the records: never more than what would be written, and it
stops as soon as that is too much. So it lets pass what only its tags make too long, which is seen when it is written,
and elements, which their maker holds as trees already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, Final, TypeAlias

_BASES: Final = (str, bytes, bytearray, list, tuple, set, frozenset, dict)
_TEXTS: Final = (str, bytes, bytearray)
_SCALARS: Final = frozenset((int, float, bool, type(None), type))
_SHORTEST_ELEMENT: Final = len("<A/>")
MAX_LOOKS: Final = 256
"""Classes that it is remembered of how they are counted."""

Look: TypeAlias = "type[Any] | Callable[[Any], Any] | None"
"""How values of a class are counted: as one of the built-in classes, by what gives their fields, or not at all."""


class ReplySize:
    """Tell which payloads are too long.

    Args:
        max_bytes: Longest message, in bytes; no character of XML takes less than one.
    """

    __slots__ = ("_looks", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._looks: dict[type[Any], Look] = {}

    def is_beyond(self, payload: Any) -> bool:
        """Return whether a payload cannot fit a message."""
        look, left = self._looks.get(type(payload)), self._max_bytes
        if type(look) is attrgetter:  # mostly a few texts and numbers, which take no stack
            try:
                values: tuple[Any, ...] = look(payload)
            except AttributeError:  # which is told in better words when it is written
                return False
            for value in values:
                if type(value) is str:
                    left -= len(value)
                elif type(value) not in _SCALARS:
                    break
            else:
                return left < 0
        return self._is_deeply_beyond(payload)

    def _is_deeply_beyond(self, payload: Any) -> bool:
        left, looks, values = self._max_bytes, self._looks, [payload]
        while values:
            value = values.pop()
            kind = type(value)
            if kind is str:
                left -= len(value)
            else:
                look = looks[kind] if kind in looks else self._learn(kind)
                if look is None:
                    continue
                left -= _count(value, look, left, values)
            if left < 0:
                return True
        return False

    def _learn(self, kind: type[Any]) -> Look:
        look: Look = next((base for base in _BASES if issubclass(kind, base)), None)
        if look is None and is_dataclass(kind) and (names := [field.name for field in fields(kind)]):
            look = attrgetter(*names, "__class__")  # never one alone, so that a tuple is what it gives
        if len(self._looks) >= MAX_LOOKS:  # a handler may make a class for each of its replies
            self._looks.clear()
        self._looks[kind] = look
        return look


def _count(value: Any, look: Any, left: int, values: list[Any]) -> int:
    """Return how much a value counts itself, and add what is in it to `values`, unless it is too much already."""
    if type(look) is attrgetter:
        try:
            values += look(value)
        except AttributeError:
            return _SHORTEST_ELEMENT
        return _SHORTEST_ELEMENT  # so that what holds itself comes to an end
    count: int = look.__len__(value)  # not by a method of the value's own class
    if look not in _TEXTS and count <= left:
        values.extend(look.__iter__(value))
        if look is dict:
            values.extend(dict.values(value))
    return count
