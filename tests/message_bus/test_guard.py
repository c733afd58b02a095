"""What stands around every step: a failure or a bug costs one message, and the first one stays."""

from __future__ import annotations

import logging

import pytest

from agentserver.errors import PayloadError, StepFailed, WireError
from agentserver.message_bus import MessageState
from agentserver.message_bus.guard import Step, guard


@guard("picky")
def picky(state: MessageState) -> None:
    if state.payload == "bad":
        raise PayloadError("not this one")
    if state.payload == "bug":
        raise ZeroDivisionError("oops")
    state.payload = "seen"


def test_a_guarded_body_is_a_step_with_a_name() -> None:
    assert isinstance(picky, Step)
    assert "picky" == picky.name


def test_a_step_is_called_with_one_state_and_gives_it() -> None:
    state = MessageState(payload="good")
    assert state is picky(state)
    assert "seen" == state.payload


async def test_a_call_may_be_awaited() -> None:
    assert "seen" == (await picky(MessageState(payload="good"))).payload


def test_a_typed_error_fails_the_message() -> None:
    state = picky(MessageState(payload="bad"))
    assert ("picky", "schema: not this one") == (state.stage, state.error)
    assert isinstance(state.failure, PayloadError)


def test_a_bug_fails_the_message_and_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        state = picky(MessageState(payload="bug"))
    assert isinstance(state.failure, StepFailed)
    assert isinstance(state.failure.__cause__, ZeroDivisionError)
    assert "step-failed: picky: ZeroDivisionError: oops" == state.error
    (record,) = caplog.records
    assert record.exc_info is not None


def test_one_failure_in_a_batch_leaves_the_others() -> None:
    batch = [MessageState(payload=payload) for payload in ("good", "bad", "bug", "good")]
    assert [None, "picky", "picky", None] == [state.stage or None for state in picky.over(batch)]


def test_a_batch_keeps_its_order() -> None:
    batch = [MessageState(payload="good") for _ in range(5)]
    assert batch == picky.over(batch)


def test_the_first_failure_stays() -> None:
    state = MessageState(payload="bad")
    state.fail("earlier", WireError("first"))
    picky(state)
    state.fail("later", WireError("last"))
    assert ("earlier", "syntax: first") == (state.stage, state.error)


def test_a_state_that_failed_is_not_touched() -> None:
    state = MessageState(payload="good")
    state.fail("earlier", WireError("first"))
    assert "good" == picky(state).payload
