"""The organism that a command looks at without starting it.

Takes the path of a configuration; gives what it configures. The modules that it names are imported, and what they print
goes to standard error. Raises `ConfigError` and `ContractError` as they come.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from agentserver.config import OrganismConfig
from agentserver.message_bus.bootstrap import assembled


def load_organism(config: Path, *, allow_env: bool) -> OrganismConfig:
    """Read a configuration as the daemon would.

    Raises:
        ConfigError: All the faults of the configuration.
    """
    with redirect_stdout(sys.stderr):  # the user's modules may print
        return assembled(config, allow_env=allow_env).config
