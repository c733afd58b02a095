"""From a file to an organism, and the frame in which one runs.

`bootstrap` reads, registers, and starts nothing; `assembled` does so to look at an organism only; `running` pumps for
as long as its block lasts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import PumpError
from agentserver.message_bus.pump import StreamPump
from agentserver.message_bus.queue_opening import key_of_threads, memory_queue, open_queue
from agentserver.queues import MessageQueue


async def bootstrap(
    path: str | os.PathLike[str],
    *,
    allow_env: bool = False,
    queue: str | Callable[[OrganismConfig], str] | None = None,
    exclusive: bool = False,
) -> StreamPump:
    """Read an `organism.yaml` and return its pump, with every listener registered and its queue open.

    The key file that `organism.identity` names is made when there is none, and so is the file of the queue. Who never
    runs the pump closes the queue by `await pump.shutdown()`.

    Args:
        path: The file. The parent of its folder joins `sys.path`, so that handlers beside it import.
        allow_env: Whether `${VAR}` in values stands for an environment variable.
        queue: Address of the queue, or what gives it; that of the file when left out.
        exclusive: Whether no other process may serve the queue's file.

    Raises:
        ConfigError: All the faults of the file, or what is wrong with the key file.
        QueueFault: The file of the queue cannot be used, or another process serves it.
        ValueError: `queue` is no address.
    """
    config = ConfigLoader.load(path, allow_env=allow_env)
    address = queue(config) if callable(queue) else queue
    key = key_of_threads(config, address)
    opened = await asyncio.to_thread(open_queue, config, address, exclusive=exclusive)
    try:
        return _pump(config, opened, key)
    except BaseException:
        await opened.aclose()
        raise


def assembled(path: str | os.PathLike[str], *, allow_env: bool = False) -> StreamPump:
    """Do as `bootstrap` for an organism that is looked at and never run: no file of its is made or read.

    Raises:
        ConfigError: All the faults of the file.
    """
    config = ConfigLoader.load(path, allow_env=allow_env)
    return _pump(config, memory_queue(config), None)


def _pump(config: OrganismConfig, queue: MessageQueue, thread_key: bytes | None) -> StreamPump:
    pump = StreamPump(config, queue=queue, thread_key=thread_key, owns_queue=True)
    pump.register_all()
    return pump


@asynccontextmanager
async def running(pump: StreamPump, *, drain_timeout_s: float | None = None) -> AsyncIterator[StreamPump]:
    """Run a pump while the block lasts; drain it and shut it down behind.

    Args:
        pump: A pump that is not running.
        drain_timeout_s: Seconds to drain; the config's when left out.

    Yields:
        The pump, running.

    Raises:
        PumpError: Somebody cancelled the pump.
        Exception: Whatever else ended it, if anything did.
    """
    task = asyncio.create_task(pump.run(), name="agentserver-pump")
    await asyncio.sleep(0)  # so that a shutdown at once finds it running
    cancelled = False
    try:
        yield pump
    finally:
        cancelled = task.done() and task.cancelled()
        try:
            await pump.shutdown(drain_timeout_s)
        finally:  # also when the block is cancelled once more, while it drains
            if not task.done():
                task.cancel()
            await asyncio.wait([task])
    if cancelled:
        raise PumpError("the pump was cancelled, and not by whoever ran it")
    if not task.cancelled():
        task.result()
