"""Bounds in YAML and in code: rates, budgets, and the bounds of one listener."""

from __future__ import annotations

from typing import Any

import pytest

from agentserver.config import BudgetConfig, ConfigLoader, Limits, ListenerConfig, OrganismConfig, RateConfig
from agentserver.errors import ConfigError
from tests.organisms import Ping

LISTENER = "{name: echo, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting"


def load(listener: str = "", rest: str = "") -> OrganismConfig:
    more = f", {listener}" if listener else ""
    return ConfigLoader.loads(f"organism: {{name: test}}\n{rest}\nlisteners:\n  - {LISTENER}{more}}}\n")


def fault(listener: str = "", rest: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        load(listener, rest)
    (found,) = caught.value.faults
    return found.message


def test_a_listener_that_says_nothing_has_no_bounds_of_its_own() -> None:
    (listener,) = load().listeners
    assert (listener.timeout_s, listener.max_concurrent, listener.rate) == (None, None, None)


def test_the_bounds_of_a_listener() -> None:
    (listener,) = load("timeout_s: 2.5, max_concurrent: 3").listeners
    assert (listener.timeout_s, listener.max_concurrent) == (2.5, 3)


def test_answers_are_joined_where_a_listener_says_so() -> None:
    listeners = [*load().listeners, *load("join: true, join_timeout_s: 2.5").listeners]
    assert [(each.join, each.join_timeout_s) for each in listeners] == [(False, 300.0), (True, 2.5)]


@pytest.mark.parametrize("text", ["join: 5", "join_timeout_s: 0", "join_timeout_s: .inf"])
def test_what_is_no_way_to_join_is_refused(text: str) -> None:
    assert text.partition(":")[0] in fault(text)


@pytest.mark.parametrize(
    ("text", "per_s", "at_once"),
    [
        ("10/s", 10, 10), ("0.5/s", 0.5, 1), ("90/min", 1.5, 1), ("7200/h", 2, 2), ("10 / s", 10, 10),
        ("1/day", 1 / 86_400, 1),
        ("{per_s: 10}", 10, 10), ("{per_s: 10, burst: 20}", 10, 20), ("{per_s: 0.1, burst: 5}", 0.1, 5),
    ],
)  # fmt: skip
def test_the_forms_of_a_rate(text: str, per_s: float, at_once: int) -> None:
    rate = load(f"rate: {text}").listeners[0].rate
    assert rate is not None
    assert pytest.approx(per_s) == rate.per_s
    assert at_once == rate.most_at_once


@pytest.mark.parametrize(
    "text", ["10", "ten/s", "10/fortnight", "-1/s", "0/s", "1e3/s", "[10]", "true", "9999999/s"]
)
def test_what_is_no_rate(text: str) -> None:
    assert "expected a rate as 10/s, 90/min, 100/h or 5/day, or a mapping" in fault(f"rate: {text}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate: {per_s: 0}", "listeners[0].rate.per_s: found 0, expected at least"),
        ("rate: {burst: 2}", "listeners[0].rate: missing key 'per_s'"),
        ("rate: {per_s: 1, brust: 2}", "unknown key 'brust'; did you mean 'burst'?"),
        ("timeout_s: 0", "listeners[0].timeout_s: found 0, expected more than 0"),
        ("timeout_s: soon", "listeners[0].timeout_s: found 'soon', expected a number"),
        ("max_concurrent: 0", "listeners[0].max_concurrent: found 0, expected at least 1"),
        ("timeout: 3", "unknown key 'timeout'; did you mean 'timeout_s'?"),
    ],
)
def test_bounds_that_no_listener_can_have(text: str, words: str) -> None:
    assert words in fault(text)


def test_the_budget_when_nothing_is_said() -> None:
    assert BudgetConfig(10_000, None, None, 1_000) == load().budget


def test_the_budget_of_a_file() -> None:
    config = load(rest="budget: {messages: 50, hops: 7, wall_s: 1.5, fan_out: 3}")
    assert BudgetConfig(50, 7, 1.5, 3) == config.budget


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("messages: 0", "budget.messages: found 0, expected at least 1"),
        ("hops: 0.5", "budget.hops: found 0.5, expected a whole number"),
        ("wall_s: 0", "budget.wall_s: found 0, expected more than 0"),
        ("fan_out: many", "budget.fan_out: found 'many', expected a whole number"),
        ("fanout: 3", "unknown key 'fanout'; did you mean 'fan_out'?"),
    ],
)
def test_budgets_that_no_conversation_can_have(text: str, words: str) -> None:
    assert words in fault(rest=f"budget: {{{text}}}")


def test_the_watchdog_may_be_off_but_not_less() -> None:
    assert load(rest="limits: {block_warning_s: 0}").limits == Limits(block_warning_s=0)
    assert "limits.block_warning_s: found -1, expected at least 0" in fault(
        rest="limits: {block_warning_s: -1}"
    )


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        *((RateConfig, bounds) for bounds in ({"per_s": 0}, {"per_s": "10"}, {"per_s": float("nan")}, {"per_s": True})),
        *((RateConfig, {"per_s": 1, "burst": burst}) for burst in (0, 1.5, "2", True)),
        *((BudgetConfig, {name: value}) for name in ("messages", "hops", "fan_out") for value in (0, -1, 1.5, "9")),
        *((BudgetConfig, {"wall_s": value}) for value in (0, -1, float("inf"), "60")),
    ],
)  # fmt: skip
def test_bounds_built_in_code_are_held_to_the_same(kind: type[Any], bounds: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(reversed(bounds))):
        kind(**bounds)


@pytest.mark.parametrize(
    "bounds",
    [{"timeout_s": 0}, {"timeout_s": "1"}, {"max_concurrent": 0}, {"max_concurrent": True}, {"rate": "10/s"}],
)
def test_a_listener_built_in_code_is_held_to_the_same(bounds: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bounds))):
        ListenerConfig("echo", payload_class=Ping, handler=print, **bounds)
