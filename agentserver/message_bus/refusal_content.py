"""What a refusal says, and to whom how much.

Takes a failed state; gives a `Huh` or a `SystemError_`. Anybody is told a code and a general reason, which are the
same for a listener that is not there and for one that the sender may not address. The author of an output that broke
a contract is told where and how, what the contract wants, and an example. What is told was veiled before; every text
is cut, and is one that XML can hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from agentserver.core import Huh, SystemError_
from agentserver.errors import (
    AgentServerError,
    BadReply,
    BindingError,
    BudgetExceeded,
    ContractError,
    GateError,
    HandlerTimedOut,
    PayloadError,
    RoutingError,
    shorten,
)
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.routing import RoutingTable
from agentserver.xmlable.correction import correction
from agentserver.xmlable.foreign import AnyContract

NO_LISTENER: Final = "no-listener"
HOP_LIMIT: Final = "hop-limit"
REPLIES: Final = "replies"
"""The stage at which the output of a handler fails that cannot become a message."""
MAX_PART: Final = 200
"""Longest path, value and expectation, in characters."""
MAX_REMEMBERED: Final = 256
"""Contracts whose elements and example are remembered: those of a large foreign schema take long to write."""

_HIDDEN: Final = frozenset((NO_LISTENER, "not-allowed"))
"""Codes between which nobody is to tell a difference."""
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NO_LISTENER: "there is no such listener, or it is not for you to address",
        "ambiguous": "the payload could be for several listeners; name one in <to>",
        "schema": "the message breaks its schema",
        "binding": "the message breaks its schema",
        "syntax": "the message is no well-formed XML",
        "privileged": "such messages are sent by the organism alone",
        "handler-timeout": "no answer came in time",
        "handler-failed": "whoever it was for could not handle it",
        "budget": "the conversation has used up its budget",
        HOP_LIMIT: "the path of the message has become too long",
    }
)
_REFUSED: Final = "the message was refused"
_UNFIT_FOR_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_huh(failure: AgentServerError) -> bool:
    """Return whether a message failed for what it is, and not for what became of it."""
    return isinstance(failure, GateError | BindingError | BadReply) and failure.code != HOP_LIMIT


def to_anybody(failure: AgentServerError) -> Huh | SystemError_:
    """Return what the sender of a failed message is told who may know no more than that it failed."""
    if not is_huh(failure):
        return of_what_followed(failure)
    code = failure.code
    if code in _HIDDEN or code == "ambiguous":
        code = NO_LISTENER
    return Huh(code, _REASONS.get(code, _REFUSED))


def of_what_followed(failure: AgentServerError) -> SystemError_:
    """Return what somebody is told of whose good message something followed that failed."""
    code = "handler-failed"
    if isinstance(failure, HandlerTimedOut | BudgetExceeded) or failure.code == HOP_LIMIT:
        code = failure.code
    return SystemError_(code, _REASONS.get(code, _REFUSED))


class Corrections:
    """Tell authors what was wrong with their output.

    Args:
        table: Knows the contracts.
    """

    __slots__ = ("_table", "_texts")

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._texts: dict[int, tuple[AnyContract, str, str]] = {}

    def to_author(self, state: MessageState, result: Any, left: int) -> Huh:
        """Return what the listener is told whose output failed.

        Args:
            state: The output, failed at the gate; or the message to which it was the answer.
            result: What the handler returned, when that could not become a message.
            left: How often it will be told again.
        """
        failure = state.failure
        assert failure is not None
        at_fault = failure.__cause__ if isinstance(failure.__cause__, AgentServerError) else failure
        code = _hidden_code(failure, at_fault)
        if code is not None:
            return Huh(code, _REASONS.get(code, _REFUSED), left=left)
        told = Huh(failure.code, _fit(_words(failure)), left=left)
        if state.stage == REPLIES:  # else it is a line of what the pump wrote
            told.line = getattr(at_fault, "line", 0) or None
        if isinstance(at_fault, PayloadError | BindingError) and at_fault.path:
            told.path, told.found = _fit(at_fault.path, MAX_PART), _fit(at_fault.found, MAX_PART)
            told.expected = _fit(at_fault.expected, MAX_PART)
        contract = self._contract(state, result, told.path)
        if contract is not None:
            elements, example = self._correction(contract)
            told.elements, told.example = elements or None, example or None
        return told

    def _contract(self, state: MessageState, result: Any, path: str | None) -> AnyContract | None:
        """Give the contract that was broken: the target's, or that of the one payload which the path may be in."""
        if state.stage != REPLIES:
            return state.target_listeners[0].contract if state.target_listeners else None
        found: dict[int, AnyContract] = {}
        for response in result if isinstance(result, list | tuple) else (result,):
            try:
                contract = self._table.contract_of(type(getattr(response, "payload", None)))
            except (ContractError, TypeError):
                continue
            if path is None or path.partition("/")[0] == contract.outline.local_name:
                found[id(contract)] = contract
        return next(iter(found.values())) if len(found) == 1 else None

    def _correction(self, contract: AnyContract) -> tuple[str, str]:
        known = self._texts.get(id(contract))
        if known is None:
            if len(self._texts) >= MAX_REMEMBERED:
                self._texts.clear()
            known = self._texts[id(contract)] = (contract, *_made(contract))
        return known[1:]


def _words(failure: AgentServerError) -> str:
    """Say all that is wrong; without lines, which are mostly those of what the pump wrote."""
    words: str = getattr(failure, "detail", str(failure))
    further = failure.further if isinstance(failure, PayloadError) else ()
    return "; ".join([words, *(each.words for each in further)])


def _made(contract: AnyContract) -> tuple[str, str]:
    try:
        elements, example = correction(contract.outline)
    except AgentServerError:  # the XSD of somebody else, which no outline can be made of
        return "", ""
    return _UNFIT_FOR_XML.sub("\ufffd", elements), example


def _hidden_code(failure: AgentServerError, at_fault: BaseException) -> str | None:
    """Return the code of a failure that is told to its author without words, as they name other listeners."""
    codes = {failure.code, getattr(at_fault, "code", "")}
    if codes & _HIDDEN:
        return NO_LISTENER
    if isinstance(at_fault, RoutingError):
        return at_fault.code
    return None


def _fit(text: str, limit: int = 500) -> str:
    return _UNFIT_FOR_XML.sub("\ufffd", shorten(text, limit))
