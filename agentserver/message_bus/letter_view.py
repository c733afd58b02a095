"""A dead letter as people look at it: without what only the handler may see.

Takes a dead letter and the routing table; gives text. Masking needs a contract, and a contract needs a message that
was parsed and that somebody takes: of all others, the size and the digest are told, and nothing of what is in
them. The letter itself keeps its bytes. Never raises.
"""

from __future__ import annotations

from agentserver.errors import RoutingError, WireError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.routing import RoutingTable
from agentserver.queues import DeadLetter
from agentserver.wire import MESSAGE, META, TO, Element, StrictParser, canonical
from agentserver.xmlable.secrets import masked, masked_bytes


def shown_document(letter: DeadLetter, data: bytes, table: RoutingTable, parser: StrictParser) -> str:
    """Return a whole message as text, with `***` for its secrets.

    Args:
        letter: The dead letter.
        data: Its bytes, as they were sent or in canonical form.
        table: Knows the contracts.
        parser: Keeps the limits of the organism.

    Returns:
        The text as it is, where nothing in it can be secret; in canonical form, masked; or its size and digest, where
        there are secrets in the organism and nobody can tell whether there are any in it.
    """
    if not table.secret_names:
        return data.decode("utf-8", "backslashreplace")
    try:
        root = parser.parse(data)
        payload, to_id = _payload(root)
        rows = _rows(letter, table, payload, to_id)
        if not rows:
            return masked_bytes(data)
        if not any(row.secret_names for row in rows):
            return data.decode("utf-8", "backslashreplace")
        shown = payload
        for row in (row for row in rows if row.secret_names):
            shown = masked(row.contract.outline, shown)
        if payload is root:
            return canonical(shown).decode()
        root.replace(payload, shown)
        return canonical(root).decode()
    except (WireError, RoutingError):
        return masked_bytes(data)


def _payload(root: Element) -> tuple[Element, str | None]:
    """Give the payload, and the address that its envelope names."""
    if root.tag != MESSAGE:
        return root, None
    if len(root) != 2 or root[0].tag != META:
        raise WireError("no envelope around one payload", code="schema")
    return root[1], root[0].findtext(TO)


def _rows(letter: DeadLetter, table: RoutingTable, payload: Element, to_id: str | None) -> list[Listener]:
    if letter.message.target is not None:
        return table.pinned(letter.message.target)
    return table.find(to_id, str(payload.tag), letter.sender)
