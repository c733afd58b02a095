"""One organism in a test: the real gate and the real pump, without a daemon, with mocks where the test wants them.

    @virtual_time
    async def test_the_answer_comes_home() -> None:
        async with organism("config/organism.yaml", mocks={"counter": Page("3 words")}) as bus:
            await bus.send(Draft("one two three"), to="editor", from_id="me")
            await bus.settled()
            bus.assert_sent(Page("3 words"), from_id="editor", to="me")

Nothing here opens a port or a file but the configuration. Raises what the loader raises for that.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeAlias

from agentserver.config import ConfigLoader, ListenerConfig, OrganismConfig
from agentserver.config.fault_log import did_you_mean
from agentserver.errors import WireError
from agentserver.message_bus.bootstrap import running
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.pump import StreamPump
from agentserver.message_bus.worker_threads import WorkerThreads
from agentserver.queues import DeadLetter
from agentserver.testing.assertions import require_none, require_refused, require_sent
from agentserver.testing.mocks import Mock
from agentserver.testing.sent_message import RecordingQueue, SentMessage, sent_message
from agentserver.testing.virtual_time import VirtualTimeLoop
from agentserver.wire import StrictParser

Organism: TypeAlias = str | os.PathLike[str] | OrganismConfig | Sequence[ListenerConfig]
"""A file, a configuration, or listeners that make one."""

TESTER: Final = "test"
"""The name that a test sends under when it gives none."""
MAX_TEST_THREADS: Final = 64
"""Plain `def` handlers of one listener that run at once in virtual time."""


class Bus:
    """An organism that runs in a test.

    Args:
        pump: Its pump.
        queue: Where the pump's messages wait.
        mocks: The mocks by the names of their listeners.

    Attributes:
        pump: As given, for what is not here.
        mocks: As given: `bus.mocks["bank"].payloads` is what it was asked.
        failures: The messages that failed, in order: each with its `failure`, and the `stage` at which it did.
    """

    def __init__(self, pump: StreamPump, queue: RecordingQueue, mocks: Mapping[str, Mock]) -> None:
        self.pump, self.mocks, self._queue = pump, mocks, queue
        self.failures: list[MessageState] = []
        self._writer = PayloadWriter(pump.routing_table)
        pump.add_outlet(self._note)

    async def send(
        self, payload: Any, to: str | None = None, from_id: str = TESTER, thread_id: str | None = None
    ) -> str | None:
        """Send a message from outside.

        Args:
            payload: An instance of a contract's class, or an element; or XML as text or bytes: the payload alone, or
                an envelope, which then goes in as it is, as does what is no XML.
            to: The listener that it is for; None leaves that to the payload's root.
            from_id: Who sends it.
            thread_id: The conversation; None begins one.

        Returns:
            The thread.

        Raises:
            BindingError: The payload does not fit its own contract.
        """
        data = self._written(payload, to, from_id, thread_id)
        return await self.pump.inject(data, thread_id, from_id)

    async def settled(self) -> None:
        """Wait until nothing waits and nothing is in flight."""
        await self.pump.drained()

    @property
    def sent(self) -> list[SentMessage]:
        """What handlers sent until now, in order; and the refusals that the pump sent."""
        return [sent_message(message, self.pump.routing_table) for message in self._queue.sent]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The dead letters that are kept, oldest first."""
        return self.pump.dead_letters

    def assert_sent(self, payload: Any, to: str | None = None, from_id: str | None = None) -> SentMessage:
        """Return the first message that was sent with this payload.

        Args:
            payload: An instance or an element, or XML as text: all of it is compared. Or a class: any instance.
            to: Whom it went to; None is anybody.
            from_id: Who sent it; None is anybody.

        Raises:
            AssertionError: There is none; it tells in what the nearest one differs.
        """
        return require_sent(self.sent, self.failures, payload, to, from_id)

    def assert_refused(self, code: str) -> MessageState:
        """Return the first message that failed with `code`, as `no-listener`.

        Raises:
            AssertionError: None did; it tells which did, and what was sent.
        """
        return require_refused(self.sent, self.failures, code)

    def assert_nothing_sent(self) -> None:
        """Check that no handler sent anything.

        Raises:
            AssertionError: One did; it tells what.
        """
        require_none(self.sent, self.failures)

    def _written(self, payload: Any, to: str | None, from_id: str, thread_id: str | None) -> bytes:
        if isinstance(payload, str):
            payload = payload.encode()
        if isinstance(payload, bytes):
            if to is None:
                return payload
            try:
                payload = StrictParser().parse(payload)
            except WireError:
                return bytes(payload)
        contract = self._writer.contract_of(payload)
        return self._writer.write(payload, contract, from_id, to, thread_id)[0]

    def _note(self, state: MessageState) -> None:
        if state.error is not None:
            self.failures.append(state)


@asynccontextmanager
async def organism(
    source: Organism, mocks: Mapping[str, Any] | None = None, *, allow_env: bool = False
) -> AsyncIterator[Bus]:
    """Run an organism while the block lasts.

    Args:
        source: A file, a configuration, or listeners.
        mocks: By the name of a listener, what replaces its handlers; see `Mock`.
        allow_env: Whether `${VAR}` in the file stands for an environment variable.

    Yields:
        The bus, to send to and to look at.

    Raises:
        ConfigError: The file cannot be used.
        ValueError: There is no listener to mock.
    """
    config = _config(source, allow_env=allow_env)
    limits = config.limits
    queue = RecordingQueue(
        limits.queue_messages, limits.dead_letters, depth_first=config.thread_scheduling == "depth-first"
    )
    pump = StreamPump(config, queue=queue)
    pump.register_all()
    made = _mock(pump, mocks or {})
    threads = WorkerThreads(MAX_TEST_THREADS)
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        _tell_of_threads(pump, loop, threads)
    bus = Bus(pump, queue, made)
    try:
        async with running(pump):
            yield bus
    finally:
        threads.close()


def _config(source: Organism, *, allow_env: bool) -> OrganismConfig:
    if isinstance(source, OrganismConfig):
        return source
    if isinstance(source, str | os.PathLike):
        return ConfigLoader.load(source, allow_env=allow_env)
    return OrganismConfig("test", listeners=list(source))


def _mock(pump: StreamPump, mocks: Mapping[str, Any]) -> dict[str, Mock]:
    made = {name: answer if isinstance(answer, Mock) else Mock(answer) for name, answer in mocks.items()}
    for name, mock in made.items():
        rows = [row for row in pump.routing_table.rows() if row.name == name]
        if not rows:
            known = pump.listeners
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise ValueError(f"no listener {name!r} to mock{near}")
        for row in rows:
            row.handler = mock
    return made


def _tell_of_threads(pump: StreamPump, loop: VirtualTimeLoop, threads: WorkerThreads) -> None:
    """Tell the loop while plain `def` handlers run, whose threads it would not see."""
    for row in _all_rows(pump):
        handler, is_async = row.call
        if not is_async:
            row.handler = partial(_in_thread, loop, threads, handler)


def _all_rows(pump: StreamPump) -> list[Listener]:
    table = pump.routing_table
    takers = [row for name in pump.listeners for row in table.takers(name)]
    return [*table.rows(), *takers]


async def _in_thread(
    loop: VirtualTimeLoop, threads: WorkerThreads, handler: Any, payload: Any, metadata: Any
) -> Any:
    with loop.working():
        result = await threads.call(handler, payload, metadata)
    return await result if isawaitable(result) else result
