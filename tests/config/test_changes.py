"""What differs between two configurations, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from agentserver import xmlify
from agentserver.config import (
    BreakerConfig,
    BudgetConfig,
    HandlesConfig,
    IdempotencyConfig,
    Limits,
    ListenerConfig,
    MetaConfig,
    OrganismConfig,
    RetentionConfig,
    RetryConfig,
    ScheduleConfig,
    StepConfig,
)
from agentserver.config.changes import Changes, changes_of


@xmlify
@dataclass
class Ask:
    text: str


@xmlify
@dataclass
class Tell:
    text: str


async def handle(payload: Any, metadata: Any) -> None: ...


async def another(payload: Any, metadata: Any) -> None: ...


def step(state: Any) -> Any: ...


BASE = ListenerConfig("a", payload_class=Ask, handler=handle)


def keys(changes: Changes) -> list[str]:
    return [each.key for change in changes.changed for each in change.differences]


def of_listener(new: ListenerConfig, old: ListenerConfig = BASE) -> list[str]:
    return keys(changes_of(OrganismConfig("x", listeners=[old]), OrganismConfig("x", listeners=[new])))


def test_nothing() -> None:
    assert Changes() == changes_of(
        OrganismConfig("x", listeners=[BASE]), OrganismConfig("x", listeners=[replace(BASE)])
    )


@pytest.mark.parametrize(
    "options",
    [
        {"description": "b"},
        {"is_agent": True},
        {"peers": ["a"]},
        {"broadcast": True},
        {"timeout_s": 1.0},
        {"max_concurrent": 3},
        {"retry": RetryConfig()},
        {"breaker": BreakerConfig()},
    ],
    ids=str,
)
def test_each_option_of_a_listener(options: dict[str, Any]) -> None:
    assert list(options) == of_listener(replace(BASE, **options))


def test_a_handler() -> None:
    assert ["handler of Ask"] == of_listener(replace(BASE, handler=another))


def test_contracts_that_come_and_go() -> None:
    more = replace(BASE, handles=[HandlesConfig(payload_class=Tell, handler=handle)])

    assert ["contract Tell"] == of_listener(more)
    assert ["contract Tell"] == of_listener(BASE, more)


def test_the_order_of_contracts() -> None:
    first = replace(BASE, handles=[HandlesConfig(payload_class=Tell, handler=handle)])
    second = replace(BASE, payload_class=Tell, handles=[HandlesConfig(payload_class=Ask, handler=handle)])

    assert ["order of contracts"] == of_listener(second, first)


def test_no_field_of_a_configuration_is_forgotten() -> None:
    """Each setting is either live, or needs a restart: whatever a later version adds needs one until it is said."""
    others: dict[str, Any] = {
        "name": "y", "identity_path": "k", "port": 1, "thread_scheduling": "depth-first", "repair": "off",
        "max_concurrent_pipelines": 7, "max_concurrent_handlers": 7, "max_concurrent_per_agent": 7, "feedback": 7,
        "limits": Limits(hops=7), "budget": BudgetConfig(messages=7), "meta": MetaConfig(schema="all"),
        "pipeline": [StepConfig("m.s", after="c14n", step=step)], "queue": "sqlite:///q.db",
        "retry": RetryConfig(), "breaker": BreakerConfig(),
        "idempotency": IdempotencyConfig("off"), "retention": RetentionConfig(7.0),
        "schedules": [ScheduleConfig("often", 1.0, "greeter", "<Greeting/>")],
    }  # fmt: skip
    old = OrganismConfig("x")
    seen = {
        name
        for name, value in others.items()
        if (changes := changes_of(old, replace(old, **{name: value}))).settings or changes.restart
    }

    assert set(others) == seen
    left = {field.name for field in fields(OrganismConfig) if field.compare} - set(others)
    assert {"listeners", "forbid", "source"} >= left


def test_what_needs_a_restart_stands_apart() -> None:
    old = OrganismConfig("x")
    new = OrganismConfig("x", port=1, limits=Limits(hops=7, block_warning_s=2.0))
    changes = changes_of(old, new)

    assert ["limits.hops"] == [each.key for each in changes.settings]
    assert ["port", "limits.block_warning_s"] == [each.key for each in changes.restart]


def test_steps_change_live_where_others_stand_and_come_with_a_restart() -> None:
    old = OrganismConfig("x", pipeline=[StepConfig("m.s", after="c14n", step=step)])
    other = OrganismConfig("x", pipeline=[StepConfig("m.t", after="c14n", step=handle)])

    assert ["pipeline"] == [each.key for each in changes_of(old, other).settings]
    assert ["pipeline"] == [each.key for each in changes_of(old, OrganismConfig("x")).restart]
