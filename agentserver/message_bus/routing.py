"""The routing table: which listeners take a payload, by address and root tag. Matching ignores case.

Knows listeners by their keys only. Looking up costs the same for one listener as for thousands.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentserver.errors import RoutingError
from agentserver.message_bus.listener import Listener


class RoutingTable(dict[str, list[Listener]]):
    """Keys are `{name}.{payload class}` in lower case; a broadcast key holds several listeners."""

    def __init__(self, rows: Mapping[str, list[Listener]] | None = None) -> None:
        super().__init__(rows or {})
        self._by_tag: dict[str, list[str]] = {}
        self._names: set[str] = set()
        for key in self:
            self._index(key)

    def add(self, listener: Listener) -> None:
        """Enter a listener under its key, and under its parent's when it broadcasts."""
        self._enter(listener.root_tag, listener)
        if listener.broadcast and listener.parent_name:
            self._enter(f"{listener.parent_name}.{listener.contract.root_tag}".lower(), listener)

    def find(self, to_id: str | None, tag: str) -> list[Listener]:
        """Return who takes a payload with root `tag` that is sent `to_id`.

        Args:
            to_id: A listener's name, or a name that broadcast listeners share; None to go by the tag alone, which is
                then a whole key (`greeter.greeting`) or a class that exactly one key takes.
            tag: Local name of the payload's root element.

        Raises:
            RoutingError: Nobody does, or the tag alone does not say who.
        """
        if to_id is not None:
            found = self.get(f"{to_id}.{tag}".lower())
            if found is None:
                raise RoutingError(f"no listener {to_id!r} takes <{tag}>")
            return found
        lowered = tag.lower()
        if lowered in self:
            return self[lowered]
        keys = self._by_tag.get(lowered, [])
        if len(keys) == 1:
            return self[keys[0]]
        if keys:
            raise RoutingError(f"<{tag}> without <to> could be for any of {', '.join(sorted(keys)[:5])}")
        raise RoutingError(f"no listener takes <{tag}>")

    def pinned(self, key: str) -> list[Listener]:
        """Return the one listener whose own key this is, leaving out those that share it by broadcasting."""
        return [listener for listener in self.get(key, ()) if listener.root_tag == key]

    def has_name(self, name: str) -> bool:
        """Return whether a listener bears `name`, or shares it by broadcasting."""
        return name.lower() in self._names

    def _enter(self, key: str, listener: Listener) -> None:
        if key not in self:
            self[key] = []
            self._index(key)
        self[key].append(listener)

    def _index(self, key: str) -> None:
        name, _, tag = key.rpartition(".")
        self._names.add(name)
        self._by_tag.setdefault(tag, []).append(key)
