"""What the exit code of a command says. The only place where these numbers stand.

0, 1 and 2 are what every Unix program means by them (2 is click's own, too, for a wrong command line); 70 and 78 are
`EX_SOFTWARE` and `EX_CONFIG` of sysexits.h; 124 is that of timeout(1); 128 + n is what a shell says of a program that
signal n ended.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""Some message failed, or not everything was finished, or something is not as it should be, or it is denied."""
USAGE: Final = 2
"""The command line is wrong, or what it names cannot be used for this command."""
NOT_FOUND: Final = 3
"""The configuration, an input file, a listener, or any contract in a folder does not exist."""
INTERNAL: Final = 70
"""A bug: an exception that nothing expects."""
BAD_CONFIG: Final = 78
TIMED_OUT: Final = 124
SIGNALLED: Final = 128
"""To which the number of the signal is added."""
BROKEN_PIPE: Final = 141
"""Whoever read our output is gone: 128 + SIGPIPE."""

EPILOG: Final = """\b
Exit codes:
  0    ok
  1    failed: a message failed, not everything was finished, something differs, or is denied
  2    usage: the command line is wrong
  3    not found: the configuration, an input file or a listener does not exist
  70   internal: a bug; --debug shows where
  78   bad configuration: each fault is printed as file:line:column: message
  124  timed out
  130  interrupted (128 + the signal), by `pipe`
  141  the reader of the output has gone away, by `pipe`"""
