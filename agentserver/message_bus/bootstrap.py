"""From a file to an organism, and the frame in which one runs.

`bootstrap` reads, registers, and starts nothing; `assembled` does so to look at an organism only; `running` pumps for
as long as its block lasts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import PumpError
from agentserver.message_bus.identity import thread_key_of
from agentserver.message_bus.pump import StreamPump


async def bootstrap(path: str | os.PathLike[str], *, allow_env: bool = False) -> StreamPump:
    """Read an `organism.yaml` and return its pump, with every listener registered.

    The key file that `organism.identity` names is made when there is none.

    Args:
        path: The file. The parent of its folder joins `sys.path`, so that handlers beside it import.
        allow_env: Whether `${VAR}` in values stands for an environment variable.

    Raises:
        ConfigError: All the faults of the file, or what is wrong with the key file.
    """
    return _pump(ConfigLoader.load(path, allow_env=allow_env), keyed=True)


def assembled(path: str | os.PathLike[str], *, allow_env: bool = False) -> StreamPump:
    """Do as `bootstrap` for an organism that is looked at and never run: its key file is neither made nor read.

    Raises:
        ConfigError: All the faults of the file.
    """
    return _pump(ConfigLoader.load(path, allow_env=allow_env), keyed=False)


def _pump(config: OrganismConfig, *, keyed: bool) -> StreamPump:
    pump = StreamPump(config, thread_key=thread_key_of(config) if keyed else None)
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
