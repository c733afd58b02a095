"""Texts that a regular expression of XSD matches, such as a person would write.

Takes the tree of a pattern, gives texts, always the same ones in the same order: few repetitions first, the first
alternative first, letters and digits counted up (`ABC1234`) rather than one of them over and over. A text may still
miss, where a set of characters is known vaguely: who uses it must check it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentserver.xmlable.regex.letters import Letters
from agentserver.xmlable.regex.syntax import Choice, Node, Repeat, Sequence

MAX_SAMPLE = 5_000
"""Longest text that is made, in characters."""

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz"
_ORDER: Final = (_ALPHABET, _ALPHABET.upper(), "1234567890", " -_.,:;/+@#'!?()&%*=<>\"$[]\\^`{|}~\t\n\r")
_BEYOND: Final = "éαж中٣ß"
_REPETITIONS: Final = (1, 0, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 100, 128, 200, 255, 500, 1000)
_TURNS: Final = 8


def samples(node: Node, repetitions: tuple[int, ...] = ()) -> Iterator[str]:
    """Give texts that `node` matches, some of them more than once.

    Args:
        node: A pattern, taken apart.
        repetitions: How often to repeat, where any number would do, before the usual numbers are tried.
    """
    for turn in range(_TURNS):
        for times in (*repetitions, *_REPETITIONS):
            text = _Sampler(times, turn).text(node)
            if text is not None:
                yield text
            elif times > 1:
                break  # too long, and more repetitions are longer


class _Sampler:
    """Makes one text: `times` repetitions, and at each fork the branch whose `turn` it is."""

    __slots__ = ("_length", "_steps", "_times", "_turn")

    def __init__(self, times: int, turn: int) -> None:
        self._times, self._turn, self._length, self._steps = times, turn, 0, 0

    def text(self, node: Node) -> str | None:
        """Give the text, or None when there is none, or it would be too long."""
        match node:
            case Letters():
                return self._letter(node)
            case Sequence(parts):
                return self._joined(parts)
            case Choice(branches):
                return self.text(branches[self._turn % len(branches)])
            case Repeat(part, least, most):
                times = max(least, self._times if most is None else min(most, self._times))
                return self._joined((part,) * times) if times <= MAX_SAMPLE else None

    def _joined(self, parts: tuple[Node, ...]) -> str | None:
        texts = []
        for part in parts:
            text = self.text(part)
            self._steps += 1  # nothing at all can be repeated without end, too
            if text is None or self._length > MAX_SAMPLE or self._steps > 2 * MAX_SAMPLE:
                return None
            texts.append(text)
        return "".join(texts)

    def _letter(self, letters: Letters) -> str | None:
        place, self._length = self._length + self._turn, self._length + 1
        for group in _ORDER:
            known = [char for char in group if ord(char) in letters.ascii]
            if known:
                return known[place % len(known)]
        if letters.vague:
            return _BEYOND[self._turn % len(_BEYOND)]
        return chr(letters.beyond[0][0]) if letters.beyond else None
