"""Where messages wait, behind one protocol.

Knows bytes, ids and times; nothing of XML, handlers or routes. `protocol.py` says what a queue promises and what it
carries; `memory.py` keeps it in this process.
"""

from agentserver.queues.memory import MemoryQueue
from agentserver.queues.protocol import (
    DEFAULT_PRIORITY,
    Books,
    DeadLetter,
    Delivery,
    Frame,
    Joint,
    MessageQueue,
    QueuedMessage,
    Record,
    Settlement,
)

__all__ = [
    "DEFAULT_PRIORITY",
    "Books",
    "DeadLetter",
    "Delivery",
    "Frame",
    "Joint",
    "MemoryQueue",
    "MessageQueue",
    "QueuedMessage",
    "Record",
    "Settlement",
]
