"""Tests of handlers and of organisms, without a daemon: the real gate and the real pump, in virtual time.

`call` runs one handler, `organism` a whole organism with mocks; `virtual_time` above an `async def` test makes seconds
cost nothing. Cases that stand in YAML beside the organism are run by `case_run.py`, for `agentserver test`.
"""

from agentserver.testing.handler_call import call
from agentserver.testing.mocks import Mock
from agentserver.testing.organism import Bus, organism
from agentserver.testing.sent_message import SentMessage
from agentserver.testing.virtual_time import VirtualTimeLoop, in_virtual_time, virtual_time

__all__ = [
    "Bus",
    "Mock",
    "SentMessage",
    "VirtualTimeLoop",
    "call",
    "in_virtual_time",
    "organism",
    "virtual_time",
]
