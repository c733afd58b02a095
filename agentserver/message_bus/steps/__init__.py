"""The steps of the gate, one file each. No step imports another, nor the queue, the pump or the config.

Each file offers `<name>_step`, ready to be used alone, and, where the pump has a say, `make_<name>_step`.
"""

from agentserver.message_bus.steps.c14n import c14n_step
from agentserver.message_bus.steps.deserialization import deserialization_step
from agentserver.message_bus.steps.envelope_validation import (
    envelope_validation_step,
    make_envelope_validation_step,
)
from agentserver.message_bus.steps.fan_out import FanOut, TargetFanOut, extract_payloads
from agentserver.message_bus.steps.payload_extraction import payload_extraction_step
from agentserver.message_bus.steps.repair import make_repair_step, repair_step
from agentserver.message_bus.steps.routing_resolution import make_routing_step
from agentserver.message_bus.steps.thread_assignment import (
    make_thread_assignment_step,
    thread_assignment_step,
)
from agentserver.message_bus.steps.xsd_validation import xsd_validation_step

__all__ = [
    "FanOut",
    "TargetFanOut",
    "c14n_step",
    "deserialization_step",
    "envelope_validation_step",
    "extract_payloads",
    "make_envelope_validation_step",
    "make_repair_step",
    "make_routing_step",
    "make_thread_assignment_step",
    "payload_extraction_step",
    "repair_step",
    "thread_assignment_step",
    "xsd_validation_step",
]
