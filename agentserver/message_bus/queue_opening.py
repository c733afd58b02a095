"""From the address of a queue to the queue: made, or opened, with the bounds that the configuration sets.

Takes the configuration; gives a queue that nobody takes from yet. Raises `QueueFault` where its file cannot be used.
The file of a queue that outlives the process has a file beside it, with the key of the organism's threads, where the
configuration names none: what waits in the one is on threads that the other made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agentserver.config import OrganismConfig, QueueAddress
from agentserver.message_bus.identity import identity_key, thread_key_of
from agentserver.queues import MemoryQueue, MessageQueue


def open_queue(
    config: OrganismConfig,
    address: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
    exclusive: bool = False,
) -> MessageQueue:
    """Open a queue.

    Args:
        config: Its bounds, and its address.
        address: Another address.
        clock: Seconds since the epoch.
        exclusive: Whether no other process may serve the same file.

    Raises:
        QueueFault: Its file cannot be used, or another process serves it.
        ValueError: The address is none.
    """
    file = queue_file(config, address)
    return memory_queue(config, clock) if file is None else _sqlite_queue(config, file, clock, exclusive)


def queue_file(config: OrganismConfig, address: str | None = None) -> Path | None:
    """Return the file of a queue; None for one without.

    A relative path begins at the project's folder, which holds the folder of the configuration; or at the working
    directory where there is no file of that.

    Raises:
        ValueError: The address is none.
    """
    source = config.source
    root = source.parent.parent if source is not None else Path.cwd()
    return QueueAddress.parse(config.queue if address is None else address).file(root)


def memory_queue(config: OrganismConfig, clock: Callable[[], float] = time.time) -> MemoryQueue:
    """Make a queue in memory."""
    return MemoryQueue(
        config.limits.queue_messages,
        config.limits.dead_letters,
        depth_first=config.thread_scheduling == "depth-first",
        key_window_s=config.idempotency.window_s,
        clock=clock,
    )


def adjust_queue(queue: MessageQueue, config: OrganismConfig) -> None:
    """Take over the bounds of another configuration, as far as a queue can that is open."""
    if isinstance(queue, MemoryQueue):
        queue.max_waiting = config.limits.queue_messages
        queue.max_dead_letters = config.limits.dead_letters
    elif queue.outlives_process:
        from agentserver.queues.sqlite import SqliteQueue

        if isinstance(queue, SqliteQueue):
            queue.max_waiting = config.limits.queue_messages
            queue.max_dead_letters = config.limits.dead_letters


def key_of_threads(config: OrganismConfig, address: str | None = None) -> bytes | None:
    """Return the key that an organism's threads are derived with; None where a new one will do at each start.

    Raises:
        ConfigError: The file that holds it cannot be used.
    """
    key, file = thread_key_of(config), queue_file(config, address)
    return identity_key(file.with_name(f"{file.name}-key")) if key is None and file is not None else key


def _sqlite_queue(
    config: OrganismConfig, file: Path, clock: Callable[[], float], exclusive: bool
) -> MessageQueue:
    from agentserver.queues.sqlite import SqliteQueue  # which an organism without a file does not need

    limits, retention = config.limits, config.retention
    return SqliteQueue(
        file,
        max_waiting=limits.queue_messages,
        depth_first=config.thread_scheduling == "depth-first",
        retention_s=retention.history_s,
        dead_retention_s=retention.dead_letters_s,
        max_dead_letters=limits.dead_letters,
        key_window_s=config.idempotency.window_s,
        max_crashes=limits.crashes,
        clock=clock,
        exclusive=exclusive,
    )
