"""Each test that takes `waiting_in` runs with a queue in memory and with one in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentserver.queues import MemoryQueue, MessageQueue
from agentserver.queues.sqlite import SqliteQueue

QUEUED = 1_000
"""Messages that may wait."""


@pytest.fixture(params=["memory", "sqlite"])
async def waiting_in(request: pytest.FixtureRequest, tmp_path: Path) -> MessageQueue:
    if request.param == "memory":
        return MemoryQueue(max_waiting=QUEUED)
    return SqliteQueue(tmp_path / "queue.db", max_waiting=QUEUED)
