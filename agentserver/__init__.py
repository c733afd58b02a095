"""AgentServer: a daemon that pumps XML messages between untrusted handlers. The XSD is the security.

What authors of handlers and of programs import. The way in, for readers of the code: `message_bus/pump.py`
is the daemon's heart, `message_bus/pipeline.py` the road that each message takes, `errors.py` all that can go wrong.
"""

from agentserver.core import Huh, SystemError_
from agentserver.errors import (
    AgentServerError,
    BindingError,
    ConfigError,
    ContractError,
    Duplicate,
    ForeignThread,
    NoReply,
    PumpClosed,
    PumpError,
    QueueFault,
    QueueFull,
    RequestFailed,
    RequestTimedOut,
)
from agentserver.message_bus import (
    HandlerMetadata,
    HandlerResponse,
    MessageState,
    StreamPump,
    bootstrap,
    running,
)
from agentserver.xmlable import Doc, Pattern, RawXml, Secret, xml, xmlify

__all__ = [
    "AgentServerError",
    "BindingError",
    "ConfigError",
    "ContractError",
    "Doc",
    "Duplicate",
    "ForeignThread",
    "HandlerMetadata",
    "HandlerResponse",
    "Huh",
    "MessageState",
    "NoReply",
    "Pattern",
    "PumpClosed",
    "PumpError",
    "QueueFault",
    "QueueFull",
    "RawXml",
    "RequestFailed",
    "RequestTimedOut",
    "Secret",
    "StreamPump",
    "SystemError_",
    "bootstrap",
    "running",
    "xml",
    "xmlify",
]
