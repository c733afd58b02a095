"""Run one test case in an organism of its own, in virtual time, and say what is not as it was expected.

Takes a configuration and a case; gives an outcome with lines for a person. Two cases share what the handlers' modules
keep, and nothing else. Raises `ConfigError` for a case that cannot be run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentserver.config import OrganismConfig
from agentserver.config.cases import Case, CaseInput, CaseMock, Expected
from agentserver.message_bus.message_state import HandlerResponse, MessageState
from agentserver.testing.assertions import found_lines
from agentserver.testing.case_payloads import CasePayloads
from agentserver.testing.differences import Difference
from agentserver.testing.mocks import Mock
from agentserver.testing.organism import organism
from agentserver.testing.sent_message import PUMP, SentMessage
from agentserver.testing.virtual_time import in_virtual_time


class MockFailed(Exception):
    """What a mock raises that a case lets fail."""


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What became of a case: it passed when nothing is wrong.

    Args:
        case: The case.
        wrong: What is not as expected, one line each, and what was found; masked.
    """

    case: Case
    wrong: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.wrong


def run_case(config: OrganismConfig, case: Case) -> CaseOutcome:
    """Run a case.

    Args:
        config: The organism.
        case: The case.

    Raises:
        ConfigError: A payload in the file is no XML, or does not fit its contract.
    """
    return in_virtual_time(_run(config, case))


async def _run(config: OrganismConfig, case: Case) -> CaseOutcome:
    mocks = {name: Mock(None) for name in case.mocks}
    async with organism(config, mocks) as bus:
        payloads = CasePayloads(case, bus.pump.routing_table)
        for expected in case.expected:
            payloads.check(expected)
        for name, mock in case.mocks.items():
            mocks[name].answer = _answer(mock, payloads)
        for each in case.inputs:
            await bus.send(_written(each, payloads), each.to_id, each.from_id)
            await bus.settled()
        sent = bus.sent
        wrong = [*_wrong_messages(case, payloads, sent), *_wrong_failures(case, bus.failures)]
    return CaseOutcome(case, (*wrong, *found_lines(sent, bus.failures)) if wrong else ())


def _answer(mock: CaseMock, payloads: CasePayloads) -> Any:
    if mock.failure is not None:
        return MockFailed(mock.failure)
    return [HandlerResponse.respond(payloads.element(each)) for each in mock.replies]


def _written(given: CaseInput, payloads: CasePayloads) -> Any:
    """Give what is injected: text goes in as it stands, so that a case may inject what is no XML."""
    return payloads.element(given.payload) if given.payload.root else given.payload.text.strip()


def _wrong_messages(case: Case, payloads: CasePayloads, sent: Sequence[SentMessage]) -> list[str]:
    by_handlers = [message for message in sent if message.from_id != PUMP]
    if case.expect_none:
        return [f"expected no message, found {len(by_handlers)}"] if by_handlers else []
    rest, wrong, begin = list(sent), list[str](), 0
    for expected in case.expected:
        candidates = range(0 if case.any_order else begin, len(rest))
        differences = [(index, payloads.differences(expected, rest[index])) for index in candidates]
        match = next((index for index, each in differences if not each), None)
        if match is None:
            wrong += _missing(case, expected, [each for _, each in differences])
        else:
            del rest[match]
            begin = match
    if case.exactly and not wrong:
        wrong += [f"expected no other message: {message}" for message in rest if message in by_handlers]
    return wrong


def _missing(case: Case, expected: Expected, differences: list[list[Difference]]) -> list[str]:
    after = "" if case.any_order or expected is case.expected[0] else " behind the one before"
    payload = expected.payload
    what = f": {f'<{payload.root}>' if payload.root else 'the payload'}" if payload is not None else ""
    ends = f"{expected.from_id or 'anybody'} -> {expected.to_id or 'anybody'}"
    nearest = min(differences, key=len, default=[])
    return [
        f"{case.file}:{expected.line}: expected a message{after}, {ends}{what}",
        *(f"  the nearest differs: {each}" for each in nearest),
    ]


def _wrong_failures(case: Case, failures: Sequence[MessageState]) -> list[str]:
    codes = [state.failure.code for state in failures if state.failure is not None]
    if case.refusal and case.refusal not in codes:
        return [f"expected a refusal: {case.refusal}, found {', '.join(codes) or 'none'}"]
    unexpected = [code for code in codes if code != case.refusal]
    return [f"expected no refusal, found {code}" for code in unexpected]
