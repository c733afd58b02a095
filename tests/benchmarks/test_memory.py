from __future__ import annotations

import pytest

from agentserver.cli.measure import memory_growth


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_200_000_messages_leave_the_process_as_large_as_it_was() -> None:
    figure = await memory_growth()

    assert figure.value < 10
