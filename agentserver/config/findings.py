"""What is worth a look in an organism that is right: listeners that nobody calls, and those that may call for ever.

Takes a configuration; gives findings in the order of the file. A warning is something that is likely not meant; a note
tells what follows from the file without being said in it. Refuses nothing: that is for `cross_checks` and
`forbid_check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from agentserver.config.bounds import BudgetConfig
from agentserver.config.members import members_of
from agentserver.config.model import Limits, OrganismConfig
from agentserver.config.reachability import Reachability
from agentserver.config.routing_keys import split_key
from agentserver.config.system_names import META, META_ANSWERS
from agentserver.config.way_words import shown_path, told_reasons

Level: TypeAlias = Literal["warning", "note"]

MAX_NAMES: Final = 10
"""Listeners that one finding names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        level: Whether it is likely not meant.
        code: What it is, in kebab-case.
        listener: Whom it is about: the first, of several.
        line: Where the file says so, 1-based; 0 when there is no file.
        message: The same in words.
    """

    level: Level
    code: str
    listener: str
    line: int
    message: str


def findings_of(organism: OrganismConfig) -> list[Finding]:
    """Look through an organism."""
    graph = Reachability(members_of(organism))
    found = [
        *_cycles(organism, graph),
        *_uncalled(graph),
        *_unheld(graph),
        *_entries(graph),
        *_unheard(graph),
    ]
    return sorted(found, key=lambda finding: finding.line)


def _cycles(organism: OrganismConfig, graph: Reachability) -> Iterator[Finding]:
    bound = f"limits.hops ({organism.limits.hops}) or budget.messages ({organism.budget.messages})"
    for hops in graph.cycles():
        first = hops[0].sender
        way = f"{shown_path(hops)}; {told_reasons(hops)}"
        if len(hops) == 1:
            message = f"{first.name} may go on calling itself, until {bound} ends it: {way}"
            yield Finding("note", "self-call", first.name, hops[0].line, message)
        elif not _is_bounded(organism):
            message = f"these may go on calling each other, until {bound} ends it, which are defaults: {way}"
            remedy = "; set 'budget' to what a conversation may use"
            yield Finding("warning", "unbounded-cycle", first.name, hops[0].line, message + remedy)


def _is_bounded(organism: OrganismConfig) -> bool:
    """Return whether somebody decided how long a conversation may be."""
    decided = {"limits.hops", "budget.hops", "budget.messages", "budget.wall_s"}
    budget, default = organism.budget, BudgetConfig()
    return (
        not decided.isdisjoint(organism.given)
        or organism.limits.hops != Limits().hops
        or (budget.hops, budget.messages, budget.wall_s) != (default.hops, default.messages, default.wall_s)
    )


def _uncalled(graph: Reachability) -> Iterator[Finding]:
    """Find those whom nobody inside may address: only where everybody is held to peers, and somebody has some."""
    callers: dict[str, set[str]] = {}
    for sender in graph.members:
        for entry in sender.restriction or ():
            callers.setdefault(entry, set()).add(sender.name)
    called = {
        receiver.name
        for entry, names in callers.items()
        for receiver in graph.named_by(entry)
        if names != {receiver.name}
    }
    if not called or any(member.restriction is None for member in graph.members):
        return
    for member in graph.members:
        if member.name in called:
            continue
        alone = f"{member.name} is among nobody's peers: only who is outside can call it"
        if member.restriction:
            yield Finding("note", "outside-only", member.name, member.places.line, alone)
        else:
            message = f"{alone}, and it may call nobody itself"
            yield Finding("warning", "dead-listener", member.name, member.places.line, message)


def _unheld(graph: Reachability) -> Iterator[Finding]:
    """Find those that may address everybody among others that may not, and agents of whom nothing is said."""
    free = [member for member in graph.members if member.restriction is None]
    if free and len(free) < len(graph.members):
        names = ", ".join(member.name for member in free[:MAX_NAMES])
        more = f" and {len(free) - MAX_NAMES} more" if len(free) > MAX_NAMES else ""
        message = f"without 'peers', and so free to address everybody: {names}{more}"
        yield Finding("note", "unrestricted", free[0].name, free[0].places.line, message)
    for member in graph.members:
        if member.is_agent and member.peers is None:
            message = f"{member.name} is an agent without 'peers', so it may only respond; `peers: []` says the same"
            yield Finding("note", "agent-without-peers", member.name, member.places.agent, message)


def _entries(graph: Reachability) -> Iterator[Finding]:
    """Find peers that mean more, or less, than they seem to."""
    for member in graph.members:
        held = member.restriction or frozenset()
        for entry in dict.fromkeys(peer.lower() for peer in member.peers or ()):
            line, (name, tag) = member.places.entries.get(entry, 0), split_key(entry)
            named = graph.named_by(entry)
            if entry not in graph.addresses and name in held:
                message = f"the peer {entry!r} of {member.name} narrows nothing, as {name!r} is its peer, too"
                yield Finding("warning", "void-narrowing", member.name, line, message)
            elif entry in graph.addresses and any(entry not in each.addresses for each in named):
                message = (
                    f"the peer {entry!r} of {member.name} names two: that listener, and {tag!r} of {name!r};"
                    " rename one"
                )
                yield Finding("warning", "ambiguous-peer", member.name, line, message)


def _unheard(graph: Reachability) -> Iterator[Finding]:
    """Find those that may ask `system.meta` and take no answer of it: it would end as a dead letter."""
    for member in graph.members:
        taken = {tag.rpartition("}")[2].lower() for tag in member.contracts}
        for entry in dict.fromkeys(peer.lower() for peer in member.peers or ()):
            answers = _ANSWERS.get(entry, ())
            if answers and taken.isdisjoint(answer.lower() for answer in answers):
                message = (
                    f"{member.name} has the peer {entry!r} and no contract for what it answers; "
                    f"add agentserver.meta.{' or '.join(answers)} to its 'handles'"
                )
                line = member.places.entries.get(entry, 0)
                yield Finding("warning", "no-contract-for-answer", member.name, line, message)


_ANSWERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {META: tuple(META_ANSWERS.values())}
    | {f"{META}.{asked}".lower(): (answer,) for asked, answer in META_ANSWERS.items()}
)
"""What `system.meta` answers whom it is a peer of, by the entry among the peers."""
