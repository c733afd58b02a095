"""The payloads of test cases, made into elements, and compared with what was sent.

Takes payloads as case files have them, and the organism's contracts; gives elements and differences. Raises
`ConfigError` with the file and the line where a payload is no XML, or does not fit the contract that it names.
"""

from __future__ import annotations

from agentserver.config.cases import Case, CasePayload, Expected
from agentserver.config.fault_log import did_you_mean
from agentserver.errors import AgentServerError, ConfigError, ConfigFault, WireError
from agentserver.message_bus.routing import RoutingTable
from agentserver.testing.differences import Difference, element_differences, value_differences
from agentserver.testing.sent_message import SentMessage
from agentserver.wire import Element, StrictParser
from agentserver.xmlable.json_notation import element_to_json, json_to_element


class CasePayloads:
    """The payloads of one case.

    Args:
        case: The case.
        table: Knows the contracts.
    """

    def __init__(self, case: Case, table: RoutingTable) -> None:
        self._case, self._table = case, table

    def element(self, payload: CasePayload) -> Element:
        """Make the element of a payload that is put in, or that a mock answers.

        Raises:
            ConfigError: It is no XML, or does not fit its contract.
        """
        if not payload.root:
            return self._parsed(payload)
        contracts = {str(row.contract.root_tag): row.contract for row in self._table.rows()}
        fitting = [each for tag, each in contracts.items() if _local(tag) == payload.root]
        if not fitting:
            near = did_you_mean(payload.root, map(_local, contracts))
            raise self._fault(payload, f"no listener takes <{payload.root}>{near}; write it as XML")
        if len(fitting) > 1:
            raise self._fault(
                payload, f"there are several <{payload.root}>; write it as XML, with its namespace"
            )
        try:
            return json_to_element(fitting[0].outline, payload.fields)
        except AgentServerError as exc:
            raise self._fault(payload, str(exc)) from exc

    def check(self, expected: Expected) -> None:
        """Refuse an expectation that nothing can meet.

        Raises:
            ConfigError: Its payload is no XML.
        """
        if expected.payload is not None and not expected.payload.root:
            self._parsed(expected.payload)

    def differences(self, expected: Expected, message: SentMessage) -> list[Difference]:
        """Say in what a message differs from an expected one; nothing when it is the one."""
        found = []
        if expected.from_id not in (None, message.from_id):
            found.append(Difference("from", str(expected.from_id), message.from_id))
        if expected.to_id not in (None, message.to_id):
            found.append(Difference("to", str(expected.to_id), str(message.to_id or "nobody by name")))
        if expected.payload is not None:
            found += self._payload_differences(expected.payload, message)
        return found

    def _payload_differences(self, payload: CasePayload, message: SentMessage) -> list[Difference]:
        if not payload.root:
            return element_differences(self._parsed(payload), message.element, message.contract)
        if payload.root != message.tag:
            return [Difference(payload.root, f"<{payload.root}>", f"<{message.tag}>")]
        if message.contract is None:
            return [Difference(payload.root, "a known contract", "none; write the payload as XML")]
        value = element_to_json(message.contract.outline, message.element)
        return value_differences(payload.fields, value, payload.root, message.contract)

    def _parsed(self, payload: CasePayload) -> Element:
        try:
            return StrictParser().parse(payload.text.strip().encode())
        except WireError as exc:
            raise self._fault(payload, f"no XML: {exc}") from exc

    def _fault(self, payload: CasePayload, message: str) -> ConfigError:
        return ConfigError([ConfigFault(self._case.file, payload.line, 0, message)])


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
