"""How an agent is told to write to its peers: a card for each contract that it may send, in one text.

Takes what `visibility.py` lets an agent know of; gives the text, made when it is first asked for and again when the
routing table has become another. An agent that never asks costs nothing. May be asked from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from agentserver.errors import AgentServerError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.visibility import Visibility
from agentserver.xmlable.artefacts import prompt_text


class Usage:
    """Write the cards of one pump.

    Args:
        visibility: Says which listeners an agent may know of.
        table: The pump's routing table.
    """

    __slots__ = ("_askers", "_table", "_texts", "_visibility")

    def __init__(self, visibility: Visibility, table: RoutingTable) -> None:
        self._visibility, self._table = visibility, table
        self._texts: dict[str, tuple[int, str]] = {}
        self._askers: dict[str, Callable[[], str]] = {}

    def by(self, name: str) -> Callable[[], str]:
        """Return what gives the text for an agent, the same for each of its calls."""
        asker = self._askers.get(name)
        if asker is None:
            asker = self._askers[name] = partial(self.text, name)
        return asker

    def text(self, name: str) -> str:
        """Return the text for an agent."""
        edition = self._table.edition
        known = self._texts.get(name)
        if known is None or known[0] != edition:
            known = self._texts[name] = edition, self._written(name)
        return known[1]

    def _written(self, name: str) -> str:
        shown = self._visibility.shown_to(name)
        known = {each.name.lower() for each in shown}
        cards = [
            card_of(row, each.name, (peer for peer in row.peers if peer.lower() in known))
            for each in shown
            for row in {id(row.contract): row for row in each.rows}.values()
        ]
        cards += [card_of(row, row.name, ()) for row in self._table.rows_for(name)]
        return "\n".join(cards)


def card_of(row: Listener, address: str, may_call: Iterable[str]) -> str:
    """Return the card of one contract.

    Args:
        row: Who takes it.
        address: The name under which it is addressed.
        may_call: Whom it may address itself, as far as that may be known.
    """
    try:
        return prompt_text(row.contract, address, row.description, list(may_call))
    except AgentServerError as exc:  # the XSD of somebody else, which no outline can be made of
        return f"Listener {address}: its contract cannot be shown ({exc})\n"
