"""The payload against its listener's XSD.

Takes `payload_tree` and the target listener, or `metadata["schema"]` when used alone; changes nothing. What leaves the
organism was validated where it was written.
"""

from __future__ import annotations

from agentserver.errors import MissingInput, PayloadError
from agentserver.message_bus.guard import guard
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import Element, Schema, canonical, first_violation
from agentserver.wire.schemas import LARGE_BYTES


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
        data = canonical(tree)
    for schema in schemas:
        _validate(schema, tree, data)


def _schemas(state: MessageState) -> list[Schema]:
    if "schema" in state.metadata:
        return [state.metadata["schema"]]
    if state.target_listeners:
        return [target.schema for target in state.target_listeners]
    if state.message is not None and state.message.outbound:
        return []
    raise MissingInput("no schema: neither a target listener nor metadata['schema']")


def _validate(schema: Schema, tree: Element, data: bytes | None) -> None:
    violation = first_violation(schema, tree, data)
    if violation is not None:
        text, line = violation
        raise PayloadError(text, line=line)
