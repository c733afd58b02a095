"""Configuration: what an organism is made of, and the strict reading of it from `organism.yaml`.

`ConfigLoader.load` gives an `OrganismConfig` or raises one `ConfigError` with every fault and its place.
Of the rest of this project it knows `agentserver.errors`, contracts, which a configuration names, and XML.
"""

from __future__ import annotations

from agentserver.config.bounds import BudgetConfig, RateConfig
from agentserver.config.loader import ConfigLoader
from agentserver.config.model import (
    ForbidConfig,
    HandlesConfig,
    Limits,
    ListenerConfig,
    MetaAudience,
    MetaConfig,
    OrganismConfig,
    RepairPolicy,
    StepConfig,
    ThreadScheduling,
)
from agentserver.config.queue_address import QueueAddress
from agentserver.config.resilience import BreakerConfig, RetryConfig
from agentserver.config.retention import IdempotencyConfig, RetentionConfig
from agentserver.config.schedules import ScheduleConfig
from agentserver.config.step_names import STEP_NAMES

__all__ = [
    "STEP_NAMES",
    "BreakerConfig",
    "BudgetConfig",
    "ConfigLoader",
    "ForbidConfig",
    "HandlesConfig",
    "IdempotencyConfig",
    "Limits",
    "ListenerConfig",
    "MetaAudience",
    "MetaConfig",
    "OrganismConfig",
    "QueueAddress",
    "RateConfig",
    "RepairPolicy",
    "RetentionConfig",
    "RetryConfig",
    "ScheduleConfig",
    "StepConfig",
    "ThreadScheduling",
]
