"""`retry:`, `breaker:`, `idempotency:` and `retention:`, in YAML and in code."""

from __future__ import annotations

from typing import Any

import pytest

from agentserver.config import (
    BreakerConfig,
    ConfigLoader,
    IdempotencyConfig,
    OrganismConfig,
    RetentionConfig,
    RetryConfig,
)
from agentserver.errors import ConfigError

LISTENER = "{name: echo, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting"


def load(listener: str = "", rest: str = "") -> OrganismConfig:
    more = f", {listener}" if listener else ""
    return ConfigLoader.loads(f"organism: {{name: test}}\n{rest}\nlisteners:\n  - {LISTENER}{more}}}\n")


def fault(listener: str = "", rest: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        load(listener, rest)
    (found,) = caught.value.faults
    return found.message


def test_nothing_is_tried_again_and_nobody_is_cut_off_when_nothing_is_said() -> None:
    config = load()
    listener = config.listeners[0]
    assert (config.retry, config.breaker, listener.retry, listener.breaker) == (None,) * 4
    assert (IdempotencyConfig("key", 86_400), RetentionConfig(604_800, 2_592_000)) == (
        config.idempotency,
        config.retention,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry: {}", RetryConfig(3, "exponential", 0.5, 60.0, 0.1, ("error", "timeout"))),
        ("retry: {attempts: 5, backoff: fixed, base_s: 2}", RetryConfig(5, "fixed", 2.0)),
        ("retry: {jitter: 0, max_s: 7}", RetryConfig(jitter=0.0, max_s=7.0)),
        (
            "retry: {on: [timeout, ConnectionError, http.client.HTTPException]}",
            RetryConfig(on=("timeout", "ConnectionError", "http.client.HTTPException")),
        ),
    ],
)
def test_retries(text: str, expected: RetryConfig) -> None:
    assert expected == load(text).listeners[0].retry
    assert expected == load(rest=text).retry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("breaker: {}", BreakerConfig(5, 30.0, ("error", "timeout", "crashed"))),
        ("breaker: {failures: 2, open_s: 0.5, on: [OSError]}", BreakerConfig(2, 0.5, ("OSError",))),
    ],
)
def test_breakers(text: str, expected: BreakerConfig) -> None:
    assert expected == load(text).listeners[0].breaker
    assert expected == load(rest=text).breaker


def test_how_long_is_kept() -> None:
    config = load(
        rest="retention: {history_s: 60, dead_letters_s: 90}\nidempotency: {by: content, window_s: 5}"
    )
    assert RetentionConfig(60.0, 90.0) == config.retention
    assert IdempotencyConfig("content", 5.0) == config.idempotency


def test_crashes() -> None:
    assert (3, 7) == (load().limits.crashes, load(rest="limits: {crashes: 7}").limits.crashes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retry: 3", "retry: found 3, expected a mapping"),
        ("retry: {attempts: 0}", "retry.attempts: found 0, expected at least 1"),
        ("retry: {attemps: 2}", "retry: unknown key 'attemps'; did you mean 'attempts'?"),
        ("retry: {backoff: linear}", "retry.backoff: found 'linear', expected 'exponential' or 'fixed'"),
        ("retry: {base_s: -1}", "retry.base_s: found -1, expected at least 0"),
        ("retry: {jitter: 1.5}", "retry.jitter: found 1.5, expected at most 1"),
        ("retry: {on: []}", "retry.on: found a list, expected at least one item"),
        (
            "retry: {on: [timeouts]}",
            "retry.on[0]: found 'timeouts', expected error, timeout, crashed or an exception class, "
            "as ConnectionError; did you mean 'timeout'?",
        ),
        ("retry: {on: ['Connection Error']}", "retry.on[0]: found 'Connection Error', expected error"),
        ("breaker: {failures: none}", "breaker.failures: found 'none', expected a whole number"),
        ("breaker: {open_s: 0}", "breaker.open_s: found 0, expected more than 0"),
    ],
)
def test_what_nobody_can_keep_to(text: str, words: str) -> None:
    assert f"listeners[0].{words}" in fault(text)
    assert words in fault(rest=text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("idempotency: {by: id}", "idempotency.by: found 'id', expected 'key', 'content' or 'off'"),
        ("idempotency: {window: 5}", "unknown key 'window'; did you mean 'window_s'?"),
        ("retention: {history_s: 0}", "retention.history_s: found 0, expected more than 0"),
        ("retention: {dead_letters: 0}", "unknown key 'dead_letters'; did you mean 'dead_letters_s'?"),
        ("limits: {crashes: 0}", "limits.crashes: found 0, expected at least 1"),
    ],
)
def test_what_no_queue_can_keep_to(text: str, words: str) -> None:
    assert words in fault(rest=text)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((RetryConfig, {name: value}) for name in ("attempts", "base_s", "max_s", "jitter") for value in (-1, "2")),
        (RetryConfig, {"backoff": "linear"}),
        *((each, {"on": value}) for each in (RetryConfig, BreakerConfig) for value in ((), ("errors",), "error")),
        *((BreakerConfig, {name: value}) for name in ("failures", "open_s") for value in (0, -1, float("nan"))),
        (IdempotencyConfig, {"by": "id"}),
        (IdempotencyConfig, {"window_s": 0}),
        *((RetentionConfig, {name: value}) for name in ("history_s", "dead_letters_s") for value in (0, float("inf"))),
    ],
)  # fmt: skip
def test_what_is_built_in_code_is_held_to_the_same(kind: type[Any], options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        kind(**options)
