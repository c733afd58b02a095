"""The thread that stands for a text which an envelope bore as its thread, such as `order 9`.

Takes the text, and the queue's file with the organism; gives the thread as the pump derived it, or None where the key
of the organism's threads is not at hand. Makes no key, and never tells it.
"""

from __future__ import annotations

from pathlib import Path

from agentserver.cli.queue_option import QueueFile
from agentserver.errors import ConfigError
from agentserver.message_bus.identity import identity_key
from agentserver.message_bus.threads import Threads, is_thread_id
from agentserver.queues.sqlite.snapshot import thread_key_file


def claimed_thread(text: str, file: QueueFile) -> str | None:
    """Return the thread that stands for a text; None for one that is a thread itself, or when nobody can tell."""
    path = _key_file(file)
    if not text or is_thread_id(text) or not path.exists():
        return None
    try:
        return Threads(identity_key(path)).replace(text)
    except ConfigError:  # it is somebody else's, say: all that is not derived can be looked at still
        return None


def _key_file(file: QueueFile) -> Path:
    """Return where the key is, as `message_bus.queue_opening` has it."""
    config = file.organism.config if file.organism is not None else None
    if config is None or not config.identity_path:
        return thread_key_file(file.path)
    root = config.source.parent.parent if config.source is not None else Path()
    return root / config.identity_path
