"""Assertions on what was sent, which explain themselves: what was expected, what was found, and in what they differ.

Takes what an organism sent and what failed in it; raises `AssertionError`. What is shown is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentserver.message_bus.message_state import MessageState
from agentserver.testing.differences import Difference, element_differences
from agentserver.testing.sent_message import PUMP, SentMessage
from agentserver.wire import Element
from agentserver.wire.parser import parse_again
from agentserver.xmlable import contract_of


def require_sent(
    sent: Sequence[SentMessage],
    failures: Sequence[MessageState],
    payload: Any,
    to: str | None,
    from_id: str | None,
) -> SentMessage:
    """Return the first message with this payload, as `Bus.assert_sent` has it."""
    nearest: list[Difference] | None = None
    for message in sent:
        if to not in (None, message.to_id) or from_id not in (None, message.from_id):
            continue
        differences = _differences(payload, message)
        if not differences:
            return message
        if nearest is None or len(differences) < len(nearest):
            nearest = differences
    ends = f"{from_id or 'anybody'} -> {to or 'anybody'}"
    lines = [f"expected a message {ends}: {_name(payload)}"]
    lines += [f"  the nearest differs: {each}" for each in nearest or ()]
    raise _failure(lines, sent, failures)


def require_refused(sent: Sequence[SentMessage], failures: Sequence[MessageState], code: str) -> MessageState:
    """Return the first failure with this code, as `Bus.assert_refused` has it."""
    for state in failures:
        if state.failure is not None and state.failure.code == code:
            return state
    raise _failure([f"expected a refusal: {code}"], sent, failures)


def require_none(sent: Sequence[SentMessage], failures: Sequence[MessageState]) -> None:
    """Check that nothing was sent, as `Bus.assert_nothing_sent` has it."""
    if any(message.from_id != PUMP for message in sent):
        raise _failure(["expected no message"], sent, failures)


def found_lines(sent: Sequence[SentMessage], failures: Sequence[MessageState]) -> list[str]:
    """Tell what was sent and what failed, one line each."""
    lines = [f"found {message}" for message in sent]
    lines += [f"found a refusal at {state.stage}: {state.error}" for state in failures]
    return lines or ["found nothing that was sent, and nothing that failed"]


def _failure(
    lines: list[str], sent: Sequence[SentMessage], failures: Sequence[MessageState]
) -> AssertionError:
    return AssertionError("\n".join([*lines, *found_lines(sent, failures)]))


def _differences(payload: Any, message: SentMessage) -> list[Difference]:
    if isinstance(payload, type):
        if isinstance(message.payload, payload):
            return []
        return [Difference(message.tag, payload.__name__, type(message.payload).__name__)]
    return element_differences(_element(payload), message.element, message.contract)


def _element(payload: Any) -> Element:
    if isinstance(payload, str | bytes):
        return parse_again(payload.encode() if isinstance(payload, str) else payload)
    if isinstance(payload, Element):
        return payload
    root: Element = payload.xml_value(contract_of(type(payload)).root_tag.rpartition("}")[2])
    return root


def _name(payload: Any) -> str:
    if isinstance(payload, type):
        return f"any {payload.__name__}"
    return f"<{str(_element(payload).tag).rpartition('}')[2]}>"
