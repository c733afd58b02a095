"""The figures: which lines stand beside each other, what their ratio is, and what is aimed at.

A *throughput* is the pump's on one work, in units of the bare line and of the gate line. An *amount* is one number
with its bound. Both are reports: whether a target is met is said, and nothing fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from agentserver.cli.measure.bare_line import bare_line, plain_parse_line, strict_parse_line
from agentserver.cli.measure.gate_line import gate_line
from agentserver.cli.measure.line import Line
from agentserver.cli.measure.process_memory import growth_bytes
from agentserver.cli.measure.pump_line import pump_line
from agentserver.cli.measure.rounds import Effort, Progress, no_progress, time_lines
from agentserver.cli.measure.work import Work, many_listeners, one_hop

PUMP_BATCH: Final = 50
"""Messages that the pump takes at once by default, `max_concurrent_pipelines`."""
PARSES: Final = 6_000
"""Of one turn."""
MIB: Final = 1024 * 1024

MAX_HARDENING_US: Final = 4.0
MIN_LISTENERS_RATIO: Final = 0.9
MAX_GROWTH_MIB: Final = 10.0


QUICK: Final = Effort(rounds=4, turns=3)


@dataclass(frozen=True, slots=True)
class Throughput:
    """The pump on one work.

    Args:
        name: The work.
        input_bytes: Length of one input.
        us: Microseconds per message of each line: `bare`, `gate`, `gate of 50`, `pump`.
        ratios: The pump's throughput in units of each other line.
        spread: The lowest and the highest of those ratios in any round.
        targets: Least ratios aimed at.
    """

    name: str
    input_bytes: int
    us: Mapping[str, float]
    ratios: Mapping[str, float]
    spread: Mapping[str, tuple[float, float]]
    targets: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Messages per second through the pump."""
        return 1e6 / self.us["pump"]

    @property
    def met(self) -> bool | None:
        """Whether each target is met; None where nothing is aimed at."""
        if not self.targets:
            return None
        return all(self.ratios[line] >= least for line, least in self.targets.items())


@dataclass(frozen=True, slots=True)
class Amount:
    """One number, and the bound that is aimed at, if any."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is within its bound; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def lines_of(work: Work) -> list[Line]:
    """Return the lines that do a work: the bare one, the gate in both sizes of batch, the pump."""
    inputs, messages, listening = work.inputs, work.messages, work.listening
    return [
        bare_line(work.bare, inputs[0], messages, listening),
        gate_line("gate", inputs, messages, listening, 1),
        gate_line(f"gate of {PUMP_BATCH}", inputs, messages, listening, PUMP_BATCH),
        pump_line("pump", inputs, messages, listening),
    ]


async def throughput(work: Work, effort: Effort, progress: Progress = no_progress) -> Throughput:
    """Measure the pump on a work, beside the bare line and both gate lines."""
    timings = await time_lines(lines_of(work), work.count, work.messages, effort, progress)
    by_round = {name: timings.ratios("pump", name) for name in timings.seconds if name != "pump"}
    return Throughput(
        work.name,
        len(work.inputs[0]),
        {name: timings.us(name) for name in timings.seconds},
        {name: median(ratios) for name, ratios in by_round.items()},
        {name: (min(ratios), max(ratios)) for name, ratios in by_round.items()},
        work.targets,
    )


async def hardening(effort: Effort, progress: Progress = no_progress) -> Amount:
    """Measure what the strict parser costs a small message, more than a plain parse."""
    data = one_hop().inputs[0]
    lines = [plain_parse_line(data), strict_parse_line(data)]
    timings = await time_lines(lines, PARSES, effort=effort, progress=progress)
    pairs = zip(timings.seconds["strict parse"], timings.seconds["plain parse"], strict=True)
    cost_us = median(strict - plain for strict, plain in pairs) * 1e6
    return Amount("hardening of the parser", cost_us, "us a small message", at_most=MAX_HARDENING_US)


async def listeners(effort: Effort, progress: Progress = no_progress, many: int = 1_000) -> Amount:
    """Measure the throughput of many listeners, each in turn, in units of that of one."""
    works = [many_listeners(1), many_listeners(many)]
    lines = [pump_line(work.name, work.inputs, 1, work.listening) for work in works]
    timings = await time_lines(lines, works[0].count, effort=effort, progress=progress)
    ratio = timings.ratio(works[1].name, works[0].name)
    return Amount(works[1].name, ratio, "of one listener", at_least=MIN_LISTENERS_RATIO)


async def memory_growth(progress: Progress = no_progress) -> Amount:
    """Measure what the process grows by over 200,000 messages."""
    work = one_hop()
    grown = await growth_bytes(pump_line("pump", work.inputs, 1, work.listening), progress=progress)
    return Amount("memory over 200,000 messages", grown / MIB, "MiB", at_most=MAX_GROWTH_MIB)
