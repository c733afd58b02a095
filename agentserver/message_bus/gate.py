"""The stages of the gate in their order, with the user's own steps among them.

Takes limits, a routing table and the user's steps; gives the stages that `pipeline.py` composes. The order is the
design's: whatever stands further down may rely on what stands above.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentserver.config import STEP_NAMES, Limits, StepConfig
from agentserver.errors import ConfigError, ConfigFault
from agentserver.message_bus.custom_step import CustomStep
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.pipeline import Stage
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps import (
    FanOut,
    TargetFanOut,
    c14n_step,
    deserialization_step,
    make_envelope_validation_step,
    make_repair_step,
    make_routing_step,
    make_thread_assignment_step,
    payload_extraction_step,
    xsd_validation_step,
)
from agentserver.message_bus.threads import Threads
from agentserver.wire import ParseLimits


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
    table: RoutingTable,
    threads: Threads,
    custom: Iterable[StepConfig] = (),
    openers: Openers | None = None,
) -> list[Stage]:
    """Return the stages of the gate, first to last.

    Args:
        limits: Bounds on messages, and seconds that a step of the user's own may take.
        table: The routing table; listeners may be added to it later.
        threads: Gives the threads that stand for ids that are no UUIDs.
        custom: The user's own steps.
        openers: Says who outside may go on with which thread; the gate knows of no others when left out.

    Raises:
        ConfigError: A step of the user's own is placed at a name that no stage has.
    """
    check = (openers if openers is not None else Openers(threads)).check
    stages: list[Stage] = [
        make_repair_step(parse_limits(limits), "off"),  # what handlers return is mended before it comes here
        FanOut(limits.payloads),
        c14n_step,
        make_envelope_validation_step(),
        payload_extraction_step,
        make_thread_assignment_step(threads.replace, check),
        make_routing_step(table),
        TargetFanOut(),
        xsd_validation_step,
        deserialization_step,
    ]
    for config in custom:
        _insert(stages, config, limits.handler_timeout_s)
    return stages


def _insert(stages: list[Stage], config: StepConfig, timeout_s: float) -> None:
    place = config.before or config.after
    if place not in STEP_NAMES or config.step is None:
        message = (
            f"step {config.step_path!r}: no stage {place!r}" if config.step else "a step without a function"
        )
        raise ConfigError([ConfigFault("pipeline", 0, 0, message)])
    index = [stage.name for stage in stages].index(place)
    if config.after:
        index += 1
        # several steps after one place stay in the order in which they are listed
        while index < len(stages) and isinstance(stages[index], CustomStep):
            index += 1
    stages.insert(index, CustomStep(config.step, config.step_path.rpartition(".")[2], timeout_s))
