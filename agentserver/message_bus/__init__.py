"""The pump: from a queue through the gate to handlers, and back into the queue.

Start reading at `pipeline.py`, the road in one page; `pump.py` is what programs hold. Each step of the gate
has its file in `steps/`. Only `pipeline.py` knows aiostream.
"""

from agentserver.config import ConfigLoader
from agentserver.message_bus.bootstrap import bootstrap, running
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import HandlerMetadata, HandlerResponse, MessageState
from agentserver.message_bus.pump import StreamPump

__all__ = [
    "ConfigLoader",
    "HandlerMetadata",
    "HandlerResponse",
    "Listener",
    "MessageState",
    "StreamPump",
    "bootstrap",
    "running",
]
