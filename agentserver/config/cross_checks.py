"""Check how the parts of a configuration go together: names, peers, root tags, places of steps, the queue.

Works on drafts, after the imports, as root tags come from the classes. Names are compared without regard to
case. Puts faults into the log and never raises. Does not repeat what the shape check says of one value alone.
"""

from __future__ import annotations

from collections.abc import Collection

from agentserver.config.draft import ContractDraft, Draft, ListenerDraft, PeerDraft, StepDraft
from agentserver.config.fault_log import FaultLog, did_you_mean, quote
from agentserver.config.queue_address import QueueAddress
from agentserver.config.routing_keys import routing_key, split_key
from agentserver.config.step_names import STEP_NAMES
from agentserver.config.system_names import META, META_CONTRACTS, is_kept
from agentserver.config.tree import Document, Path

MAX_SUGGESTED_PEERS = 100
"""Unknown peers that get a suggestion: each is compared with every name, and that many have one cause."""


class CrossChecks:
    """Check one draft.

    Args:
        document: Gives the places.
        draft: What can be read of the file.
        faults: Takes what does not go together.
    """

    def __init__(self, document: Document, draft: Draft, faults: FaultLog) -> None:
        self._document = document
        self._draft = draft
        self._faults = faults
        self._by_name: dict[str, ListenerDraft] = {}
        for listener in draft.listeners:
            if listener.name:
                self._by_name.setdefault(listener.name.lower(), listener)

    def check(self) -> None:
        """Make every check."""
        self._queue()
        for step in self._draft.steps:
            self._step(step)
        for listener in self._draft.listeners:
            self._contracts_given(listener)
            self._name(listener)
            self._broadcast(listener)
        self._peers()
        self._root_tags()

    def _queue(self) -> None:
        if not self._draft.queue:
            return
        try:
            QueueAddress.parse(self._draft.queue)
        except ValueError as exc:
            self._add_value(("queue",), f"queue: {exc}")

    def _step(self, step: StepDraft) -> None:
        given = [key for key in ("before", "after") if key in step.keys]
        if len(given) != 1:
            count = "neither" if not given else "both"
            self._add_value(step.path, f"{count} of 'before' and 'after' given; a step needs exactly one")
        for key, name in (("before", step.before), ("after", step.after)):
            if name and name not in STEP_NAMES:
                near = did_you_mean(name, STEP_NAMES) or f"; there are {', '.join(STEP_NAMES)}"
                self._add_value((*step.path, key), f"no step {quote(name)}{near}")

    def _contracts_given(self, listener: ListenerDraft) -> None:
        own = [key for key in ("payload_class", "handler") if key in listener.keys]
        several = "handles" in listener.keys
        if own and several:
            message = "both 'handles' and a payload_class or handler beside it; move that pair into 'handles'"
            self._add_key((*listener.path, "handles"), message)
        elif several and "schema" in listener.keys:
            message = "'schema' beside 'handles'; move it into the item whose contract it is"
            self._add_key((*listener.path, "schema"), message)
        elif not own and not several:
            self._add_value(listener.path, "missing keys 'payload_class' and 'handler' (or 'handles')")
        elif len(own) == 1:
            missing = "handler" if own == ["payload_class"] else "payload_class"
            self._add_value(listener.path, f"missing key '{missing}' beside '{own[0]}'")

    def _name(self, listener: ListenerDraft) -> None:
        if is_kept(listener.name):
            message = f"the name {quote(listener.name)} is kept for the organism itself; rename the listener"
            self._add_value((*listener.path, "name"), message)
        first = self._by_name.get(listener.name.lower(), listener)
        if first is not listener:
            line = self._document.value_place((*first.path, "name")).line
            message = (
                f"duplicate listener name {quote(listener.name)}, ignoring case; the first is on line {line}"
            )
            self._add_value((*listener.path, "name"), message)

    def _broadcast(self, listener: ListenerDraft) -> None:
        if not listener.broadcast or not listener.name:
            return
        if not listener.parent:
            message = (
                f"broadcast needs a name with a parent, as 'search.google'; found {quote(listener.name)}"
            )
            self._add_value((*listener.path, "broadcast"), message)
            return
        holder = self._by_name.get(listener.parent)
        if holder is not None and not holder.broadcast:
            line = self._document.value_place((*holder.path, "name")).line
            message = f"the parent name {quote(listener.parent)} is the listener's on line {line}; rename one"
            self._add_value((*listener.path, "name"), message)

    def _peers(self) -> None:
        addresses = {listener.parent for listener in self._draft.listeners} | self._by_name.keys()
        for listener in self._by_name.values():
            tags = [tag for contract in listener.contracts for tag in contract.peer_tags]
            names = {listener.name.lower(), listener.parent} - {""}
            addresses.update(f"{name}.{tag}" for name in names for tag in tags if tag)
        addresses.update((META, *(f"{META}.{name}".lower() for name in META_CONTRACTS.values())))
        known = sorted(addresses - {""})
        unknown = [
            peer
            for listener in self._draft.listeners
            for peer in listener.peers
            if peer.text and peer.text.lower() not in addresses and not self._may_be_unread(peer.text)
        ]
        for index, peer in enumerate(unknown):
            self._unknown_peer(peer, addresses, known if index < MAX_SUGGESTED_PEERS else ())

    def _unknown_peer(self, peer: PeerDraft, addresses: Collection[str], near: Collection[str]) -> None:
        """Note a peer that nobody is, or a payload class that it does not take."""
        name = peer.name.lower()
        if name and name in addresses:
            payload = peer.text[len(name) + 1 :]
            meant = did_you_mean(payload, self._payloads_of(name)) if near else ""
            self._add_value(peer.path, f"{quote(peer.name)} takes no payload {quote(payload)}{meant}")
        else:
            wanted = peer.name or peer.text
            message = f"no listener {quote(wanted)}{did_you_mean(wanted, near)}"
            self._add_value(peer.name_path or peer.path, message)

    def _payloads_of(self, name: str) -> list[str]:
        """Return what can be sent to a name, as written."""
        if name == META:
            return list(META_CONTRACTS.values())
        holders = [each for each in self._by_name.values() if name in (each.name.lower(), each.parent)]
        contracts = [contract for holder in holders for contract in holder.contracts]
        return sorted({contract.shown_tag for contract in contracts} - {""})

    def _may_be_unread(self, peer: str) -> bool:
        """Say whether `peer` may be a contract whose class could not be read, which has its fault already."""
        name, tag = split_key(peer.lower())
        listener = self._by_name.get(name)
        return listener is not None and bool(tag) and not all(found.class_tag for found in listener.contracts)

    def _root_tags(self) -> None:
        owners: dict[str, tuple[ListenerDraft, ContractDraft]] = {}
        for listener in self._by_name.values():
            for contract in listener.contracts:
                if contract.class_tag:
                    tag = routing_key(listener.name, contract.class_tag)
                    first = owners.setdefault(tag, (listener, contract))
                    if first[1] is not contract:
                        self._same_tag(tag, first, contract)

    def _same_tag(self, tag: str, first: tuple[ListenerDraft, ContractDraft], second: ContractDraft) -> None:
        owner, contract = first
        line = self._document.value_place((*contract.path, "payload_class")).line
        other = f"listener {quote(owner.name)} has it on line {line}"
        message = f"two contracts have the root tag {quote(tag)}: {other}; rename a class or a listener"
        self._add_value((*second.path, "payload_class"), message)

    def _add_value(self, path: Path, message: str) -> None:
        self._faults.add(self._document.value_place(path), message)

    def _add_key(self, path: Path, message: str) -> None:
        self._faults.add(self._document.key_place(path), message)
