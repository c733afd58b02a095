"""What can be read of listeners and steps although other parts of the file may be wrong.

The checks after the shape work on drafts, so that one run reports everything: a bad port must not hide a bad
import. Takes values of any shape, passes over what does not fit (the shape check reports it), and never
raises.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agentserver.config.peer_entries import narrowed
from agentserver.config.routing_keys import folded_tag
from agentserver.config.tree import Path
from agentserver.xmlable.foreign import AnyContract


@dataclass(slots=True)
class ContractDraft:
    """One payload class and its handler; empty is what could not be read, None what was not imported."""

    path: Path
    payload_class_path: str
    handler_path: str
    keys: Collection[str] = ()
    schema_path: str = ""
    root: str = ""
    payload_class: type[Any] | None = None
    handler: Callable[..., Any] | None = None
    contract: AnyContract | None = None

    @property
    def class_tag(self) -> str:
        """The tag as it stands in routing keys; empty when it is not known."""
        if self.contract is not None:
            return folded_tag(self.contract.root_tag)
        if "schema" in self.keys:
            return ""
        if self.payload_class is not None:
            return self.payload_class.__name__.lower()
        return self.payload_class_path.rpartition(".")[2].lower()

    @property
    def shown_tag(self) -> str:
        """What a person would call the contract: its root's local name, as written; empty when it is not known."""
        if self.contract is not None:
            return self.contract.root_tag.rpartition("}")[2]
        if "schema" in self.keys:
            return ""
        return (
            self.payload_class.__name__ if self.payload_class else self.payload_class_path.rpartition(".")[2]
        )

    @property
    def peer_tags(self) -> tuple[str, ...]:
        """What a peer may call the contract by, behind the listener's name, in lower case."""
        tag = self.class_tag
        local = tag.rpartition("}")[2].lower()
        return (tag.lower(), local) if local != tag else (tag,)


class PeerDraft(NamedTuple):
    """One text of `peers:`, and where it stands.

    Args:
        path: Its place.
        text: As `permissions` knows it.
        name: The peer alone, where the entry narrows it to payload classes.
        name_path: The place of that.
    """

    path: Path
    text: str
    name: str = ""
    name_path: Path = ()


@dataclass(slots=True)
class ListenerDraft:
    """One listener; `keys` are those that the file gives."""

    path: Path
    keys: Collection[str]
    name: str
    agent: bool
    broadcast: bool
    peers: list[PeerDraft]
    contracts: list[ContractDraft]
    on_refusal_path: str = ""
    on_refusal: Callable[..., Any] | None = None

    @property
    def parent(self) -> str:
        """The name that a broadcast listener shares with others, in lower case; empty when there is none."""
        parent, _, leaf = self.name.lower().rpartition(".")
        return parent if self.broadcast and leaf else ""


@dataclass(slots=True)
class StepDraft:
    """One step of the user's own."""

    path: Path
    keys: Collection[str]
    step_path: str
    before: str
    after: str
    step: Callable[..., Any] | None = None


@dataclass(slots=True)
class ForbidDraft:
    """One way that there must not be."""

    path: Path
    sender: str
    receiver: str


@dataclass(slots=True)
class ScheduleDraft:
    """One message that is sent by the clock."""

    path: Path
    name: str
    to: str
    payload: str
    sender: str


@dataclass(slots=True)
class Draft:
    """The whole file, as far as it can be read."""

    listeners: list[ListenerDraft] = field(default_factory=list)
    steps: list[StepDraft] = field(default_factory=list)
    queue: str = ""
    forbid: list[ForbidDraft] = field(default_factory=list)
    schedules: list[ScheduleDraft] = field(default_factory=list)


def draft_of(values: object, unreadable: Collection[Path]) -> Draft:
    """Read what can be read.

    Args:
        values: The file's values, of whatever shape.
        unreadable: Paths of values that stand there only as they were written.
    """
    reader = _DraftReader(unreadable)
    return Draft(
        [reader.listener(path, item) for path, item in reader.mappings((), values, "listeners")],
        [reader.step(path, item) for path, item in reader.mappings((), values, "pipeline")],
        reader.text((), values, "queue"),
        [reader.forbid(path, item) for path, item in reader.mappings((), values, "forbid")],
        [reader.schedule(path, item) for path, item in reader.mappings((), values, "schedules")],
    )


class _DraftReader:
    def __init__(self, unreadable: Collection[Path]) -> None:
        self._unreadable = unreadable

    def listener(self, path: Path, item: dict[str, Any]) -> ListenerDraft:
        contracts = [self._contract(path, item)] if {"payload_class", "handler"} & item.keys() else []
        contracts += [self._contract(*pair) for pair in self.mappings(path, item, "handles")]
        return ListenerDraft(
            path,
            item.keys(),
            self.text(path, item, "name"),
            item.get("agent") is True,
            item.get("broadcast") is True,
            self._peers((*path, "peers"), item.get("peers")),
            contracts,
            self.text(path, item, "on_refusal"),
        )

    def step(self, path: Path, item: dict[str, Any]) -> StepDraft:
        step, before, after = (self.text(path, item, key) for key in ("step", "before", "after"))
        return StepDraft(path, item.keys(), step, before, after)

    def forbid(self, path: Path, item: dict[str, Any]) -> ForbidDraft:
        return ForbidDraft(path, self.text(path, item, "from"), self.text(path, item, "to"))

    def schedule(self, path: Path, item: dict[str, Any]) -> ScheduleDraft:
        name, to, payload, sender = (self.text(path, item, key) for key in ("name", "to", "payload", "from"))
        return ScheduleDraft(path, name, to, payload, sender)

    def mappings(self, path: Path, holder: object, key: str) -> list[tuple[Path, dict[str, Any]]]:
        """List the mappings in the list under `key`, each with its path."""
        items = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(items, list):
            return []
        return [((*path, key, index), item) for index, item in enumerate(items) if isinstance(item, dict)]

    def text(self, path: Path, holder: object, key: str) -> str:
        """Read the text under `key`, or an empty one."""
        value = holder.get(key) if isinstance(holder, dict) else None
        return value if isinstance(value, str) and (*path, key) not in self._unreadable else ""

    def _contract(self, path: Path, item: dict[str, Any]) -> ContractDraft:
        payload_class, handler, schema, root = (
            self.text(path, item, key) for key in ("payload_class", "handler", "schema", "root")
        )
        return ContractDraft(path, payload_class, handler, item.keys(), schema, root)

    def _peers(self, path: Path, items: object) -> list[PeerDraft]:
        peers = [PeerDraft(*each) for each in self._texts(path, items)]
        for place, item in self.mappings(path[:-1], {"peers": items}, "peers"):
            name = self.text(place, item, "name")
            payloads = self._texts((*place, "payloads"), item.get("payloads")) if name else []
            peers += [
                PeerDraft(at, narrowed(name, payload), name, (*place, "name")) for at, payload in payloads
            ]
        return sorted(peers, key=lambda peer: peer.path[: len(path) + 1])

    def _texts(self, path: Path, items: object) -> list[tuple[Path, str]]:
        if not isinstance(items, list):
            return []
        places = [((*path, index), item) for index, item in enumerate(items)]
        return [(at, item) for at, item in places if isinstance(item, str) and at not in self._unreadable]
