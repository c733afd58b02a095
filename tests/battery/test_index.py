"""Which fault is where: each row of the battery that needs no network, and the files whose tests name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
RELIABILITY: Final = TESTS.parents[1] / "shared" / "RELIABILITY.md"

ROWS: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        1: (
            "crash/test_kill",
            "queues/test_sqlite_crash",
            "cli/test_run_durable",
        ),  # kill -9 at a random moment
        2: ("queues/test_sqlite_crash",),  # an ack before its fsync
        3: ("crash/test_failing_disk", "crash/test_disk"),  # a write that fails
        4: ("crash/test_kill", "queues/test_sqlite_faults"),  # a torn log
        5: ("queues/test_sqlite_faults",),  # a bit of a row that flips
        6: ("crash/test_disk", "queues/test_sqlite_faults"),  # a full disk
        7: ("cli/test_run_durable",),  # two daemons on one file
        8: ("queues/test_sqlite_faults",),  # a reader that stays open
        9: ("battery/test_signals", "cli/test_run_durable"),  # SIGTERM under load
        10: ("battery/test_signals", "cli/test_run_durable"),  # SIGTERM with a stuck handler, twice
        11: ("battery/test_signals", "cli/test_service_manager"),  # SIGHUP with whatever configuration
        12: ("battery/test_signals",),  # a storm of SIGHUP
        13: ("crash/test_kill",),  # SIGSTOP and SIGCONT
        14: ("crash/test_kill",),  # a clock that is moved
        15: ("battery/test_blocking",),  # a handler that blocks
        16: ("battery/test_handlers",),  # a handler that raises
        17: ("battery/test_handlers", "message_bus/test_bounds"),  # a handler that ends in no good way
        18: ("crash/test_deadly_handlers", "cli/test_run_durable"),  # a handler that ends the process
        19: ("battery/test_cycles",),  # a cycle
        20: ("battery/test_cycles",),  # a cycle that multiplies
        21: ("battery/test_load",),  # a flood at a stuck listener
        22: ("battery/test_load",),  # a slow listener and a fast one
        25: ("battery/test_resources",),  # no more open files
        26: ("battery/test_resources",),  # no more memory
        33: ("battery/test_soak",),  # all of it for a while
    }
)
NEEDS_A_NETWORK: Final = (23, 24, 27, 28, 29, 30, 31, 32)
"""Rows of doors and brokers that are not built yet."""


def named_in_tests() -> dict[int, set[str]]:
    """Find the rows that tests name, with the files that they are in."""
    found: dict[int, set[str]] = {}
    for file in TESTS.rglob("test_*.py"):
        for row in re.findall(r"^(?:async )?def test_f(\d+)_", file.read_text(encoding="utf-8"), re.M):
            found.setdefault(int(row), set()).add(str(file.relative_to(TESTS).with_suffix("")))
    return found


def test_each_row_is_where_the_index_says() -> None:
    assert {row: set(files) for row, files in ROWS.items()} == named_in_tests()


def test_the_index_has_every_row() -> None:
    if not RELIABILITY.exists():
        pytest.skip(f"the battery's table is not here: {RELIABILITY}")
    rows = re.findall(r"^\| F(\d+) \|", RELIABILITY.read_text(encoding="utf-8"), re.M)
    assert sorted([*ROWS, *NEEDS_A_NETWORK]) == sorted(map(int, rows))
