"""The routing tables before the last reloads: what a message that came before one would have met.

Tells a message that a reload overtook (`ContractChanged`) from one that was bad anyway: both the new contract and the
one that it was sent under are asked. Looks at messages alone that failed and are older than the table. Keeps a bounded
number of tables, and none that nothing on its way can be older than.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agentserver.errors import AgentServerError, ContractChanged
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.routing import RoutingTable
from agentserver.wire import Element

MAX_GENERATIONS: Final = 64
"""Tables that are kept. A message that saw more reloads than that waiting, and is refused, was bad in any case."""

_STAGES: Final = frozenset(("routing_resolution", "xsd_validation", "deserialization"))
"""Where a message can fail by what a reload changed."""


class Generations:
    """Older tables, by version.

    Args:
        table: The live one.
    """

    __slots__ = ("_older", "_table")

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._older: dict[int, RoutingTable] = {}

    def __bool__(self) -> bool:
        """Say whether a message may be older than the table."""
        return bool(self._older)

    def turn(self, table: RoutingTable, *, idle: bool) -> None:
        """Let the live table become another.

        Args:
            table: What it is to become.
            idle: Whether no message is on its way.
        """
        before = self._table.become(table, keep_names=not idle)
        if idle:
            self._older.clear()
        else:
            self._older[before.version] = before
            for version in list(self._older)[:-MAX_GENERATIONS]:
                del self._older[version]

    def look_back(self, states: Iterable[MessageState]) -> None:
        """Say of those that failed, and that a reload overtook, that this is why."""
        for state in states:
            failure, message = state.failure, state.message
            if failure is None or message is None or message.outbound or state.stage not in _STAGES:
                continue
            older = self._older.get(message.version)
            if older is not None and _was_fit(state, older):
                state.failure = ContractChanged(failure)
                state.error = str(state.failure)


def _was_fit(state: MessageState, table: RoutingTable) -> bool:
    """Return whether a message would have been taken by the table of its time."""
    tree = state.payload_tree
    if tree is None:
        return False
    try:
        return any(_takes(listener, tree) for listener in _targets(state, table, str(tree.tag)))
    except AgentServerError:
        return False


def _targets(state: MessageState, table: RoutingTable, tag: str) -> list[Listener]:
    key = state.message.target if state.message is not None else None
    if state.target_listeners:
        key = state.target_listeners[0].root_tag  # by which the payload's root may have been named anew
    return table.pinned(key) if key is not None else table.find(state.to_id, tag, state.from_id)


def _takes(listener: Listener, tree: Element) -> bool:
    tag, wanted = tree.tag, listener.contract.root_tag
    tree.tag = wanted
    try:
        if not listener.schema.validate(tree):
            return False
        listener.contract.read(tree)
    except BaseException:  # noqa: BLE001  # an edge: the code of the class runs here, sys.exit and all
        return False
    finally:
        tree.tag = tag
    return True
