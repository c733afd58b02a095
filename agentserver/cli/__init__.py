"""The command line: `agentserver` and its commands, `run` among them. The only place in this package that prints.

`command_line.py` names the commands, one file each; `edge.py` turns what goes wrong into texts and exit codes;
`serving.py` is the daemon's life. Reaches the pump through its public methods alone.
"""

from agentserver.cli.command_line import main

__all__ = ["main"]
