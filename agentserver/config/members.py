"""The members of the graph of "may address": the listeners of a draft, or of a configuration, and `system.meta`.

Takes either; gives members in the order of the file. What cannot be read of a draft has its fault already, and is
passed over. Never raises.
"""

from __future__ import annotations

from agentserver.config.draft import ContractDraft, Draft, ListenerDraft
from agentserver.config.model import HandlesConfig, ListenerConfig, ListenerPlaces, OrganismConfig
from agentserver.config.places import listener_places
from agentserver.config.reachability import Member
from agentserver.config.system_names import META, META_CONTRACTS
from agentserver.config.tree import Document
from agentserver.xmlable import Contract


def members_of_draft(draft: Draft, document: Document) -> list[Member]:
    """Return the members of a file that is being read."""
    return [_drafted(listener, document) for listener in draft.listeners if listener.name]


def members_of(organism: OrganismConfig) -> list[Member]:
    """Return the listeners of an organism."""
    return [_configured(listener) for listener in organism.listeners]


def system_members(organism: OrganismConfig) -> list[Member]:
    """Return the listeners that an organism has of itself: `system.meta`, if anybody may ask it. It only answers."""
    asked = {META_CONTRACTS[flag]: getattr(organism.meta, flag) for flag in META_CONTRACTS}
    contracts = tuple(name for name, audience in asked.items() if audience != "none")
    guarded = frozenset(name for name in contracts if asked[name] == "peers")
    lines = {META_CONTRACTS[flag].lower(): organism.given.get(f"meta.{flag}", 0) for flag in META_CONTRACTS}
    places = ListenerPlaces(line=organism.given.get("meta", 0), entries=lines)
    return [Member(META, (), contracts, guarded=guarded, places=places)] if contracts else []


def _drafted(listener: ListenerDraft, document: Document) -> Member:
    return Member(
        listener.name,
        tuple(peer.text for peer in listener.peers) if "peers" in listener.keys else None,
        tuple(filter(None, map(_drafted_tag, listener.contracts))),
        listener.agent,
        listener.parent,
        listener_places(document, listener),
    )


def _drafted_tag(contract: ContractDraft) -> str:
    return contract.class_tag


def _configured(listener: ListenerConfig) -> Member:
    pairs: list[ListenerConfig | HandlesConfig] = [listener, *listener.handles]
    parent = listener.name.lower().rpartition(".")[0]
    return Member(
        listener.name,
        tuple(listener.peers) if listener.peers is not None else None,
        tuple(filter(None, map(_configured_tag, pairs))),
        listener.is_agent,
        parent if listener.broadcast else "",
        listener.places,
    )


def _configured_tag(pair: ListenerConfig | HandlesConfig) -> str:
    """Return the root tag of a contract: that of its own, or the name of its class."""
    if pair.contract is not None:
        return pair.contract.root_tag
    own = vars(pair.payload_class).get("__contract__") if pair.payload_class is not None else None
    if isinstance(own, Contract):
        return own.root_tag
    return pair.payload_class.__name__ if pair.payload_class else pair.payload_class_path.rpartition(".")[2]
