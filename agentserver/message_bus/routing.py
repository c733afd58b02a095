"""The routing table: which listeners take a payload, by address and root tag.

Matching ignores case, but for tags with a namespace. Knows listeners by their keys only. Looking up costs the same for
one listener as for thousands.

Rows that are for some senders alone stand beside the table: they are no items of it, and to anybody else they are not
there at all. What everybody can reach goes first.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, TypeAlias

from agentserver.config.routing_keys import folded_tag, routing_key, shown_tag, split_key
from agentserver.config.system_names import KEPT, META
from agentserver.core import Huh
from agentserver.errors import RoutingError
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.privileged import refuse_privileged
from agentserver.xmlable import contract_of
from agentserver.xmlable.foreign import AnyContract, ForeignContract

Admits: TypeAlias = Callable[[str | None], bool]
"""Takes a sender that the pump vouches for; says whether a row is there for them."""


class RoutingTable(UserDict[str, list[Listener]]):
    """Keys are `{name}.{root tag}`, as `routing_keys` has it; a broadcast key holds several listeners.

    Args:
        rows: Listeners by key, to begin with.
    """

    def __init__(self, rows: Mapping[str, list[Listener]] | None = None) -> None:
        self._by_tag: dict[str, dict[str, None]] = {}
        self._names: dict[str, int] = {}  # how many keys each name has
        self._for_some: dict[str, tuple[Listener, Admits]] = {}
        self._for_refusals: dict[str, Listener] = {}
        self._foreign: dict[type[Any], AnyContract] = {}
        self.version = 0
        """How often it became another, at a reload."""
        self.edition = 0
        """How often anything in it changed."""
        self.secret_names: frozenset[str] = frozenset()
        """The names of what is secret in any payload that was ever taken here."""
        super().__init__(rows or {})

    def __setitem__(self, key: str, listeners: list[Listener]) -> None:
        if key not in self.data:
            name, tag = split_key(key)
            self._names[name] = self._names.get(name, 0) + 1
            self._by_tag.setdefault(tag, {})[key] = None
        self.data[key] = listeners
        self.edition += 1
        self.secret_names = self.secret_names.union(*(listener.secret_names for listener in listeners))

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        name, tag = split_key(key)
        del self._by_tag[tag][key]
        self._names[name] -= 1
        if not self._names[name]:
            del self._names[name]

    def add(self, listener: Listener) -> None:
        """Enter a listener under its key, and under its parent's when it broadcasts."""
        self.edition += 1
        self.setdefault(listener.root_tag, []).append(listener)
        self.secret_names |= listener.secret_names
        if isinstance(listener.contract, ForeignContract):
            self._foreign.setdefault(listener.contract.cls, listener.contract)
        if listener.broadcast and listener.parent_name:
            key = routing_key(listener.parent_name, listener.contract.root_tag)
            self.setdefault(key, []).append(listener)

    def add_for(self, listener: Listener, admits: Admits) -> None:
        """Enter a listener for those senders alone that `admits` lets through."""
        self.edition += 1
        self._for_some[listener.root_tag] = (listener, admits)

    def add_for_refusals(self, listener: Listener) -> None:
        """Enter what a listener takes refusals with: nobody finds it, and only the pump sends to it, by its key."""
        self._for_refusals[listener.root_tag] = listener

    def refusal_key(self, name: str, cls: type[Any]) -> str:
        """Return the key by which a listener takes refusals of a class."""
        return routing_key(name, contract_of(cls).root_tag)

    def takes_refusals(self, name: str) -> bool:
        """Return whether a listener takes refusals."""
        return bool(self._for_refusals) and self.refusal_key(name, Huh) in self._for_refusals

    def forget_for_some(self) -> None:
        """Take out every row that is for some senders alone."""
        self.edition += 1
        self._for_some = {}

    def rows_for(self, sender: str) -> list[Listener]:
        """Return the rows for some senders that are there for one."""
        return [row for row, admits in list(self._for_some.values()) if admits(sender)]

    def rows(self) -> list[Listener]:
        """Return every row once, but those for some senders and for refusals."""
        return [row for key, rows in self.data.items() for row in rows if row.root_tag == key]

    def takers(self, name: str) -> list[Listener]:
        """Return the rows with which a listener takes refusals."""
        return [row for row in self._for_refusals.values() if row.name == name]

    def become(self, other: RoutingTable, *, keep_names: bool) -> RoutingTable:
        """Turn into another table at once, and return what this one was.

        The rows for some senders stay, and what was secret stays secret. The foreign contracts of this one are kept
        for handlers that run now and write by them.

        Args:
            other: What to become; not to be used any more.
            keep_names: Whether nobody outside may bear the name of a listener that is gone, as messages may be on
                their way that expect it within.
        """
        before = copy(self)
        names = dict.fromkeys(self._names, 0) if keep_names else {}
        foreign: dict[type[Any], AnyContract] = {
            row.contract.cls: row.contract for row in self.rows() if isinstance(row.contract, ForeignContract)
        }
        other._names, other._foreign = names | other._names, foreign | other._foreign
        other._for_some = self._for_some
        other.secret_names |= self.secret_names
        other.version = self.version + 1
        other.edition += self.edition + 1
        self.__dict__.update(vars(other))
        for row in (*self.rows(), *self._for_refusals.values(), *(row for row, _ in self._for_some.values())):
            row.version = self.version
        return before

    def find(self, to_id: str | None, tag: str, sender: str | None = None) -> list[Listener]:
        """Return who takes a payload with root `tag` that is sent `to_id`.

        Args:
            to_id: A listener's name, or a name that broadcast listeners share; None to go by the tag alone, which is
                then a whole key (`greeter.greeting`) or a class that exactly one key takes.
            tag: Name of the payload's root element, in Clark notation.
            sender: Who sends it, as the pump knows.

        Returns:
            The listeners of one key, at least one; not to be changed.

        Raises:
            RoutingError: `no-listener` takes it, the tag alone is `ambiguous`, or it is `privileged`: the pump's own.
        """
        if to_id is not None:
            qualified = tag[:1] == "{"
            key = routing_key(to_id, tag) if qualified else f"{to_id}.{tag}".lower()
            found = self.data.get(key) or self._admitting(sender, key)
            if not found or ("." in tag and not qualified):  # `a` and <b.ping> is not `a.b` and <ping>
                raise self._nobody(to_id, tag, sender, key)
            return found
        lowered = folded_tag(tag)
        if lowered in self.data:
            return self.data[lowered]
        keys = self._by_tag.get(lowered, {})
        if len(keys) == 1:
            return self.data[next(iter(keys))]
        if keys:
            names = ", ".join(sorted(split_key(key)[0] for key in keys)[:5])
            raise RoutingError(f"{shown_tag(tag)} without <to> could be for any of {names}", code="ambiguous")
        if found := self._admitting(sender, lowered):
            return found
        raise self._nobody(None, tag, sender, lowered)

    def contract_of(self, cls: type[Any]) -> AnyContract:
        """Return the contract of a payload's class: its own, or the foreign one of a listener that takes it.

        Raises:
            ContractError: It has neither.
        """
        return self._foreign.get(cls) or contract_of(cls)

    def contracts_for(self, tag: str) -> list[AnyContract]:
        """Return the contracts, each once, whose root is `tag`, in Clark notation."""
        rows = (row for key in self._by_tag.get(folded_tag(tag), ()) for row in self.data[key])
        return list({id(row.contract): row.contract for row in rows}.values())

    def pinned(self, key: str) -> list[Listener]:
        """Return the one listener whose own key this is, leaving out those that share it by broadcasting."""
        if key in self._for_some:  # whoever sent it was let through when it was found
            return [self._for_some[key][0]]
        if key in self._for_refusals:
            return [self._for_refusals[key]]
        return [listener for listener in self.data.get(key, ()) if listener.root_tag == key]

    def has_name(self, name: str) -> bool:
        """Return whether a listener bears `name`, or shares it by broadcasting, or the organism keeps it."""
        lowered = name.lower()
        return lowered in self._names or lowered in (META, KEPT)

    def _nobody(self, to_id: str | None, tag: str, sender: str | None, key: str) -> RoutingError:
        """Make the error that nobody takes a payload; a listener that is not let through has a remedy."""
        refuse_privileged(tag)
        error = RoutingError(nobody_takes(to_id, tag))
        if sender is not None and sender.lower() in self._names and self._for_others(key):
            error.remedy = f"it is for peers alone: add {META} to its peers"
        return error

    def _for_others(self, tag: str) -> bool:
        rows = self._for_some.items()
        return any(tag in (key, folded_tag(row.contract.root_tag)) for key, (row, _) in rows)

    def _admitting(self, sender: str | None, tag: str) -> list[Listener]:
        """Return the one row for some senders that `sender` reaches by a key, or by a class, in lower case."""
        return [
            listener
            for key, (listener, admits) in self._for_some.items()
            if tag in (key, folded_tag(listener.contract.root_tag)) and admits(sender)
        ][:1]


def nobody_takes(to_id: str | None, tag: str) -> str:
    """Say that nobody takes a payload; the same words, whether there is nobody or somebody who may not be known."""
    name = "" if to_id is None else f" {to_id!r}"
    return f"no listener{name} takes {shown_tag(tag)}"
