"""Who may ask `system.meta`, and which listeners they are shown.

Takes the flags of `meta:` and the listeners of one pump, which may become more; gives answers for one asker at a time.
The asker is a name that the pump vouches for: a listener's, or that of somebody outside. Never looks at a payload. May
be called from any thread.

A listener that keeps to peers is shown those alone. Everybody else who may ask is shown every listener of the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentserver.config import MetaAudience
from agentserver.config.permissions import Restriction, deciding
from agentserver.config.system_names import META
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.routing import RoutingTable


@dataclass(slots=True)
class Visible:
    """One address, with what may be sent to it.

    Attributes:
        name: The address: a listener's name, or the one that several share by broadcasting.
        rows: What takes a payload there, one for each contract.
    """

    name: str
    rows: list[Listener] = field(default_factory=list)


class Visibility:
    """Decide for one pump.

    Args:
        listeners: Its listeners by name.
        table: Its routing table.
    """

    __slots__ = ("_listeners", "_table")

    def __init__(self, listeners: Mapping[str, Listener], table: RoutingTable) -> None:
        self._listeners, self._table = listeners, table

    def may_ask(self, asker: str | None, audience: MetaAudience, contract: str) -> bool:
        """Return whether `asker` may send `system.meta` a payload of the class `contract`.

        Args:
            asker: A listener, or somebody outside.
            audience: The flag for that contract.
            contract: Name of the class.
        """
        if audience != "peers":
            return audience == "all"
        listener = self._listener(asker)
        peers = (listener.restriction or ()) if listener is not None else ()
        return deciding(peers, META, contract) is not None

    def shown_to(self, asker: str | None) -> list[Visible]:
        """Return what `asker` may know of, in the order in which it was registered."""
        peers = self._peers(asker)
        found: dict[str, Visible] = {}
        for row in self._rows():
            for address in _addresses(row) if peers is not None else (row.name,):
                if peers is None or _is_peer(row, address, peers):
                    found.setdefault(address.lower(), Visible(address)).rows.append(row)
        return list(found.values())

    def at(self, asker: str | None, address: str) -> Visible | None:
        """Return what stands at an address; None when nothing does, or nothing that `asker` may know of."""
        wanted = address.lower()
        return next((each for each in self.shown_to(asker) if each.name.lower() == wanted), None)

    def _rows(self) -> Iterator[Listener]:
        for key, rows in list(self._table.data.items()):  # in one step, as this may run in a worker thread
            for row in rows:
                if row.root_tag == key:  # not where it is listed once more, as it broadcasts
                    yield row

    def _peers(self, asker: str | None) -> Restriction:
        listener = self._listener(asker)
        return listener.restriction if listener is not None else None

    def _listener(self, name: str | None) -> Listener | None:
        if name is None:
            return None
        found = self._listeners.get(name)
        if found is not None:
            return found
        lowered = name.lower()
        rows = list(self._listeners.items())
        return next((row for each, row in rows if each.lower() == lowered), None)


def _addresses(row: Listener) -> tuple[str, ...]:
    """Return the names under which a row can be addressed."""
    return (row.name, row.parent_name) if row.broadcast and row.parent_name else (row.name,)


def _is_peer(row: Listener, address: str, peers: frozenset[str]) -> bool:
    return deciding(peers, address, row.contract.root_tag) is not None
