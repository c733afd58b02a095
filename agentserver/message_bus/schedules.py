"""Messages that the organism sends by the clock, as `schedules:` says.

Takes what is to be sent and how often; puts messages, each in a conversation of its own, with an id that says which
tick it is of: a queue that outlives the process takes it once, though it was restarted within the tick. While the
pump, or the listener, is paused, or the queue is full, ticks are left out. One task, which sleeps from tick to tick.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from agentserver.config import ScheduleConfig
from agentserver.errors import AgentServerError, QueueFull, told
from agentserver.message_bus.admission import Admission
from agentserver.message_bus.cadence import Cadence
from agentserver.message_bus.pausing import Pausing
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.queues import QueuedMessage
from agentserver.wire import StrictParser

logger = logging.getLogger(__name__)

MAX_LOOK_S: Final = 60.0
"""Longest sleep, as the clock may be set meanwhile."""

Put: TypeAlias = Callable[[QueuedMessage], Awaitable[None]]
"""Puts a message into the queue, or raises `QueueFull`."""


class Schedules:
    """What one pump sends by the clock.

    Args:
        admission: Makes messages.
        writer: Makes envelopes.
        pausing: Says what is paused.
        put: Puts messages into the queue.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        admission: Admission,
        writer: PayloadWriter,
        pausing: Pausing,
        put: Put,
        clock: Callable[[], float],
    ) -> None:
        self._admission, self._writer, self._pausing = admission, writer, pausing
        self._put, self._clock = put, clock
        self._cadences: dict[ScheduleConfig, Cadence] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, schedules: Sequence[ScheduleConfig]) -> None:
        """Begin to send; what was sent already goes on with its ticks, where it is as it was."""
        self.stop()
        steady, now = asyncio.get_running_loop().time(), self._clock()
        self._cadences = {
            each: self._cadences.get(each) or Cadence(each.every_s, now, steady, at_start=each.at_start)
            for each in schedules
        }
        if self._cadences:
            self._task = asyncio.create_task(self._run(), name="agentserver-schedules")

    def follow(self, schedules: Sequence[ScheduleConfig]) -> None:
        """Take over others, if this was started."""
        if self._task is not None or (schedules and not self._cadences):
            self.start(schedules)

    def stop(self) -> None:
        """Send nothing more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for schedule, cadence in self._cadences.items():
                tick = cadence.look(self._clock(), loop.time())
                if tick is not None:
                    await self._send(schedule, tick)
            steady = loop.time()
            await asyncio.sleep(min(MAX_LOOK_S, *(each.wait_s(steady) for each in self._cadences.values())))

    async def _send(self, schedule: ScheduleConfig, tick: int) -> None:
        fields = {"schedule": schedule.name, "listener": schedule.to, "tick": tick}
        if self._pausing.is_paused(schedule.to):
            logger.info("a scheduled message is left out, as its listener is paused", extra=fields)
            return
        try:
            await self._put(self._message(schedule, tick))
        except QueueFull as exc:
            logger.warning("a scheduled message is left out", extra={**fields, "reason": str(exc)})
        except AgentServerError as exc:
            logger.warning("a scheduled message cannot be sent", extra={**fields, "reason": told(exc)})

    def _message(self, schedule: ScheduleConfig, tick: int) -> QueuedMessage:
        id_ = f"every-{schedule.name}-{round(schedule.every_s * 1_000)}-{tick}"
        thread_id = self._admission.thread_of(id_)
        payload = StrictParser().parse(schedule.payload.encode())
        data, _ = self._writer.write(payload, None, schedule.sender, schedule.to, thread_id)
        message = self._admission.message(data, thread_id, schedule.sender)
        message.id, message.priority = id_, schedule.priority
        return message
