"""Whether a listener may send what it means to: the rule of `config.permissions`, kept to for each of its messages.

Takes the listener that sends, and the address; gives the address, or raises what is told of one where nobody is: who
may not address a listener is not to know that it exists. Which of the two it was, the error's class says, and the
audit. A verdict is remembered, as it depends on nothing that changes: it takes one look on every later message.
"""

from __future__ import annotations

from typing import Final

from agentserver.config.permissions import deciding
from agentserver.config.routing_keys import split_key
from agentserver.errors import NotAllowed, RoutingError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.peer_tags import peer_for
from agentserver.message_bus.routing import RoutingTable, nobody_takes

MAX_REMEMBERED: Final = 1_000
"""Verdicts that are remembered for each listener: a handler may make up any number of addresses."""


def permitted(table: RoutingTable, sender: Listener, to_id: str | None, tag: str) -> str | None:
    """Return whom a listener that keeps to its peers sends a payload to.

    Args:
        table: Knows who takes what.
        sender: The listener, with a restriction.
        to_id: What it said; None leaves it to the tag.
        tag: Root tag of the payload, in Clark notation.

    Returns:
        The address; None for a tag that is a whole key.

    Raises:
        NotAllowed: There is such a listener, and it is no peer.
        RoutingError: Nobody takes it.
        BadReply: Several peers take it.
    """
    if to_id is None:
        return _by_tag(table, sender, tag)
    if (to_id, tag) not in sender.allowed:
        if not _is_peer(sender, to_id, tag):
            raise _refusal(table, sender, to_id, tag)
        if len(sender.allowed) >= MAX_REMEMBERED:
            sender.allowed.clear()
        sender.allowed.add((to_id, tag))
    return to_id


def _by_tag(table: RoutingTable, sender: Listener, tag: str) -> str | None:
    peer = peer_for(table, sender, tag)
    if peer is not None:
        return peer
    if tag.lower() in table.data and _is_peer(sender, *split_key(tag.lower())):
        return None
    raise _refusal(table, sender, None, tag)


def _is_peer(sender: Listener, name: str, tag: str) -> bool:
    if sender.is_agent and name.lower() == sender.name.lower():
        return True
    return deciding(sender.restriction or (), name, tag) is not None


def _refusal(table: RoutingTable, sender: Listener, to_id: str | None, tag: str) -> RoutingError:
    try:
        table.find(to_id, tag, sender.name)
    except RoutingError as exc:
        if exc.code != "ambiguous":  # which would tell of those who take it
            return exc
    return NotAllowed(nobody_takes(to_id, tag))
