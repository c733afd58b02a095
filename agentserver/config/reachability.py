"""Who can reach whom through whom: the graph of "may address", on the closed table of an organism.

Takes members, which are listeners as far as the rule of `permissions` looks at them; gives shortest paths and cycles.
An answer is no way: it goes to whoever asked, and to nobody else. Outsiders are no part of it, as they may address
every listener. Knows no YAML and no pump.

No list of edges is made, since a listener without `peers:` may address everybody: entries of `peers:` are nodes of
their own, and "everybody" is looked at once. So a search takes time in proportion to listeners, contracts and entries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentserver.config.components import components
from agentserver.config.model import NOWHERE, ListenerPlaces
from agentserver.config.permissions import Restriction, peer_tags, restriction


@dataclass(frozen=True, slots=True)
class Member:
    """One listener in the graph.

    Attributes:
        name: Its name.
        peers: Its peers as written; None when the key is absent.
        contracts: Root tags of its contracts, in Clark notation.
        is_agent: Whether it is an agent.
        shared: The name that it shares by broadcasting, in lower case; empty when there is none.
        places: Where the file says so.
        guarded: Those of its contracts that are for listeners alone that have it as a peer.
    """

    name: str
    peers: tuple[str, ...] | None = None
    contracts: tuple[str, ...] = ()
    is_agent: bool = False
    shared: str = ""
    places: ListenerPlaces = field(default=NOWHERE, compare=False)
    guarded: frozenset[str] = frozenset()

    @property
    def restriction(self) -> Restriction:
        """What it is held to."""
        return restriction(self.peers, is_agent=self.is_agent)

    @property
    def is_open(self) -> bool:
        """Whether it is among those whom a listener without `peers:` may address."""
        return not self.guarded or not self.guarded.issuperset(self.contracts)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The names under which it can be addressed, in lower case."""
        own = self.name.lower()
        return (own, self.shared) if self.shared else (own,)


@dataclass(frozen=True, slots=True)
class Hop:
    """That one member may address another, and by which entry of its `peers:`, in lower case.

    Without an entry, either it is held to none, or it is an agent that addresses itself.
    """

    sender: Member
    receiver: Member
    entry: str | None

    @property
    def line(self) -> int:
        """The line that decides it; 0 when there is no file."""
        places = self.sender.places
        if self.entry is not None:
            return places.entries.get(self.entry, places.peers)
        return places.agent if self.sender.restriction is not None else places.line


class Reachability:
    """Search one organism.

    Args:
        members: Its listeners, in the order of the file.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self._restrictions = [member.restriction for member in self.members]
        self._at: dict[str, list[int]] = {}  # who can be addressed by a name
        self._by_entry: dict[str, list[int]] = {}  # who may be addressed by an entry of `peers:`
        for index, member in enumerate(self.members):
            for address in member.addresses:
                self._at.setdefault(address, []).append(index)
                tags = (tag for contract in member.contracts for tag in peer_tags(contract))
                for entry in dict.fromkeys((address, *(f"{address}.{tag}" for tag in tags))):
                    self._by_entry.setdefault(entry, []).append(index)

    @property
    def addresses(self) -> Collection[str]:
        """All the names that listeners have, or share by broadcasting, in lower case."""
        return self._at.keys()

    def at(self, address: str) -> list[Member]:
        """Return who can be addressed by a name, of which case does not matter."""
        return [self.members[index] for index in self.indices_at(address)]

    def indices_at(self, address: str) -> Sequence[int]:
        """Return the places of those among the members."""
        return self._at.get(address.lower(), ())

    def named_by(self, entry: str) -> list[Member]:
        """Return whom an entry of `peers:` names."""
        return [self.members[index] for index in self._by_entry.get(entry.lower(), ())]

    def ways_from(self, start: str) -> Ways:
        """Find all that can be reached from a listener, or from any of those that share a name."""
        starts = frozenset(self.indices_at(start))
        return Ways(self, starts, self._search(sorted(starts)))

    def paths(self, start: str, end: str) -> list[list[Hop]]:
        """Return a shortest path, of at least one hop, to each listener at `end` that can be reached from `start`.

        Args:
            start: A listener, or a name that several share: a path begins at any of them.
            end: The same.
        """
        return self.ways_from(start).to(end)

    def cycles(self) -> list[list[Hop]]:
        """Return a shortest cycle of each group of listeners, all held to peers, of whom each can reach each.

        An agent that addresses itself is no cycle, unless it has itself among its peers. Cycles through a listener that
        may address everybody are left out: there is one through each of its kind.
        """
        count = len(self.members)
        entries = {entry: count + place for place, entry in enumerate(self._by_entry)}
        receivers = list(self._by_entry.values())

        def followers(node: int) -> Iterable[int]:
            if node >= count:
                return receivers[node - count]
            return [entries[entry] for entry in self._entries(node) if entry in entries]

        groups = components(count + len(entries), followers)
        inside = [sorted(node for node in group if node < count) for group in groups if len(group) > 1]
        return [self._cycle(group) for group in sorted(inside)]

    def _cycle(self, group: Sequence[int]) -> list[Hop]:
        """Return a shortest way from the first of a group back to it, within the group."""
        alone = Reachability([replace(self.members[index], is_agent=False) for index in group])
        return Ways(alone, frozenset({0}), alone._search([0])).path(0)

    def _search(self, starts: Collection[int]) -> dict[int, tuple[int, str | None]]:
        """Go through all that can be reached, nearest first; give from whom each is, and by which entry."""
        reached: dict[int, tuple[int, str | None]] = {}
        waiting = deque(starts)
        seen = set(starts)
        used: set[str | None] = set()
        while waiting:
            sender = waiting.popleft()
            for receiver, entry in self._hops(sender, used):
                reached.setdefault(receiver, (sender, entry))
                if receiver not in seen:
                    seen.add(receiver)
                    waiting.append(receiver)
        return reached

    def _hops(self, sender: int, used: set[str | None]) -> Iterator[tuple[int, str | None]]:
        """Yield whom a member may address, but for those who were found by the same entry before."""
        if self._restrictions[sender] is None:
            if None not in used:
                used.add(None)
                yield from ((index, None) for index, member in enumerate(self.members) if member.is_open)
            return
        for entry in self._entries(sender):
            if entry not in used:
                used.add(entry)
                yield from ((index, entry) for index in self._by_entry.get(entry, ()))
        if self.members[sender].is_agent:
            yield sender, None

    def _entries(self, index: int) -> Iterable[str]:
        """Return the entries that a member is held to, in the order of the file."""
        return dict.fromkeys(peer.lower() for peer in self.members[index].peers or ())


class Ways:
    """What can be reached from one name.

    Args:
        graph: Where.
        starts: The listeners of that name.
        reached: For each listener that can be reached, from which it is, and by which entry.
    """

    __slots__ = ("_graph", "_reached", "_starts")

    def __init__(
        self, graph: Reachability, starts: frozenset[int], reached: Mapping[int, tuple[int, str | None]]
    ) -> None:
        self._graph, self._starts, self._reached = graph, starts, reached

    def to(self, end: str) -> list[list[Hop]]:
        """Return a shortest path to each listener that can be addressed as `end`, where there is one."""
        return [self.path(index) for index in self._graph.indices_at(end) if index in self._reached]

    def path(self, end: int) -> list[Hop]:
        """Return a shortest path to one that is reached, by its place among the members."""
        members, hops = self._graph.members, list[Hop]()
        while not hops or end not in self._starts:
            sender, entry = self._reached[end]
            hops.append(Hop(members[sender], members[end], entry))
            end = sender
        return hops[::-1]
