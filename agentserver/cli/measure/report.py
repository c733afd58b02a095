"""Figures as a table for people and as a document for programs.

Takes figures, gives text. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from agentserver.cli.measure.figures import PUMP_BATCH, Amount, Throughput
from agentserver.cli.measure.machine import Machine
from agentserver.cli.measure.rounds import Effort

_BATCHES: Final = f"gate of {PUMP_BATCH}"
_HEAD: Final = (
    "figure",
    "bytes",
    "us/msg",
    "msg/s",
    "bare us",
    "gate us",
    "of bare",
    "of gate",
    f"of {_BATCHES}",
    "",
)
_VERDICTS: Final = MappingProxyType({True: "ok", False: "short", None: ""})


@dataclass(slots=True)
class Report:
    """All that one run measured.

    Args:
        machine: Where.
        effort: How long was measured.
        throughputs: The pump beside the straight lines.
        amounts: Single numbers.
        notes: What was left out, and why.
    """

    machine: Machine
    effort: Effort
    throughputs: list[Throughput] = field(default_factory=list)
    amounts: list[Amount] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_document(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "ok": True,
            "machine": asdict(self.machine),
            **asdict(self.effort),
            "throughputs": [
                {**asdict(figure), "per_second": figure.per_second, "met": figure.met}
                for figure in self.throughputs
            ],
            "amounts": [{**asdict(figure), "met": figure.met} for figure in self.amounts],
            "notes": self.notes,
        }

    def as_table(self) -> str:
        """Return the table, without a line end behind."""
        blocks = [str(self.machine)]
        if self.throughputs:
            blocks.append(_aligned([_HEAD, *map(_throughput_row, self.throughputs)]))
        if self.amounts:
            blocks.append(_aligned([_amount_row(amount) for amount in self.amounts]))
        blocks.append(
            "Per message, that is per handler call. Ratios are of throughput, with the targets in brackets:\n"
            f"medians of {self.effort.rounds - 1} rounds in which the lines take turns. Bare: plain lxml calls.\n"
            "Gate: this project's stages in a plain loop, one message at a time; or "
            f"{PUMP_BATCH} at a time, as the pump takes them."
        )
        blocks.extend(f"note: {note}" for note in self.notes)
        return "\n\n".join(blocks)


def _throughput_row(figure: Throughput) -> tuple[str, ...]:
    us = figure.us
    return (
        figure.name, f"{figure.input_bytes:,}", f"{us['pump']:,.2f}", f"{figure.per_second:,.0f}",
        f"{us['bare']:,.2f}", f"{us['gate']:,.2f}", _ratio(figure, "bare"), _ratio(figure, "gate"),
        _ratio(figure, _BATCHES), _VERDICTS[figure.met],
    )  # fmt: skip


def _ratio(figure: Throughput, line: str) -> str:
    target = figure.targets.get(line)
    return f"{figure.ratios[line]:.2f}" + (f" [{target:.2f}]" if target is not None else " " * 7)


def _amount_row(amount: Amount) -> tuple[str, ...]:
    value = f"{amount.value:,.2f}" if abs(amount.value) < 100 else f"{amount.value:,.0f}"
    bound = ""
    if amount.at_least is not None:
        bound = f"[>= {amount.at_least:g}]"
    elif amount.at_most is not None:
        bound = f"[<= {amount.at_most:g}]"
    return amount.name, value, amount.unit, bound, _VERDICTS[amount.met]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Put rows into columns: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_row(row, widths) for row in rows)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(_cell(text, width, index) for index, (text, width) in enumerate(cells)).rstrip()


def _cell(text: str, width: int, index: int) -> str:
    left = index == 0 or not any(character.isdigit() for character in text)
    return text.ljust(width) if left else text.rjust(width)
