"""What programs hold: an organism that runs. Inject messages, ask, listen, shut down.

Puts the parts together and keeps their life in order: register, run, drain, stop. The road of a message is in
`pipeline.py`, what becomes of an answer in `replies.py`, how handlers run in `dispatch.py`. Two pumps in one process
share nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.errors import ConfigError, ConfigFault, PumpClosed, RequestTimedOut
from agentserver.message_bus.conversations import Conversations
from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.gate import gate_stages, parse_limits
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.intake import adopt, state_of
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.outlets import DEFAULT_BUFFER, Outlet, Outlets, Subscription
from agentserver.message_bus.pipeline import Pipeline, build_pipeline
from agentserver.message_bus.registration import listeners_of
from agentserver.message_bus.replies import Handled, Replies
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps import make_repair_step
from agentserver.message_bus.threads import Threads, is_thread_id, new_thread_id
from agentserver.queues import Books, DeadLetter, MemoryQueue, MessageQueue, QueuedMessage, Settlement
from agentserver.wire import EnvelopeBuilder, canonical
from agentserver.xmlable import contract_of

logger = logging.getLogger(__name__)

DEFAULT_REQUEST_TIMEOUT_S: Final = 30.0
DEFAULT_REQUEST_SENDER: Final = "program"
MAX_STOP_S: Final = 1.0
"""Seconds that a pump may take to stop once it was cancelled: no handler is waited for then."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")


class StreamPump:
    """An organism: listeners, a queue, and the pipeline between them.

    Args:
        config: What the organism is made of. Its listeners are registered by `register_all`.
        queue: Where messages wait; one in memory, bounded by the config's limits, when left out.
        clock: Seconds since the epoch, for the times that are written down.
        thread_key: The secret that thread ids are derived with; random when left out.

    Attributes:
        config: As given.
        listeners: Listeners by name; of one with several contracts, the first.
        routing_table: Listeners by key, `{name}.{payload class}` in lower case.
        queue: Where messages wait.
    """

    def __init__(
        self,
        config: OrganismConfig,
        *,
        queue: MessageQueue | None = None,
        clock: Callable[[], float] = time.time,
        thread_key: bytes | None = None,
    ) -> None:
        limits = config.limits
        self.config = config
        self.listeners: dict[str, Listener] = {}
        self.routing_table = RoutingTable()
        self.queue: MessageQueue = queue if queue is not None else _memory_queue(config)
        self._clock = clock
        self._threads = Threads(thread_key)
        self._stages = gate_stages(limits, config.repair, self.routing_table, self._threads, config.pipeline)
        self._dispatcher = Dispatcher(
            config.max_concurrent_handlers, config.max_concurrent_per_agent, limits.handler_timeout_s
        )
        self._replies = Replies(
            self.routing_table,
            self._threads,
            make_repair_step(parse_limits(limits), config.repair),
            max_hops=limits.hops,
            max_bytes=limits.message_bytes,
            clock=clock,
        )
        self._outlets = Outlets()
        self._conversations = Conversations()
        self._builder = EnvelopeBuilder()
        self._max_bytes = limits.message_bytes + 1
        self._ids = secrets.token_hex(6)
        self._injected = 0
        self._known_senders: set[str] = set()
        self._running: asyncio.Task[Any] | None = None
        self._closing = False

    # what it is made of

    def register_listener(self, config: ListenerConfig) -> Listener:
        """Add a listener; return it, or the first of its contracts.

        Raises:
            ConfigError: Its class or its handler cannot be imported, or its key is taken.
            ContractError: Its class is no contract.
        """
        rows = listeners_of(config)
        for row in rows:
            if self.routing_table.pinned(row.root_tag):
                raise ConfigError([ConfigFault("listeners", 0, 0, f"{row.root_tag} is registered already")])
        for row in rows:
            self.routing_table.add(row)
        self.listeners.setdefault(config.name, rows[0])
        return rows[0]

    def register_all(self) -> None:
        """Add every listener of the config."""
        for listener in self.config.listeners:
            self.register_listener(listener)

    def build_pipeline(self, source: AsyncIterable[Batch | MessageState]) -> Pipeline:
        """Compose the pipeline over a source of states; iterating its stream drives it."""
        return build_pipeline(
            source,
            self._stages,
            self._dispatcher,
            self._replies,
            adopt=lambda batch: adopt(batch, self.queue, self._conversations),
            settle=self._settle,
            max_in_flight=self.config.max_concurrent_pipelines,
        )

    # what goes in

    async def inject(
        self, raw_bytes: bytes, thread_id: str | None = None, from_id: str | None = None
    ) -> str | None:
        """Put a message into the queue; return the thread that it is on.

        What is wrong with the message shows later, as a dead letter, to whoever subscribed to its thread.

        Args:
            raw_bytes: Envelopes, or bare payloads if `from_id` is given. Of more than `limits.message_bytes`, only so
                much is kept as proves it.
            thread_id: The conversation; one that is no UUID stands for one that always is the same. None takes the
                envelope's, or begins a new one.
            from_id: Who sent it: the envelope's word counts no more. None takes the envelope's word, which then
                cannot be a listener's name.

        Returns:
            The thread; None when the envelope is to say.

        Raises:
            PumpClosed: The pump is shutting down.
            TypeError: `raw_bytes` is not bytes.
            ValueError: `from_id` is no name.
        """
        if self._closing:
            raise PumpClosed("the pump is shutting down")
        if type(raw_bytes) is not bytes:
            raise TypeError(f"raw_bytes is {type(raw_bytes).__name__}, bytes are injected")
        if from_id is not None:
            if from_id not in self._known_senders:
                self._check_sender(from_id)
            thread_id = thread_id or new_thread_id()
        if thread_id is not None and not is_thread_id(thread_id):
            thread_id = self._threads.replace(thread_id)
        self._injected += 1
        message = QueuedMessage(
            f"{self._ids}-{self._injected}", raw_bytes[: self._max_bytes], from_id, thread_id
        )
        await self.queue.put((message,))
        return thread_id

    async def request(
        self,
        payload: Any,
        to: str | None = None,
        timeout_s: float = DEFAULT_REQUEST_TIMEOUT_S,
        from_id: str = DEFAULT_REQUEST_SENDER,
    ) -> Any:
        """Send a payload and wait for the answer.

        Args:
            payload: An instance of an `@xmlify` class.
            to: The listener that it is for; None leaves that to the payload's class.
            timeout_s: Seconds to wait.
            from_id: The name to ask under.

        Returns:
            The payload of the first reply: an instance of its class, or an element when a handler wrote bytes.

        Raises:
            RequestFailed: The message, or one that followed from it, failed, and nothing is left that could answer.
            NoReply: Everything was handled, and nobody answered.
            RequestTimedOut: No answer came in time.
            BindingError: The payload does not fit its own contract.
            PumpClosed: The pump is shutting down.
            ValueError: `from_id` is a listener's name, which the answer would go to.
        """
        if self.routing_table.has_name(from_id):
            raise ValueError(
                f"{from_id!r} is a listener here, and would get the answer: ask under another from_id"
            )
        contract, thread_id = contract_of(type(payload)), new_thread_id()
        tree, _ = self._builder.build(
            from_id, to, thread_id, contract.root_tag, lambda element: contract.fill(payload, element)
        )
        watch = self._conversations.watch(thread_id)
        try:
            await self.inject(canonical(tree), thread_id, from_id)
            async with asyncio.timeout(timeout_s):
                return (await watch.reply).payload
        except TimeoutError:
            raise RequestTimedOut(f"no answer within {timeout_s:g} s") from None
        finally:
            watch.reply.cancel()
            self._conversations.forget(thread_id)

    # what comes out

    def add_outlet(self, outlet: Outlet, thread_id: str | None = None) -> Callable[[], None]:
        """Call `outlet` with each message that leaves or fails, on one thread or on any; return how to stop that."""
        return self._outlets.add(outlet, None if thread_id is None else self._known_thread(thread_id))

    @asynccontextmanager
    async def subscribe(
        self, thread_id: str | None = None, buffer: int = DEFAULT_BUFFER
    ) -> AsyncIterator[Subscription]:
        """Listen on a thread, or on all; iterate what this gives to get states, `error` set on those that failed."""
        subscription = Subscription(buffer)
        remove = self.add_outlet(subscription.put, thread_id)
        try:
            yield subscription
        finally:
            remove()

    @property
    def books(self) -> Books:
        """The counts of messages; `books.balanced` holds at every moment."""
        return self.queue.books

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The dead letters that are kept, oldest first."""
        return list(self.queue.dead_letters)

    @property
    def false_claims(self) -> int:
        """How often somebody claimed to be another, or on another thread, than they were."""
        return self._replies.false_claims

    @property
    def unclaimed(self) -> int:
        """Replies that left while nobody listened for them."""
        return self._outlets.unclaimed

    # its life

    async def run(self) -> None:
        """Pump until `shutdown`.

        Raises:
            PumpClosed: It was shut down before.
        """
        if self._closing:
            raise PumpClosed("a pump that was shut down does not run again")
        if self._running is not None:
            raise RuntimeError("this pump is running already")
        self._running = asyncio.current_task()
        try:
            async with self.build_pipeline(self._queue_source()).stream() as streamer:
                async for _ in streamer:
                    pass
        finally:
            self._running = None
            self._dispatcher.abort()
            self.queue.recover()

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is in flight.

        Raises:
            Exception: Whatever ended the pump meanwhile, if anything did.
        """
        running = self._running
        if running is None:
            await self.queue.idle()
            return
        await self._idle_or_stopped(running, None)
        if running.done() and not running.cancelled():
            running.result()

    async def shutdown(self, timeout_s: float | None = None) -> bool:
        """Take nothing more, finish what is there, and stop. Never waits longer than `timeout_s`, but for a moment.

        What a queue in memory still holds then becomes dead letters; a durable queue keeps it for the next start.

        Args:
            timeout_s: Seconds to drain; `limits.drain_timeout_s` when left out.

        Returns:
            Whether everything was finished.
        """
        deadline_s = self.config.limits.drain_timeout_s if timeout_s is None else timeout_s
        await asyncio.sleep(0)  # a run that was only just scheduled begins
        self._closing = True
        running = self._running
        if running is not None and not running.done():
            await self._drain(running, deadline_s)
            self.queue.close()
            if self.books.in_flight:
                running.cancel()
            if running is not asyncio.current_task():
                await asyncio.wait([running], timeout=MAX_STOP_S)
        self.queue.close()
        lost = await self._bury_rest()
        await self.queue.aclose()
        return not lost and not self.books.open

    async def _drain(self, running: asyncio.Task[Any], timeout_s: float) -> None:
        await self._idle_or_stopped(running, timeout_s)
        if self.books.open:
            logger.warning(
                "not drained in time",
                extra={
                    "waiting": self.books.waiting,
                    "in_flight": self.books.in_flight,
                    "timeout_s": timeout_s,
                },
            )

    async def _idle_or_stopped(self, running: asyncio.Task[Any], timeout_s: float | None) -> None:
        """Wait until all is handled, the time is up, or the pump has stopped for another reason."""
        idle = asyncio.create_task(self.queue.idle())
        try:
            await asyncio.wait((idle, running), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            idle.cancel()

    async def _bury_rest(self) -> int:
        """Make dead letters of what would be lost with this process."""
        settlement = Settlement()
        for delivery in self.queue.abandon():
            message = delivery.message
            letter = DeadLetter(
                message, "shutdown", "shutdown", "the pump was shut down before it was handled",
                message.sender, message.thread_id, self._clock(),
            )  # fmt: skip
            settlement.dead.append((delivery, letter))
        if settlement.dead:
            logger.warning("messages were not handled before shutdown", extra={"count": len(settlement.dead)})
        await self.queue.settle(settlement)
        return len(settlement.dead)

    async def _queue_source(self) -> AsyncIterator[Batch]:
        limit, dispatcher, queue = self.config.max_concurrent_pipelines, self._dispatcher, self.queue
        while deliveries := await queue.take(limit - dispatcher.in_flight):
            yield [state_of(delivery) for delivery in deliveries]

    async def _settle(self, handled: Handled) -> None:
        await self.queue.settle(handled.settlement)
        conversations = self._conversations
        for state in handled.leaving:
            message = state.message
            conversation_id = (message.conversation_id if message is not None else None) or state.thread_id
            self._outlets.leave(state, conversation_id, awaited=conversations.waits_for(conversation_id))
        if conversations:
            conversations.account(handled.states)

    def _known_thread(self, thread_id: str) -> str:
        return thread_id if is_thread_id(thread_id) else self._threads.replace(thread_id)

    def _check_sender(self, name: str) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                f"from_id {name[:80]!r} is no name: a letter, then up to 63 letters, digits, '.', '_', '-'"
            )
        if len(self._known_senders) < DEFAULT_BUFFER:
            self._known_senders.add(name)


def _memory_queue(config: OrganismConfig) -> MemoryQueue:
    return MemoryQueue(
        config.limits.queue_messages,
        config.limits.dead_letters,
        depth_first=config.thread_scheduling == "depth-first",
    )
