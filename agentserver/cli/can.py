"""`agentserver can`: whether one listener may send another a message, and the line of the file that decides."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agentserver.cli import exit_codes
from agentserver.cli.config_argument import config_option
from agentserver.cli.loaded_organism import load_organism
from agentserver.cli.machine_output import emit, json_option
from agentserver.cli.organism_graph import (
    OUTSIDE,
    graph_of,
    require_address,
    require_listener,
    require_payload,
)
from agentserver.cli.terminal import paint, printable
from agentserver.config.decisions import Decision, decide
from agentserver.config.reachability import Hop
from agentserver.config.way_words import shown_path


@click.command(short_help="Tell whether A may send B a message, and why.")
@click.argument("sender", metavar="A")
@click.argument("receiver", metavar="B")
@click.argument("payload", required=False)
@config_option
@json_option
def can(
    sender: str, receiver: str, payload: str | None, config: Path, allow_env: bool, as_json: bool
) -> None:
    """Tell whether A may send B a message with PAYLOAD, or with any that B takes, and which line decides.

    A is a listener, or the word outside for everybody who is none. B is a listener, or a name that several share.
    The exit code is 0 for allow and 1 for deny. An answer is always allowed, as it goes to whoever asked, so it is not
    looked at. Where A may not, but others may on behalf of it, the way is shown: `validate --reach A B` asks for that.

    \b
    Examples:
      agentserver can browser payments
      agentserver can planner bank Quote
      agentserver can outside greeter --json --config config/organism.yaml
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped
    graph = graph_of(load_organism(config, allow_env=allow_env))
    is_outside = sender.lower() == OUTSIDE and not graph.at(sender)
    member = None if is_outside else require_listener(graph, sender, OUTSIDE)
    receivers = require_address(graph, receiver)
    name = next((each.name for each in receivers if each.name.lower() == receiver.lower()), receiver.lower())
    tag = require_payload(receivers, name, payload) if payload is not None else None
    decision = decide(member, name, receivers, tag)
    ways = [] if decision.allowed or member is None else graph.paths(member.name, name)
    if tag is not None:  # whoever comes last has to be allowed to send just that
        ways = [way for way in ways if decide(way[-1].sender, name, receivers, tag).allowed]
    way = min(ways, key=len, default=[])
    asker = member.name if member is not None else OUTSIDE
    if as_json:
        emit(_document(decision, way, str(config), {"from": asker, "to": name, "payload": tag}))
    else:
        _show(decision, way, str(config), f"{asker} -> {name}", tag)
    click.get_current_context().exit(exit_codes.OK if decision.allowed else exit_codes.FAILED)


def _document(
    decision: Decision, way: list[Hop], file: str, asked: dict[str, str | None]
) -> dict[str, object]:
    return {
        "ok": decision.allowed,
        **asked,
        "decision": "allow" if decision.allowed else "deny",
        "payloads": list(decision.payloads),
        "reason": decision.reason,
        "file": file,
        "line": decision.line or None,
        "through": [way[0].sender.name, *(hop.receiver.name for hop in way)] if way else [],
    }


def _show(decision: Decision, way: list[Hop], file: str, asked: str, tag: str | None) -> None:
    word, colour = ("allow", "green") if decision.allowed else ("deny", "red")
    payloads = tag if tag is not None else ", ".join(decision.payloads)
    what = f": {payloads}" if payloads else ""
    click.echo(f"{paint(word, colour, sys.stdout, bold=True)}: {printable(asked + what)}")
    place = f"{file}:{decision.line}" if decision.line else file
    click.echo(f"  {printable(f'{place}: {decision.reason}')}")
    if way:
        click.echo(f"  over others, or under another name, it is possible: {printable(shown_path(way))}")
