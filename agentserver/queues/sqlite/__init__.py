"""The queue in a file. `queue.py` is what programs hold; `schema.py` says what is in the file."""

from agentserver.queues.sqlite.queue import SqliteQueue

__all__ = ["SqliteQueue"]
