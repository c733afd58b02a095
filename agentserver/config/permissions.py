"""The rule of who may address whom, in one place: the pump keeps to it, and `reachability` proves with it.

Takes what a configuration says of one listener, and an address; gives whether a payload may be sent there, and which
entry of `peers:` decides. Pure functions of texts: knows no listeners, no lines and no pump. Never raises.

A listener that has `peers:` keeps to it, and so does every agent: one without the key may only respond, and address
itself. Any other listener without the key may address everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

Restriction: TypeAlias = frozenset[str] | None
"""The peers that a listener keeps to, in lower case; None when it may address everybody."""


def restriction(peers: Sequence[str] | None, *, is_agent: bool) -> Restriction:
    """Return what a listener is held to.

    Args:
        peers: Its peers as written, `name` or `name.contract`; None when the key is absent.
        is_agent: Whether it is an agent.
    """
    if peers is None and not is_agent:
        return None
    return frozenset(peer.lower() for peer in peers or ())


def peer_tags(tag: str) -> tuple[str, ...]:
    """Return what a peer may call a contract by, behind its listener's name: the whole root tag, and its local name."""
    lowered = tag.lower()
    local = lowered.rpartition("}")[2]
    return (lowered, local) if local != lowered else (lowered,)


def deciding(peers: Collection[str], name: str, tag: str) -> str | None:
    """Return the entry that lets a payload through, in lower case; None when there is none.

    Args:
        peers: Those of a sender that is held to them.
        name: The address: a listener's name, or the one that several share by broadcasting.
        tag: Root tag of the payload, in Clark notation.
    """
    lowered = name.lower()
    entries = (lowered, *(f"{lowered}.{each}" for each in peer_tags(tag)))
    return next((entry for entry in entries if entry in peers), None)
