"""F3: a write fails, the first, the second, and so on until a run needs no more: nothing acknowledged is ever lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.crash.daemons import ENOUGH_S, finish, life
from tests.crash.ledger import Ledger
from tests.crash.preloaded import library

COUNT: Final = 30
CALLS: Final = (1, 2, 3, 5, 8, 13, 21, 34, 55, *range(68, 110, 3))
"""Which of the calls fails. The first seventy or so make the file; a run makes about a hundred."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("failing", [1, 3], ids=["one", "several"])
def test_f3_each_write_in_turn_fails(failing: int, tmp_path: Path) -> None:
    shim = library("failing_disk", tmp_path)
    for call in CALLS:
        folder = tmp_path / str(call)
        folder.mkdir()
        variables = {
            "LD_PRELOAD": shim, "FAIL_FILE": "queue.db", "FAIL_FROM": str(call), "FAIL_COUNT": str(failing),
        }  # fmt: skip
        with life(folder, COUNT, environ=variables) as process:
            process.wait(ENOUGH_S)  # it goes on by itself, or ends with what was wrong
        finish(folder, COUNT)
        Ledger(folder / "queue.db").check(COUNT)
