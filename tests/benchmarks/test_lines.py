"""Each work on each line: absolute times, to compare two versions on one machine. Nothing is asserted of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from agentserver.cli.measure import Line, Work, all_works, lines_of

from .conftest import Turn

WORKS = {work.name: work for work in all_works()}
LINES = ("bare", "gate", "gate of 50", "pump")
ROUNDS = 7


def the_line(work: Work, name: str) -> Line:
    return next(line for line in lines_of(work) if line.name == name)


@pytest.mark.benchmark
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("work", WORKS)
def test_speed(benchmark: BenchmarkFixture, open_line: Callable[[Line], Turn], work: str, line: str) -> None:
    count = WORKS[work].count
    turn = open_line(the_line(WORKS[work], line))
    benchmark.group = work
    benchmark.extra_info["messages"] = count * WORKS[work].messages

    benchmark.pedantic(turn, args=(count,), rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("work", WORKS)
def test_a_line_does_the_whole_work(open_line: Callable[[Line], Turn], work: str, line: str) -> None:
    turn = open_line(the_line(WORKS[work], line))

    assert turn(3) > 0  # a line that loses a message raises LineBroken
