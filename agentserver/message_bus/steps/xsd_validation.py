"""The payload against its listener's XSD.

Takes `payload_tree` and the target listener, or `metadata["schema"]` when used alone; changes nothing. What leaves the
organism was validated where it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lxml import etree

from agentserver.errors import AgentServerError, MissingInput, PayloadError, PayloadFault
from agentserver.message_bus.guard import guard
from agentserver.message_bus.input_lines import line_in_payload
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import Schema, Violation, violations_of
from agentserver.wire.schemas import LARGE_BYTES
from agentserver.wire.value_type import ValueType
from agentserver.wire.violations import TypeOf
from agentserver.xmlable.outline_places import text_at

if TYPE_CHECKING:
    from agentserver.message_bus.listener import Listener


@guard("xsd_validation")
def xsd_validation_step(state: MessageState) -> None:
    """Validate the payload against the schema of each target."""
    tree = state.payload_tree
    if tree is None:
        raise MissingInput("no payload_tree to validate")
    targets = state.target_listeners
    if targets and len(targets) == 1 and not state.metadata:
        schemas: list[Schema] = [targets[0].schema]
    else:
        schemas = _schemas(state)
    data = None
    if state.canonical is None or len(state.canonical) > LARGE_BYTES:
        # not the canonical form: values may use prefixes that no name does
        data = etree.tostring(tree, encoding="utf-8", with_tail=False)
    for schema in schemas:
        violations = violations_of(schema, tree, data, _type_of(targets))
        if violations:
            raise PayloadError.of([_fault(state, violation) for violation in violations])


def _fault(state: MessageState, violation: Violation) -> PayloadFault:
    line = line_in_payload(state, violation.element)
    return PayloadFault(violation.path, violation.found, violation.expected, line)


def _type_of(targets: list[Listener] | None) -> TypeOf | None:
    """Return what knows the types of a contract, for the words of a violation: looked at only when there is one."""
    if not targets:
        return None
    contract = targets[0].contract

    def type_of(tags: Sequence[str], attribute: str) -> ValueType | None:
        try:
            text = text_at(contract.outline, tags, attribute)
        except AgentServerError:  # the XSD of somebody else, which no outline can be made of
            return None
        if text is None:
            return None
        return ValueType(text.base, text.name, text.lexical, text.multiple_of)

    return type_of


def _schemas(state: MessageState) -> list[Schema]:
    if "schema" in state.metadata:
        return [state.metadata["schema"]]
    if state.target_listeners:
        return [target.schema for target in state.target_listeners]
    if state.message is not None and state.message.outbound:
        return []
    raise MissingInput("no schema: neither a target listener nor metadata['schema']")
