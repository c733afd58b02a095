"""A listener that keeps failing is left alone for a while; its messages wait, and nobody else's do. In virtual time."""

from __future__ import annotations

import logging
import math

import pytest

from agentserver.config import BreakerConfig
from agentserver.errors import AgentServerError, BadReply, Cancelled, HandlerFailed
from agentserver.message_bus import MessageState
from agentserver.message_bus.breaker import Breaker

CONFIG = BreakerConfig(failures=3, open_s=30.0)


def ended(breaker: Breaker, now: float, failure: AgentServerError | None = None) -> None:
    """Make a call that ends at once."""
    state = begun(breaker)
    end(breaker, state, now, failure)


def begun(breaker: Breaker) -> MessageState:
    state = MessageState()
    breaker.begin(state)
    return state


def end(breaker: Breaker, state: MessageState, now: float, failure: AgentServerError | None = None) -> None:
    if failure is not None:
        state.fail("dispatch", failure)
    breaker.end(state, now)


def down() -> HandlerFailed:
    return HandlerFailed("echo", "OSError: down", OSError)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker("echo", CONFIG)
    for _ in range(3):
        ended(breaker, at, down())
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker("echo", CONFIG)
    for _ in range(2):
        ended(breaker, 0, down())
    ended(breaker, 0)
    for _ in range(2):
        ended(breaker, 0, down())
    assert (breaker.state(0), breaker.wait_s(0)) == ("closed", 0)
    ended(breaker, 5, down())
    assert (breaker.state(5), breaker.wait_s(5), breaker.wait_s(30)) == ("open", 30, 5)


def test_one_is_tried_when_its_time_is_up_and_the_others_wait_for_that() -> None:
    breaker = opened()
    assert (breaker.state(30), breaker.wait_s(30)) == ("half-open", 0)
    begun(breaker)
    assert (breaker.state(30), breaker.wait_s(31)) == ("half-open", math.inf)


def test_it_closes_when_the_probe_is_handled() -> None:
    breaker = opened()
    ended(breaker, 30)
    assert breaker.state(30) == "closed"
    ended(breaker, 31, down())
    assert breaker.state(31) == "closed"


def test_it_is_open_for_as_long_again_when_the_probe_fails() -> None:
    breaker = opened()
    ended(breaker, 40, down())
    assert (breaker.state(69), breaker.wait_s(60)) == ("open", 10)


def test_what_was_begun_before_it_opened_decides_nothing() -> None:
    breaker = Breaker("echo", CONFIG)
    early = [begun(breaker) for _ in range(3)]
    for _ in range(3):
        ended(breaker, 0, down())
    end(breaker, early[0], 1)
    assert breaker.state(1) == "open"
    probe = begun(breaker)
    end(breaker, early[1], 31)
    end(breaker, early[2], 31, down())
    assert breaker.wait_s(31) == math.inf
    end(breaker, probe, 32)
    assert breaker.state(32) == "closed"


@pytest.mark.parametrize("failure", [BadReply("echo", "returned 7"), HandlerFailed("echo", "x", ValueError)])
def test_failures_that_are_not_named_show_that_it_can_be_called(failure: AgentServerError) -> None:
    breaker = Breaker("echo", BreakerConfig(failures=1, on=("OSError",)))
    ended(breaker, 0, failure)
    assert breaker.state(0) == "closed"
    ended(breaker, 0, down())
    ended(breaker, 30, failure)
    assert breaker.state(30) == "closed"


def test_a_probe_that_was_cancelled_decides_nothing() -> None:
    breaker = opened()
    ended(breaker, 30, Cancelled("t"))
    assert (breaker.state(30), breaker.wait_s(30)) == ("half-open", 0)


def test_opening_and_closing_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ended(opened(), 30)
    assert [record.getMessage() for record in caplog.records] == [
        "breaker open: the listener is not called for a while",
        "breaker closed",
    ]
