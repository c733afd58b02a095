"""`agentserver dead`: the group of the commands about dead letters."""

from __future__ import annotations

import click

from agentserver.cli.dead_decision import drop, retry
from agentserver.cli.dead_list import list_letters
from agentserver.cli.dead_show import show
from agentserver.cli.exit_codes import EPILOG


@click.group(short_help="List, show, retry or drop dead letters.", epilog=EPILOG)
def dead() -> None:
    """Look at the messages that were given up on, and decide what becomes of them.

    These work on the queue's file, whether a daemon runs on it or not: one that runs takes up what is retried within a
    moment. Nothing is asked back; --dry-run tells what would be done.

    \b
    Examples:
      agentserver dead list --listener greeter --since 2h
      agentserver dead show 5e1f0c9a2b7d-17
      agentserver dead retry 5e1f0c9a2b7d-17
      agentserver dead retry --all --code handler-failed --since 08:00
      agentserver dead drop --all --sender ada --dry-run
      agentserver dead list --queue var/organism.db --json
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped


for command in (list_letters, show, retry, drop):
    command.epilog = EPILOG
    dead.add_command(command)
