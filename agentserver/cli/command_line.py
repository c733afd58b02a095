"""`agentserver`: the group of all commands, and what they share on the command line."""

from __future__ import annotations

import click

from agentserver.cli.audit import audit
from agentserver.cli.bench import bench
from agentserver.cli.can import can
from agentserver.cli.case_runner import run_cases
from agentserver.cli.contracts import contracts
from agentserver.cli.dead import dead
from agentserver.cli.edge import Edge
from agentserver.cli.exit_codes import EPILOG
from agentserver.cli.new import new
from agentserver.cli.pipe import pipe
from agentserver.cli.reload import reload
from agentserver.cli.replay import replay
from agentserver.cli.run import run
from agentserver.cli.snapshots import restore, snapshot
from agentserver.cli.status import status
from agentserver.cli.trace import trace
from agentserver.cli.validate import validate
from agentserver.cli.version import package_version


@click.group(
    cls=Edge,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_version(), prog_name="agentserver")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
def main(debug: bool) -> None:
    """Pump XML messages between listeners that an organism.yaml names.

    \b
    Begin with
      agentserver new demo && cd demo
      agentserver validate
      agentserver pipe < config/examples/greetings.xml
      agentserver contracts --markdown

    Commands that take CONFIG use config/organism.yaml or organism.yaml of the current folder when it is left out.
    """  # noqa: D301  # \b is click's mark for text that is not to be wrapped


for command in (
    *(run, validate, can, run_cases, pipe, contracts, reload),
    *(status, dead, trace, audit, replay, snapshot, restore),
    *(new, bench),
):
    command.epilog = command.epilog or EPILOG
    main.add_command(command)
