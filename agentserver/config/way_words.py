"""Ways in words: who passes a message on to whom, and what lets them.

Takes the hops that `reachability` found; gives texts of bounded length, with line numbers where there is a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentserver.config.fault_log import quote
from agentserver.config.reachability import Hop

MAX_SHOWN_HOPS: Final = 12
"""Longer paths are shown by their beginnings and their last hops."""


def shown_path(path: Sequence[Hop]) -> str:
    """Write a path, as `browser -> planner -> payments`."""
    names = [path[0].sender.name, *(hop.receiver.name for hop in path)]
    if len(names) > MAX_SHOWN_HOPS:
        half = MAX_SHOWN_HOPS // 2
        names[half:-half] = [f"({len(names) - 2 * half} more)"]
    return " -> ".join(names)


def told_reasons(path: Sequence[Hop]) -> str:
    """Say of each hop what lets it be, each reason once."""
    reasons = list(dict.fromkeys(told_reason(hop) for hop in path))
    if len(reasons) > MAX_SHOWN_HOPS:
        half = MAX_SHOWN_HOPS // 2
        reasons[half:-half] = ["..."]
    return "; ".join(reasons)


def told_reason(hop: Hop, *, with_line: bool = True) -> str:
    """Say what lets a hop be, and on which line, unless that is told elsewhere."""
    name, sender = hop.sender.name, hop.sender
    if hop.entry is not None:
        told = f"{name} has the peer {hop.entry!r}"
    elif sender.restriction is None:
        told = f"{name} has no 'peers', so it may address everybody"
    else:
        told = f"{name} is an agent, and may address itself"
    return f"{told} (line {hop.line})" if hop.line and with_line else told


def told_path(path: Sequence[Hop], *, others: int = 0) -> str:
    """Say what a path is, and what lets it be.

    Args:
        path: Its hops.
        others: How many more there are to say no more of.
    """
    first, last = path[0].sender.name, path[-1].receiver.name
    more = f", and {others} more of that name" if others else ""
    return f"{quote(first)} can reach {quote(last)}{more}, which is forbidden: {shown_path(path)}; {told_reasons(path)}"
