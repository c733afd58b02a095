"""The names of the built-in steps, in the order in which a message passes them.

A step of the user's own is placed `before` or `after` one of these. Knows the names alone; what the steps do
is the business of `message_bus`.
"""

from __future__ import annotations

STEP_NAMES: tuple[str, ...] = (
    "repair",
    "fan_out",
    "c14n",
    "envelope_validation",
    "payload_extraction",
    "thread_assignment",
    "routing_resolution",
    "xsd_validation",
    "deserialization",
)
