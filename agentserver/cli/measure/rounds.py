"""Time lines in turns, so that their ratio means something on a machine that is shared.

The clock of a shared machine drifts by tens of percent within a minute, and a neighbour's burst takes a tenth of a
second from whoever runs then. So the lines are interleaved: in each round each has its turn, in an order that moves
on by one with each round, and a ratio is formed within a round, between turns that are a fraction of a second apart.
The median of those ratios drops the rounds in which a burst hit one line alone; the best of each line would instead
compare moments that may lie a minute apart. The first round warms caches and is dropped.

The collector of garbage is on, as in normal use; before each turn it is run, so that no line pays for another's
garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from agentserver.cli.measure.line import Line

DEFAULT_ROUNDS: Final = 9
"""With the first dropped, the median of eight."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told the round that begins, from 1, and how many there are."""


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

    def quickest(self, *lines: str) -> str:
        """Return which of some lines is the quickest."""
        return min(lines, key=self.us)


def no_progress(_: int, __: int) -> None:
    """Tell nobody."""


async def time_lines(
    lines: Sequence[Line],
    count: int,
    messages: int = 1,
    rounds: int = DEFAULT_ROUNDS,
    progress: Progress = no_progress,
) -> Timings:
    """Time lines in turns.

    Args:
        lines: The lines, which do the same work.
        count: Inputs of one turn.
        messages: Messages that one input becomes; times are divided by it.
        rounds: Rounds, the first of which is dropped; at least 2.
        progress: Is told of each round.

    Raises:
        LineBroken: A line did not do its work.
        ValueError: There are too few rounds.
    """
    if rounds < 2:
        raise ValueError("the first round is dropped, so at least 2 are needed")
    seconds: dict[str, list[float]] = {line.name: [] for line in lines}
    async with AsyncExitStack() as stack:
        opened = [(line.name, await stack.enter_async_context(line.opened())) for line in lines]
        for index in range(rounds):
            progress(index + 1, rounds)
            shift = index % len(opened)
            for name, timed in (*opened[shift:], *opened[:shift]):
                gc.collect()
                taken_s = await timed(count)
                if index:
                    seconds[name].append(taken_s / count / messages)
    return Timings(seconds)
