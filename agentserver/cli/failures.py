"""What a command can fail with, beside the errors of the packages below: each class knows its exit code.

    click.ClickException
    └── Failed              the command cannot do what it should     1
        ├── Unusable            what is named is of another kind     2
        ├── NotFound            a file or listener does not exist    3
        ├── BadContract         a class is no contract               78
        ├── BadQueue            a queue's file cannot be used         1
        └── PumpDied            the pump ended by a bug              70

`code` is the fault in one kebab-case word, for `--json`.
"""

from __future__ import annotations

import click

from agentserver.cli import exit_codes


class Failed(click.ClickException):
    """The command cannot do what it was asked for; the text says why, and what to do."""

    exit_code = exit_codes.FAILED
    code = "failed"


class Unusable(Failed):
    """What was named is there, and is nothing that the command can use."""

    exit_code = exit_codes.USAGE
    code = "unusable"


class NotFound(Failed):
    """A file or a listener that was named does not exist."""

    exit_code = exit_codes.NOT_FOUND
    code = "not-found"


class BadContract(Failed):
    """A class that the configuration names is no contract."""

    exit_code = exit_codes.BAD_CONFIG
    code = "contract"


class BadQueue(Failed):
    """The file of a queue cannot be used: it is none, damaged, of another version, or in use."""

    code = "queue"


class PumpDied(Failed):
    """The pump ended while it should have run: a bug, ours or of a step."""

    exit_code = exit_codes.INTERNAL
    code = "internal"
