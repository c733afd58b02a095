"""The contracts of an organism, listed: each with what is known of the listener that takes it.

Takes a configuration, or a running program's pump; gives entries in the order of the file. The listeners that an
organism has of itself are not among them. Raises `ConfigError` as the configuration has it, and `NotFound`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from agentserver import StreamPump
from agentserver.cli.failures import NotFound
from agentserver.cli.terminal import printable
from agentserver.config.fault_log import did_you_mean
from agentserver.message_bus import Listener
from agentserver.message_bus.bootstrap import assembled
from agentserver.xmlable.foreign import AnyContract, ForeignContract

_COMPARED_CHARS: Final = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One contract of one listener.

    Attributes:
        row: The listener, as it takes this contract.
    """

    row: Listener

    @property
    def listener(self) -> str:
        """Name of the listener."""
        return self.row.name

    @property
    def contract(self) -> AnyContract:
        """The contract."""
        return self.row.contract

    @property
    def foreign_schema(self) -> str:
        """The XSD that somebody else wrote, from the folder above its own; empty when it follows from a class."""
        contract = self.contract
        return contract.foreign.name if isinstance(contract, ForeignContract) else ""

    @property
    def name(self) -> str:
        """Local name of the contract's root element."""
        return self.contract.outline.local_name


def load_catalogue(config: Path, *, allow_env: bool) -> list[Entry]:
    """List the contracts of an organism; the modules that it names are imported.

    Raises:
        ConfigError: All the faults of the configuration.
    """
    with redirect_stdout(sys.stderr):  # the user's modules may print
        return catalogue_of(assembled(config, allow_env=allow_env))


def catalogue_of(pump: StreamPump) -> list[Entry]:
    """List the contracts of a pump's listeners."""
    rows = [row for key, rows in pump.routing_table.items() for row in rows if row.root_tag == key]
    return [Entry(row) for row in rows]


def choose(entries: Sequence[Entry], wanted: str | None, commands: Sequence[str] = ()) -> list[Entry]:
    """Return the entries of a listener, or of one of its contracts.

    Args:
        entries: All that there are.
        wanted: A listener's name, or that and a contract's, as `editor.Draft`; None for all. Case does not matter.
        commands: What else may have been meant by a name that is unknown.

    Raises:
        NotFound: There is no such listener or contract.
    """
    if wanted is None:
        return list(entries)
    lowered = wanted.lower()
    found = [entry for entry in entries if entry.listener.lower() == lowered]
    found = found or [entry for entry in entries if _full_name(entry).lower() == lowered]
    if not found:
        raise NotFound(f"no listener {printable(wanted)!r}{_remedy(entries, wanted, commands)}")
    return found


def _remedy(entries: Sequence[Entry], wanted: str, commands: Sequence[str]) -> str:
    """Say what may have been meant by an unknown listener: a configuration, another listener, or a command."""
    if wanted.lower().endswith((".yaml", ".yml")):
        return (
            f"; a configuration is given with -c: `agentserver contracts -c {shlex.quote(printable(wanted))}`"
        )
    near = did_you_mean(wanted, [*(entry.listener for entry in entries), *map(_full_name, entries)])
    command = get_close_matches(wanted.lower()[:_COMPARED_CHARS], commands, 1)
    if command:
        near += f"; did you mean the command `agentserver contracts {command[0]}`?"
    return near or "; `agentserver contracts` lists what there is"


def _full_name(entry: Entry) -> str:
    return f"{entry.listener}.{entry.name}"
