"""A configuration built in code: what the pump could not work with is refused there, too."""

from __future__ import annotations

from typing import Any

import pytest

from agentserver.config import OrganismConfig
from agentserver.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"max_concurrent_handlers": 0},
            "max_concurrent_handlers: found 0, expected a whole number of at least 1",
        ),
        ({"max_concurrent_pipelines": "5"}, "max_concurrent_pipelines: found '5'"),
        ({"thread_scheduling": "sideways"}, "expected one of breadth-first, depth-first"),
        ({"repair": "guess"}, "expected one of off, safe, recover"),
        ({"queue": "memory"}, "queue: no address of a queue; write memory:// or sqlite:///var/organism.db"),
    ],
)
def test_what_the_pump_could_not_work_with_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OrganismConfig("shop", **options)
    assert words in str(caught.value)


def test_every_fault_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        OrganismConfig("shop", max_concurrent_handlers=-1, max_concurrent_per_agent=0)
    assert len(caught.value.faults) == 2
