"""Stages of the gate that can be exchanged while the pipeline runs: what stands in one changes between two batches.

The pipeline is composed once, of these. Knows nothing of what the stages do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from agentserver.message_bus.guard import Batch
from agentserver.message_bus.pipeline import Stage


class LiveStage:
    """A place in the gate.

    Args:
        stage: What stands there at first.

    Attributes:
        over: What the pipeline calls for each batch; a coroutine function where the stage's own is one.
    """

    __slots__ = ("over", "stage")

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.over: Callable[[Batch], Any] = self._over_async if is_waiting(stage) else self._over

    @property
    def name(self) -> str:
        """The name of what stands there now."""
        return self.stage.name

    def _over(self, batch: Batch) -> Any:
        return self.stage.over(batch)

    async def _over_async(self, batch: Batch) -> Any:
        return await self.stage.over(batch)


def is_waiting(stage: Stage) -> bool:
    """Return whether a stage is to be awaited."""
    return asyncio.iscoroutinefunction(stage.over)


def fits(places: Sequence[LiveStage], stages: Sequence[Stage]) -> bool:
    """Return whether stages can stand in places: as many, and those to be awaited where such ones stand."""
    return [is_waiting(place.stage) for place in places] == [is_waiting(stage) for stage in stages]


def exchange(places: Sequence[LiveStage], stages: Sequence[Stage]) -> None:
    """Put stages that fit into places, each from its next batch on."""
    for place, stage in zip(places, stages, strict=True):
        place.stage = stage
