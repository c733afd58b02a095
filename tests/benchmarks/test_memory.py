from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import asyncio
from agentserver.cli.measure import memory_growth
print(asyncio.run(memory_growth()).value)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_200_000_messages_leave_the_process_as_large_as_it_was(request: pytest.FixtureRequest) -> None:
    # a process of its own: memory that other tests gave back would hide a growth
    result = subprocess.run(
        [sys.executable, "-c", MEASURE],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 10
