"""`agentserver contracts`: the group of the commands about contracts, of which `show` is the one when none is named."""

from __future__ import annotations

import click

from agentserver.cli.contracts_check import check
from agentserver.cli.contracts_diff import diff
from agentserver.cli.contracts_show import show
from agentserver.cli.contracts_write import write
from agentserver.cli.default_command import DefaultCommand
from agentserver.cli.exit_codes import EPILOG


@click.group(
    cls=DefaultCommand,
    short_help="Show, write, check and compare contracts.",
    subcommand_metavar="[LISTENER] [OPTIONS] | COMMAND [ARGS]...",
    options_metavar="",
    epilog=EPILOG,
)
def contracts() -> None:
    """Show what listeners take, keep it in files, and compare versions of it.

    A contract is a dataclass with @xmlify, or somebody else's XSD. From it follow an XML schema, an example document,
    a JSON Schema, a card for language models, and a page for people.

    \b
    Examples:
      agentserver contracts                           list the contracts of config/organism.yaml
      agentserver contracts greeter --xsd             show one artefact; `contracts show --help` tells all
      agentserver contracts --markdown > CONTRACTS.md
      agentserver contracts write                     write all artefacts to schemas/<listener>/v1/
      agentserver contracts check                     exit with 1 when the files are not those of the code
      agentserver contracts diff schemas config/organism.yaml
                                                      exit with 1 when the code would break who uses the files
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped


for command in (show, write, check, diff):
    command.epilog = EPILOG
    contracts.add_command(command)
