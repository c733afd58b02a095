"""The routing table: which listeners take a payload, by address and root tag. Matching ignores case.

Knows listeners by their keys only. Looking up costs the same for one listener as for thousands.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping

from agentserver.errors import RoutingError
from agentserver.message_bus.listener import Listener


class RoutingTable(UserDict[str, list[Listener]]):
    """Keys are `{name}.{payload class}` in lower case; a broadcast key holds several listeners.

    Args:
        rows: Listeners by key, to begin with.
    """

    def __init__(self, rows: Mapping[str, list[Listener]] | None = None) -> None:
        self._by_tag: dict[str, dict[str, None]] = {}
        self._names: dict[str, int] = {}  # how many keys each name has
        super().__init__(rows or {})

    def __setitem__(self, key: str, listeners: list[Listener]) -> None:
        if key not in self.data:
            name, _, tag = key.rpartition(".")
            self._names[name] = self._names.get(name, 0) + 1
            self._by_tag.setdefault(tag, {})[key] = None
        self.data[key] = listeners

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        name, _, tag = key.rpartition(".")
        del self._by_tag[tag][key]
        self._names[name] -= 1
        if not self._names[name]:
            del self._names[name]

    def add(self, listener: Listener) -> None:
        """Enter a listener under its key, and under its parent's when it broadcasts."""
        self.setdefault(listener.root_tag, []).append(listener)
        if listener.broadcast and listener.parent_name:
            key = f"{listener.parent_name}.{listener.contract.root_tag}".lower()
            self.setdefault(key, []).append(listener)

    def find(self, to_id: str | None, tag: str) -> list[Listener]:
        """Return who takes a payload with root `tag` that is sent `to_id`.

        Args:
            to_id: A listener's name, or a name that broadcast listeners share; None to go by the tag alone, which is
                then a whole key (`greeter.greeting`) or a class that exactly one key takes.
            tag: Name of the payload's root element.

        Returns:
            The listeners of one key, at least one; not to be changed.

        Raises:
            RoutingError: `no-listener` takes it, or the tag alone is `ambiguous`.
        """
        if to_id is not None:
            found = self.data.get(f"{to_id}.{tag}".lower())
            if not found or "." in tag:  # `a` and <b.ping> is not `a.b` and <ping>
                raise RoutingError(f"no listener {to_id!r} takes <{tag}>")
            return found
        lowered = tag.lower()
        if lowered in self.data:
            return self.data[lowered]
        keys = self._by_tag.get(lowered, {})
        if len(keys) == 1:
            return self.data[next(iter(keys))]
        if keys:
            names = ", ".join(sorted(key.rpartition(".")[0] for key in keys)[:5])
            raise RoutingError(f"<{tag}> without <to> could be for any of {names}", code="ambiguous")
        raise RoutingError(f"no listener takes <{tag}>")

    def pinned(self, key: str) -> list[Listener]:
        """Return the one listener whose own key this is, leaving out those that share it by broadcasting."""
        return [listener for listener in self.data.get(key, ()) if listener.root_tag == key]

    def has_name(self, name: str) -> bool:
        """Return whether a listener bears `name`, or shares it by broadcasting."""
        return name.lower() in self._names
