"""What `agentserver bench` and `tests/benchmarks` measure with.

A *work* (`work.py`) is what a user wants done; a *line* is one way of doing it: bare lxml calls, the gate in a plain
loop, the pump. `rounds.py` times lines in turns; `figures.py` says which stand beside each other and what is aimed
at. Figures are ratios of throughput: an absolute time says more of the machine than of the program.
"""

from agentserver.cli.measure.figures import (
    QUICK,
    Amount,
    Throughput,
    hardening,
    lines_of,
    listeners,
    memory_growth,
    throughput,
)
from agentserver.cli.measure.line import Line, LineBroken, Timed
from agentserver.cli.measure.machine import Machine, this_machine
from agentserver.cli.measure.organism import NotMeasurable, load_organism, organism_figures
from agentserver.cli.measure.report import Report
from agentserver.cli.measure.rounds import Effort, Progress, time_lines
from agentserver.cli.measure.work import Work, all_works

__all__ = [
    "QUICK",
    "Amount",
    "Effort",
    "Line",
    "LineBroken",
    "Machine",
    "NotMeasurable",
    "Progress",
    "Report",
    "Throughput",
    "Timed",
    "Work",
    "all_works",
    "hardening",
    "lines_of",
    "listeners",
    "load_organism",
    "memory_growth",
    "organism_figures",
    "this_machine",
    "throughput",
    "time_lines",
]
