"""Time lines in turns, so that their ratio means something on a machine that is shared.

The clock of a shared machine drifts by tens of percent within a second, and a neighbour's burst takes a tenth of one
from whoever runs then. So the lines are interleaved finely: within a round each has several short turns, in an order
that moves on by one with each, and a ratio is formed of what their turns of one round sum up to, so that drift meets
all alike. The median of those ratios drops the rounds in which a burst hit one line alone; the best of each line would
instead compare moments that may lie a minute apart. The first round warms caches and is dropped.

The collector of garbage is on, as in normal use, and is run once before each round.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from agentserver.cli.measure.line import Line, Timed

DEFAULT_ROUNDS: Final = 8
"""With the first dropped, the median of seven."""
DEFAULT_TURNS: Final = 8
"""With one turn of the whole length, ratios of equal lines scatter by 20 %; with eight of an eighth, by 5 %."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told the round that begins, from 1, and how many there are."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured.

    Args:
        rounds: Rounds of each figure, the first of which is dropped; at least 2.
        turns: Turns of each line in one round.
    """

    rounds: int = DEFAULT_ROUNDS
    turns: int = DEFAULT_TURNS


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds per message of each line, one value for each round that counts."""

    seconds: Mapping[str, Sequence[float]]

    def us(self, line: str) -> float:
        """Return the median microseconds per message."""
        return median(self.seconds[line]) * 1e6

    def ratios(self, line: str, reference: str) -> list[float]:
        """Return the throughput of `line` in units of the reference's, round by round."""
        return [
            theirs / ours for ours, theirs in zip(self.seconds[line], self.seconds[reference], strict=True)
        ]

    def ratio(self, line: str, reference: str) -> float:
        """Return the median of `ratios`."""
        return median(self.ratios(line, reference))


DEFAULT_EFFORT: Final = Effort()


def no_progress(_: int, __: int) -> None:
    """Tell nobody."""


async def time_lines(
    lines: Sequence[Line],
    count: int,
    messages: int = 1,
    effort: Effort = DEFAULT_EFFORT,
    progress: Progress = no_progress,
) -> Timings:
    """Time lines in turns.

    Args:
        lines: The lines, which do the same work.
        count: Inputs of one turn.
        messages: Messages that one input becomes; times are divided by it.
        effort: How long is measured.
        progress: Is told of each round.

    Raises:
        LineBroken: A line did not do its work.
        ValueError: There are too few rounds.
    """
    if effort.rounds < 2:
        raise ValueError("the first round is dropped, so at least 2 are needed")
    seconds: dict[str, list[float]] = {line.name: [] for line in lines}
    async with AsyncExitStack() as stack:
        opened = [(line.name, await stack.enter_async_context(line.opened())) for line in lines]
        for index in range(effort.rounds):
            progress(index + 1, effort.rounds)
            taken_s = await _round(opened, count, effort.turns, shift=index)
            if index:
                for name, total_s in taken_s.items():
                    seconds[name].append(total_s / effort.turns / count / messages)
    return Timings(seconds)


async def _round(opened: Sequence[tuple[str, Timed]], count: int, turns: int, shift: int) -> dict[str, float]:
    """Give each line its turns; return the seconds that each took in all."""
    gc.collect()
    taken_s = dict.fromkeys((name for name, _ in opened), 0.0)
    for turn in range(turns):
        first = (shift + turn) % len(opened)
        for name, timed in (*opened[first:], *opened[:first]):
            taken_s[name] += await timed(count)
    return taken_s
