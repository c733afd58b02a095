"""Which names have to move to get from one order to another.

Takes two arrangements of the same names. Knows nothing of what they name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def moved(old: Sequence[Name], new: Sequence[Name]) -> list[Name]:
    """Give the fewest names whose move makes `new` of `old`, in the order of `old`.

    All others make up a longest increasing subsequence of the places in `new`.
    """
    places = {name: number for number, name in enumerate(new)}
    ends: list[int] = []
    runs: list[list[int]] = []
    for number in (places[name] for name in old):
        length = bisect_left(ends, number)
        run = [*(runs[length - 1] if length else []), number]
        ends[length : length + 1] = [number]
        runs[length : length + 1] = [run]
    staying = set(runs[-1]) if runs else set()
    return [name for name in old if places[name] not in staying]
