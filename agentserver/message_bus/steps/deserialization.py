"""The payload as an instance of its contract.

Takes `payload_tree` and the target listener, or `metadata["payload_class"]` when used alone; gives `payload`. What
leaves the organism stays a tree.
"""

from __future__ import annotations

from agentserver.errors import MissingInput
from agentserver.message_bus.guard import guard
from agentserver.message_bus.message_state import MessageState
from agentserver.xmlable import contract_of


@guard("deserialization")
def deserialization_step(state: MessageState) -> None:
    """Read the payload."""
    tree = state.payload_tree
    if tree is None:
        raise MissingInput("no payload_tree to read")
    targets = state.target_listeners
    if targets:
        state.payload = targets[0].contract.read(tree)
    elif "payload_class" in state.metadata:
        state.payload = contract_of(state.metadata["payload_class"]).read(tree)
    elif state.message is None or not state.message.outbound:
        raise MissingInput("no payload_class: neither a target listener nor metadata['payload_class']")
