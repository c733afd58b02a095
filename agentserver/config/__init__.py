"""Configuration: what an organism is made of, and the strict reading of it from `organism.yaml`.

`ConfigLoader.load` gives an `OrganismConfig` or raises one `ConfigError` with every fault and its place.
Imports nothing of this project but `agentserver.errors`.
"""

from __future__ import annotations

from agentserver.config.loader import ConfigLoader
from agentserver.config.model import (
    HandlesConfig,
    Limits,
    ListenerConfig,
    OrganismConfig,
    RepairPolicy,
    StepConfig,
    ThreadScheduling,
)
from agentserver.config.step_names import STEP_NAMES

__all__ = [
    "STEP_NAMES",
    "ConfigLoader",
    "HandlesConfig",
    "Limits",
    "ListenerConfig",
    "OrganismConfig",
    "RepairPolicy",
    "StepConfig",
    "ThreadScheduling",
]
