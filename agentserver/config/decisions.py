"""Whether one message may go: allow or deny, why, and on which line the file says so.

Takes members and an address that is known; gives a decision. The pump decides the same, with the same rule, when the
message is sent. Knows no ways over others: those are `reachability`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentserver.config.permissions import deciding
from agentserver.config.reachability import Member


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer.

    Attributes:
        allowed: Whether it may go; of several payloads, whether any may.
        reason: Why, in words.
        line: The line that decides it; 0 when there is none.
        payloads: Root tags of those that may go.
    """

    allowed: bool
    reason: str
    line: int
    payloads: tuple[str, ...] = ()


def decide(
    sender: Member | None, address: str, receivers: Sequence[Member], payload: str | None = None
) -> Decision:
    """Decide about a message.

    Args:
        sender: The listener that sends it; None for somebody outside.
        address: To whom.
        receivers: The listeners of that name, at least one.
        payload: Root tag of its payload, which one of them takes; None for any that they take.
    """
    asked = [
        (receiver, tag)
        for receiver in receivers
        for tag in receiver.contracts
        if payload is None or tag.lower() == payload.lower()
    ]
    answers = [(_decide_one(sender, address, receiver, tag), tag) for receiver, tag in asked]
    allowed = tuple(dict.fromkeys(tag for answer, tag in answers if answer.allowed))
    first = next((answer for answer, _ in answers if answer.allowed or not allowed))
    return Decision(first.allowed, first.reason, first.line, allowed)


def _decide_one(sender: Member | None, address: str, receiver: Member, tag: str) -> Decision:
    held = sender.restriction if sender is not None else None
    if sender is None or held is None:
        if tag in receiver.guarded:
            told = f"{receiver.name} answers {tag} to those alone that have it as a peer (see 'meta')"
            return Decision(False, told, receiver.places.entries.get(tag.lower(), 0) or receiver.places.line)
        if sender is None:
            return Decision(True, "who is outside may address every listener", receiver.places.line)
        told = f"{sender.name} is no agent and has no 'peers', so it may address everybody"
        return Decision(True, told, sender.places.line)
    places = sender.places
    entry = deciding(held, address, tag)
    if entry is not None:
        return Decision(
            True, f"{sender.name} has the peer {entry!r}", places.entries.get(entry, places.peers)
        )
    if sender.is_agent and address.lower() == sender.name.lower():
        return Decision(True, f"{sender.name} is an agent, and may address itself", places.agent)
    if sender.peers is None:
        told = f"{sender.name} is an agent without 'peers', so it may only respond"
        return Decision(False, told, places.agent)
    return Decision(False, f"{sender.name} keeps to its peers: {_listed(sender.peers)}", places.peers)


def _listed(peers: Sequence[str]) -> str:
    shown = ", ".join(peers[:10])
    return f"{shown} and {len(peers) - 10} more" if len(peers) > 10 else shown or "none"
