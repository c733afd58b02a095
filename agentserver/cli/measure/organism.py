"""The user's own organism, end to end: greetings to its `greeter`, each with its reply back outside.

Reads the file as the daemon does, with its handlers, its limits and its steps; only its queue is replaced by one in
memory, so that a measurement leaves nothing in anybody's database. An organism without a listener that takes one text
under the name `greeter` cannot be measured so, and that is said.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from agentserver.cli.measure.figures import Amount
from agentserver.cli.measure.rounds import Effort, Progress, no_progress
from agentserver.cli.measure.samples import SENDER, THREAD, message
from agentserver.config import ConfigLoader
from agentserver.errors import AgentServerError
from agentserver.message_bus import MessageState, StreamPump, running
from agentserver.queues import MemoryQueue

LISTENER: Final = "greeter"
GREETINGS: Final = 500
"""Of one turn."""
REQUESTS: Final = 50
TRIAL_TIMEOUT_S: Final = 5.0


class NotMeasurable(Exception):
    """The organism has no greeter, or none that answers a greeting; the text says which."""


def load_organism(path: Path, *, allow_env: bool = False) -> StreamPump:
    """Return the pump of an organism, with a queue in memory.

    Args:
        path: The organism's file.
        allow_env: Whether `${VAR}` in the file stands for an environment variable.

    Raises:
        ConfigError: The file has faults.
    """
    config = ConfigLoader.load(path, allow_env=allow_env)
    limits = config.limits
    queue = MemoryQueue(
        limits.queue_messages, limits.dead_letters, depth_first=config.thread_scheduling == "depth-first"
    )
    pump = StreamPump(config, queue=queue)
    pump.register_all()
    return pump


async def organism_figures(
    pump: StreamPump, effort: Effort, progress: Progress = no_progress
) -> list[Amount]:
    """Measure greetings with their replies, many at once and one after another.

    Args:
        pump: The organism; it is shut down afterwards.
        effort: How long is measured.
        progress: Is told of each round.

    Raises:
        NotMeasurable: Its greeter does not answer a greeting.
    """
    payload, name = _greeting(pump), pump.config.name
    async with running(pump):
        await _try(pump, payload)
        rates = []
        for index in range(effort.rounds):
            progress(index + 1, effort.rounds)
            rates.append(await _replies_per_second(pump, payload, GREETINGS * effort.turns))
        latencies_us = [await _request_us(pump, payload) for _ in range(REQUESTS * effort.turns)]
    return [
        Amount(f"{name}: greetings, each with its reply", median(rates[1:]), "per second"),
        Amount(f"{name}: one request, median", median(latencies_us), "us"),
        Amount(f"{name}: one request, 99th percentile", quantiles(latencies_us, n=100)[98], "us"),
    ]


def _greeting(pump: StreamPump) -> Any:
    listener = pump.listeners.get(LISTENER)
    if listener is None:
        raise NotMeasurable(f"it has no listener {LISTENER!r}")
    names = [field.name for field in dataclasses.fields(listener.payload_class)]
    try:
        payload = listener.payload_class(**dict.fromkeys(names, "Alice"))
        message(payload, LISTENER)
    except (AgentServerError, TypeError, ValueError) as exc:
        raise NotMeasurable(f"its {LISTENER!r} takes more than a text: {exc}") from exc
    return payload


async def _try(pump: StreamPump, payload: Any) -> None:
    try:
        await pump.request(payload, LISTENER, timeout_s=TRIAL_TIMEOUT_S)
    except AgentServerError as exc:
        raise NotMeasurable(f"its {LISTENER!r} does not answer: {exc}") from exc


async def _replies_per_second(pump: StreamPump, payload: Any, count: int) -> float:
    """Send greetings as fast as they are taken in; return how many were answered in a second."""
    data, replies = message(payload, LISTENER), 0

    def on_reply(state: MessageState) -> None:
        nonlocal replies
        replies += state.error is None

    stop = pump.add_outlet(on_reply)
    try:
        start = time.perf_counter()
        for _ in range(count):
            await pump.inject(data, THREAD, SENDER)
        await pump.drained()
        seconds = time.perf_counter() - start
    finally:
        stop()
    if replies < count:
        raise NotMeasurable(f"its {LISTENER!r} answered {replies} greetings of {count}")
    return count / seconds


async def _request_us(pump: StreamPump, payload: Any) -> float:
    start = time.perf_counter()
    await pump.request(payload, LISTENER)
    return (time.perf_counter() - start) * 1e6
