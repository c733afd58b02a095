"""Floors far below the targets, which hold on a busy machine too: they catch a stage that became slow by half.

`agentserver bench` shows the figures themselves beside their targets.
"""

from __future__ import annotations

import pytest

from agentserver.cli.measure import Effort, all_works, listeners, throughput

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(180)]

EFFORT = Effort(rounds=8, turns=4)
FLOORS = {
    "one hop": {"gate": 0.5, "bare": 0.3},
    "three hops": {"gate": 0.45, "bare": 0.25},
    "fan-out of 3": {"gate": 0.4, "bare": 0.1},
    "broadcast to 3": {"gate": 0.4, "bare": 0.15},
    "100 KiB payload": {"gate": 0.5, "bare": 0.25},
}
WORKS = {work.name: work for work in all_works()}


@pytest.mark.parametrize("name", WORKS)
async def test_the_pump_keeps_up_with_the_straight_lines(name: str) -> None:
    figure = await throughput(WORKS[name], EFFORT)

    short = {line: figure.ratios[line] for line, floor in FLOORS[name].items() if figure.ratios[line] < floor}
    assert short == {}


async def test_a_thousand_listeners_route_about_as_fast_as_one() -> None:
    figure = await listeners(EFFORT)

    assert figure.value >= 0.7
