"""`agentserver validate --reach A B`: whether what one listener sends may lead to another, and over whom.

Takes an organism and two names; prints the shortest ways, or that there is none. Returns whether there is one. Raises
`NotFound`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from agentserver.cli.machine_output import emit
from agentserver.cli.organism_graph import OUTSIDE, graph_of, require_address
from agentserver.cli.terminal import paint, printable
from agentserver.config import OrganismConfig
from agentserver.config.reachability import Hop, Member, Reachability
from agentserver.config.way_words import told_reason

_OUTSIDER: Final = Member(OUTSIDE)
"""Who is no listener: held to nothing, and addressed by nobody."""


def show_reach(organism: OrganismConfig, start: str, end: str, file: str, *, as_json: bool) -> bool:
    """Show the ways from one name to another: one to each listener that bears the latter.

    Args:
        organism: Where to look.
        start: A listener, or a name that several share; or the word outside for everybody who is none.
        end: A listener, or a name that several share.
        file: The name of the configuration.
        as_json: Whether to write a document instead.

    Raises:
        NotFound: There is no listener of such a name.
    """
    graph = graph_of(organism)
    require_address(graph, end)
    if start.lower() == OUTSIDE and not graph.at(start):
        graph = Reachability([*graph.members, _OUTSIDER])
    else:
        require_address(graph, start, OUTSIDE)
    paths = graph.paths(start, end)
    if as_json:
        ways = [_document(path) for path in paths]
        emit({"ok": bool(paths), "file": file, "from": start, "to": end, "ways": ways})
        return bool(paths)
    for path in paths:
        names = [path[0].sender.name, *(hop.receiver.name for hop in path)]
        click.echo(paint(printable(" -> ".join(names)), "cyan", sys.stdout, bold=True))
        for hop in path:
            click.echo(f"  {printable(_placed(hop, file))}")
    if not paths:
        click.echo(f"none: nothing that {printable(start)} sends leads to {printable(end)}")
    return bool(paths)


def _document(path: Sequence[Hop]) -> dict[str, object]:
    return {
        "path": [path[0].sender.name, *(hop.receiver.name for hop in path)],
        "hops": [
            {
                "from": hop.sender.name,
                "to": hop.receiver.name,
                "peer": hop.entry,
                "reason": _reason(hop),
                "line": _line(hop) or None,
            }
            for hop in path
        ],
    }


def _placed(hop: Hop, file: str) -> str:
    place = f"{file}:{_line(hop)}" if _line(hop) else file
    return f"{place}: {_reason(hop)}"


def _reason(hop: Hop) -> str:
    if hop.sender is _OUTSIDER:
        return "who is outside may address every listener"
    return told_reason(hop, with_line=False)


def _line(hop: Hop) -> int:
    return hop.receiver.places.line if hop.sender is _OUTSIDER else hop.line
