"""F18: a handler that ends the whole process. Its message becomes a dead letter after some lives; the others go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from tests.crash.daemons import ENOUGH_S, life
from tests.crash.deadly import DEADLY, WAYS

COUNT: Final = 50
MAX_LIVES: Final = 8
"""Lives in which it must be over: one in which nobody knows who did it, and `limits.crashes` more."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("way", "code"), list(zip(WAYS, ("crashed", "crashed", "handler-failed"), strict=True)), ids=list(WAYS)
)
def test_f18_a_message_that_ends_the_process_is_given_up_on(way: str, code: str, tmp_path: Path) -> None:
    for _ in range(MAX_LIVES):
        with life(tmp_path, COUNT, way, program="deadly") as process:
            process.wait(ENOUGH_S)
        if not process.returncode:
            break
    assert process.returncode == 0, (tmp_path / "log").read_text()[-3_000:]

    connection = sqlite3.connect(tmp_path / "queue.db")
    dead = connection.execute("SELECT code, data FROM dead_letters JOIN messages USING (seq)").fetchall()
    handled = connection.execute(
        "SELECT count(*) FROM endings WHERE outcome = 'done' AND listener IS NOT NULL"
    ).fetchall()
    connection.close()
    assert [(found, f">{DEADLY}<".encode() in data) for found, data in dead] == [(code, True)]
    assert handled == [(COUNT - 1,)]
