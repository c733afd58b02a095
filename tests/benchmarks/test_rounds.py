"""How ratios are formed, with lines whose times are given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from agentserver.cli.measure import Effort, Line, Timed, time_lines


def line(name: str, seconds: Iterable[float], log: list[str] | None = None) -> Line:
    values = iter(seconds)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Timed]:
        async def timed(count: int) -> float:
            if log is not None:
                log.append(name)
            return next(values)

        yield timed

    return Line(name, opened)


async def test_the_first_round_is_dropped() -> None:
    timings = await time_lines([line("a", [99.0, 1.0, 1.0])], count=1, effort=Effort(rounds=3, turns=1))

    assert timings.seconds == {"a": [1.0, 1.0]}


async def test_a_time_is_that_of_one_message() -> None:
    timings = await time_lines(
        [line("a", [1.0, 12.0])], count=4, messages=3, effort=Effort(rounds=2, turns=1)
    )

    assert timings.us("a") == 1e6


async def test_lines_take_turns_in_an_order_that_moves_on() -> None:
    log: list[str] = []
    lines = [line(name, [1.0] * 3, log) for name in "abc"]

    await time_lines(lines, count=1, effort=Effort(rounds=3, turns=1))

    assert "".join(log) == "abcbcacab"


async def test_turns_of_one_round_are_taken_together() -> None:
    timings = await time_lines([line("a", [9.0, 9.0, 1.0, 3.0])], count=1, effort=Effort(rounds=2, turns=2))

    assert timings.seconds == {"a": [2.0]}


async def test_a_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    slow = line("slow", [0.0, 2.0, 4.0, 200.0])  # a burst hit the last round
    quick = line("quick", [0.0, 1.0, 2.0, 1.0])

    timings = await time_lines([slow, quick], count=1, effort=Effort(rounds=4, turns=1))

    assert timings.ratios("slow", "quick") == [0.5, 0.5, 0.005]
    assert timings.ratio("slow", "quick") == 0.5


async def test_one_round_is_refused_as_nothing_would_be_left() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        await time_lines([line("a", [1.0])], count=1, effort=Effort(rounds=1, turns=1))
