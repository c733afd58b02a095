"""The stages of the gate in their order, with the user's own steps among them.

Takes limits, a routing table and the user's steps; gives the stages that `pipeline.py` composes. The order is the
design's: whatever stands further down may rely on what stands above.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agentserver.config import Limits, RepairPolicy, StepConfig
from agentserver.errors import ConfigError, ConfigFault
from agentserver.message_bus.custom_step import CustomStep
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.pipeline import Stage
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps import (
    FanOut,
    c14n_step,
    deserialization_step,
    fan_out_targets,
    make_envelope_validation_step,
    make_repair_step,
    make_routing_step,
    make_thread_assignment_step,
    payload_extraction_step,
    xsd_validation_step,
)
from agentserver.message_bus.threads import Threads
from agentserver.wire import ParseLimits


class _Targets(NamedTuple):
    """The stage that makes one message of each listener that takes it."""

    name: str = "fan_out_targets"

    def over(self, batch: Batch) -> Batch:
        return fan_out_targets(batch)


def parse_limits(limits: Limits) -> ParseLimits:
    """Return those of the limits that the parser keeps."""
    return ParseLimits(
        message_bytes=limits.message_bytes,
        depth=limits.depth,
        elements=limits.elements,
        attributes=limits.attributes,
        name_chars=limits.name_chars,
        namespaces=limits.namespaces,
    )


def gate_stages(
    limits: Limits,
    repair: RepairPolicy,
    table: RoutingTable,
    threads: Threads,
    custom: Iterable[StepConfig] = (),
) -> list[Stage]:
    """Return the stages of the gate, first to last.

    Raises:
        ConfigError: A step of the user's own is placed at a name that no stage has.
    """
    stages: list[Stage] = [
        make_repair_step(parse_limits(limits), repair),
        FanOut(limits.payloads),
        c14n_step,
        make_envelope_validation_step(),
        payload_extraction_step,
        make_thread_assignment_step(threads.replace),
        make_routing_step(table),
        _Targets(),
        xsd_validation_step,
        deserialization_step,
    ]
    for config in custom:
        _insert(stages, config)
    return stages


def _insert(stages: list[Stage], config: StepConfig) -> None:
    names = [stage.name for stage in stages]
    place = config.before or config.after
    if place not in names or config.step is None:
        message = (
            f"step {config.step_path!r}: no stage {place!r}" if config.step else "a step without a function"
        )
        raise ConfigError([ConfigFault("pipeline", 0, 0, message)])
    index = names.index(place)
    if config.after:
        index += 1
        # several steps after one place stay in the order in which they are listed
        while index < len(stages) and isinstance(stages[index], CustomStep):
            index += 1
    stages.insert(index, CustomStep(config.step, config.step_path.rpartition(".")[2]))
