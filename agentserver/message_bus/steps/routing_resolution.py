"""Address and root tag to listeners.

Takes `to_id` and the root tag of `payload_tree`; gives `target_listeners`, and names the payload's root as the
contract does (`<greeter.greeting>` becomes `<Greeting>`). What leaves the organism has no listener and passes. An
outside sender that the envelope alone vouches for cannot bear a listener's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentserver.errors import MissingInput, RoutingError
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.routing import RoutingTable


def make_routing_step(routing_table: Mapping[str, list[Listener]]) -> Step:
    """Make the step that finds listeners.

    Args:
        routing_table: Listeners by key, as `config.routing_keys` has it. What is added to it later counts, too;
            a mapping that is no `RoutingTable` is indexed anew for every message.
    """
    indexed = routing_table if isinstance(routing_table, RoutingTable) else None

    @guard("routing_resolution")
    def route(state: MessageState) -> None:
        table = indexed if indexed is not None else RoutingTable(routing_table)
        if state.claimed and state.from_id and table.has_name(state.from_id):
            raise RoutingError(
                f"sender {state.from_id!r} is a listener here, which cannot be outside", code="false-sender"
            )
        message = state.message
        if message is not None:
            if message.outbound:
                return
            if message.target is not None:
                _take(state, table.pinned(message.target), message.target)
                return
        tree = state.payload_tree
        if tree is not None:
            tag = tree.tag
        elif state.payload is not None:
            tag = type(state.payload).__name__
        else:
            raise MissingInput("no payload_tree to route")
        found = table.find(state.to_id, tag, state.from_id)
        state.target_listeners = found[:]
        if tree is not None and tag != found[0].contract.root_tag:
            tree.tag = found[0].contract.root_tag

    return route


def _take(state: MessageState, found: list[Listener], key: str) -> None:
    """Route to the one listener that was found before the message waited."""
    if not found:
        raise RoutingError(f"no listener {key!r} is left")
    state.target_listeners = found
    tree, tag = state.payload_tree, found[0].contract.root_tag
    if tree is not None and tree.tag != tag:
        tree.tag = tag
