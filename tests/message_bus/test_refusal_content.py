"""What a refusal says of a failure, to anybody and to the author of what failed."""

from __future__ import annotations

import pytest

from agentserver import Huh, MessageState, SystemError_
from agentserver.errors import (
    AgentServerError,
    BadReply,
    BudgetExceeded,
    HandlerFailed,
    HandlerTimedOut,
    PayloadError,
    PayloadFault,
    RoutingError,
    StepFailed,
    WireError,
)
from agentserver.message_bus.refusal_content import Corrections, to_anybody
from agentserver.message_bus.routing import RoutingTable

NO_LISTENER = "there is no such listener, or it is not for you to address"


class NotAllowed(BadReply):
    code = "not-allowed"


def to_author(failure: AgentServerError, cause: Exception | None = None, stage: str = "replies") -> Huh:
    failure.__cause__ = cause
    state = MessageState()
    state.fail(stage, failure)
    return Corrections(RoutingTable()).to_author(state, None, 2)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (RoutingError("no listener 'bank' takes <Pay>"), None),
        (RoutingError("'bank' is no peer", code="not-allowed"), None),
        (NotAllowed("agent", "'bank' is no peer"), None),
        (BadReply("agent", "'bank' is no peer"), RoutingError("'bank' is no peer", code="not-allowed")),
    ],
)
def test_no_listener_and_not_allowed_are_told_in_the_same_words(
    failure: AgentServerError, cause: Exception | None
) -> None:
    assert Huh("no-listener", NO_LISTENER, left=2) == to_author(failure, cause)
    if cause is None:
        assert Huh("no-listener", NO_LISTENER) == to_anybody(failure)


def test_an_author_is_told_of_several_faults_in_bounded_length() -> None:
    faults = [PayloadFault(f"A/B[{number}]", "'x'", "an int", line=number) for number in range(1, 6)]
    told = to_author(PayloadError.of(faults), stage="xsd_validation")
    assert "; ".join(fault.words for fault in faults) == told.reason
    assert ("A/B[1]", "'x'", "an int") == (told.path, told.found, told.expected)
    long = [PayloadFault(f"A/{number}" * 100, "'x'", "an int") for number in range(5)]
    assert len(to_author(PayloadError.of(long)).reason) <= 500


def test_who_else_takes_it_is_not_told() -> None:
    ambiguous = RoutingError("<Pay> could be for any of bank, safe", code="ambiguous")
    assert "bank" not in to_author(BadReply("agent", ambiguous.detail), ambiguous).reason


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (WireError("line 3: swordfish"), Huh("syntax", "the message is no well-formed XML")),
        (PayloadError(path="A", found="swordfish", expected="b"), Huh("schema", "the message breaks its schema")),
        (WireError("swordfish", code="depth"), Huh("depth", "the message was refused")),
        (HandlerFailed("bank", "swordfish"), SystemError_("handler-failed", "whoever it was for could not handle it")),
        (HandlerTimedOut("bank", "swordfish"), SystemError_("handler-timeout", "no answer came in time")),
        (StepFailed("c14n", "swordfish"), SystemError_("handler-failed", "whoever it was for could not handle it")),
        (BudgetExceeded("hops", 3, 2), SystemError_("budget", "the conversation has used up its budget")),
        (
            RoutingError("more than 9 hops", code="hop-limit"),
            SystemError_("hop-limit", "the path of the message has become too long"),
        ),
    ],
)  # fmt: skip
def test_anybody_is_told_a_code_and_a_general_reason(
    failure: AgentServerError, told: Huh | SystemError_
) -> None:
    assert told == to_anybody(failure)


def test_an_author_is_told_what_no_xml_can_hold_by_its_replacement() -> None:
    told = to_author(PayloadError(path="A", found="a\x00\ud800b", expected="text"), stage="xsd_validation")
    assert "a\ufffd\ufffdb" == told.found
