"""What programs hold: an organism that runs. Inject messages, ask, listen, shut down.

Puts the parts together and keeps their life in order: register, run, drain, stop. The road of a message is in
`pipeline.py`, what becomes of an answer in `replies.py`, how handlers run in `dispatch.py`. Two pumps in one process
share nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.errors import ConfigError, ConfigFault, PumpClosed, PumpError, RequestTimedOut, told
from agentserver.message_bus.addressing import Addressing
from agentserver.message_bus.admission import Admission
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.closing import bury, idle_or_stopped
from agentserver.message_bus.containment import containing
from agentserver.message_bus.conversations import Conversations
from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.gate import gate_stages, parse_limits
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.intake import adopt, state_of
from agentserver.message_bus.introspection import register_meta
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.names import check_name
from agentserver.message_bus.outlets import DEFAULT_BUFFER, Outlet, Outlets, Subscription
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.pipeline import Pipeline, build_pipeline
from agentserver.message_bus.registration import listeners_of
from agentserver.message_bus.replies import Handled, Replies
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps import make_repair_step
from agentserver.message_bus.threads import Threads, new_thread_id
from agentserver.message_bus.watchdog import watching
from agentserver.queues import Books, DeadLetter, MemoryQueue, MessageQueue
from agentserver.xmlable.foreign import SchemaLibrary

DEFAULT_REQUEST_TIMEOUT_S: Final = 30.0
DEFAULT_REQUEST_SENDER: Final = "program"
MAX_STOP_S: Final = 1.0
"""Seconds that a pump may take to stop once it was cancelled: no handler is waited for then."""


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
        routing_table: Listeners by key, `{name}.{root tag}`, in lower case where the tag has no namespace.
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
        threads = Threads(thread_key)
        self._admission = Admission(threads, limits.message_bytes)
        self._stages = gate_stages(limits, self.routing_table, threads, config.pipeline)
        self._dispatcher = Dispatcher(
            config.max_concurrent_handlers, config.max_concurrent_per_agent, limits.handler_timeout_s
        )
        self._budget = Budget(config.budget, limits.hops)
        self._replies = Replies(
            self.routing_table,
            Addressing(self.routing_table, threads),
            make_repair_step(parse_limits(limits), config.repair),
            budget=self._budget,
            max_bytes=limits.message_bytes,
            clock=clock,
        )
        register_meta(config.meta, self.routing_table, self.listeners, limits.message_bytes)
        self._outlets = Outlets()
        self._conversations = Conversations()
        self._writer = PayloadWriter(self.routing_table)
        self._schemas = SchemaLibrary()
        self._run_task: asyncio.Task[Any] | None = None
        self._closing = False
        self._fault: Exception | None = None

    def register_listener(self, config: ListenerConfig) -> Listener:
        """Add a listener, while the pump runs or before.

        Args:
            config: Its name, its contracts and their handlers, as paths or as objects.

        Returns:
            The listener; of several contracts, the first.

        Raises:
            ConfigError: A class or a handler cannot be imported, a key is taken, or the name is kept.
            ContractError: A class is no contract.
            ValueError: The name is no name.
        """
        check_name("listener", config.name)
        rows = listeners_of(config, self._schemas)
        for index, row in enumerate(rows):
            own = any(row.root_tag == other.root_tag for other in rows[:index])
            if own or self.routing_table.pinned(row.root_tag):
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
        """Compose the pipeline over a source.

        Args:
            source: Gives batches of states, or single ones, that bring `raw_bytes`.

        Returns:
            The pipeline; iterating its `stream()` drives it.
        """
        return build_pipeline(
            source,
            self._stages,
            self._dispatcher,
            self._replies,
            adopt=lambda batch: adopt(batch, self.queue, self._conversations, self._budget),
            settle=self._settle,
            max_in_flight=self.config.max_concurrent_pipelines,
            enter=self._tell_secret_names,
        )

    async def inject(
        self,
        raw_bytes: bytes,
        thread_id: str | None = None,
        from_id: str | None = None,
        *,
        first_line: int = 1,
    ) -> str | None:
        """Put a message into the queue. What is wrong with it shows later, to whoever subscribed to its thread.

        Waits while the queue is full.

        Args:
            raw_bytes: Envelopes, or bare payloads if `from_id` is given. Of more than `limits.message_bytes`, only so
                much is kept as proves it.
            thread_id: The conversation; one that is no UUID stands for one that always is the same. None takes the
                envelope's, or begins a new one.
            from_id: Who sent it: the envelope's word counts no more. None takes the envelope's word, which then
                cannot be a listener's name.
            first_line: The line on which `raw_bytes` begins in the text that they were cut from, 1-based. Lines in
                errors are those of `raw_bytes`; this goes along as `message.first_line`.

        Returns:
            The thread; None when the envelope is to say.

        Raises:
            PumpClosed: The pump is shutting down.
            PumpError: The pump ended by a fault, and was not run again.
            TypeError: `raw_bytes` is not bytes.
            ValueError: `from_id` is no name.
        """
        if self._closing:
            raise PumpClosed("the pump is shutting down")
        if self._fault is not None:
            raise PumpError(f"the pump ended by a fault: {told(self._fault)}") from self._fault
        message = self._admission.message(raw_bytes, thread_id, from_id, first_line)
        self._budget.open(message)
        await self.queue.put((message,))
        thread_id = message.thread_id
        return None if thread_id is None else self._admission.thread_of(thread_id)

    async def request(
        self,
        payload: Any,
        to: str | None = None,
        timeout_s: float = DEFAULT_REQUEST_TIMEOUT_S,
        from_id: str = DEFAULT_REQUEST_SENDER,
    ) -> Any:
        """Send a payload and wait for the answer.

        Args:
            payload: An instance of an `@xmlify` class, or of one that a listener takes; or an lxml element.
            to: The listener that it is for; None leaves that to the payload's root.
            timeout_s: Seconds to wait.
            from_id: The name to ask under.

        Returns:
            The payload of the first reply: an instance of its class, or an element when a handler wrote bytes.

        Raises:
            RequestFailed: The message, or one that followed from it, failed, and nothing is left that could answer.
            NoReply: Everything was handled, and nobody answered.
            RequestTimedOut: No answer came in time.
            BindingError: The payload does not fit its own contract.
            PumpClosed: The pump is shut down, before or meanwhile.
            PumpError: The pump ended by a fault meanwhile.
            ValueError: `to` or `from_id` is no name, or `from_id` a listener's, which the answer would go to.
        """
        check_name("from_id", from_id)
        if to is not None:
            check_name("to", to)
        if self.routing_table.has_name(from_id):
            raise ValueError(
                f"{from_id!r} is a listener here, and would get the answer: ask under another from_id"
            )
        thread_id = new_thread_id()
        contract = self._writer.contract_of(payload)
        data, _ = self._writer.write(payload, contract, from_id, to, thread_id)
        watch = self._conversations.watch(thread_id)
        try:
            async with asyncio.timeout(timeout_s):
                await self.inject(data, thread_id, from_id)
                return (await watch.reply).payload
        except TimeoutError:
            raise RequestTimedOut(f"no answer within {timeout_s:g} s") from None
        finally:
            watch.reply.cancel()
            self._conversations.forget(thread_id)

    def add_outlet(self, outlet: Outlet, thread_id: str | None = None) -> Callable[[], None]:
        """Call `outlet` with each message that leaves or fails, on one thread or on any; return how to stop that."""
        return self._outlets.add(outlet, None if thread_id is None else self._admission.thread_of(thread_id))

    @asynccontextmanager
    async def subscribe(
        self, thread_id: str | None = None, buffer: int = DEFAULT_BUFFER
    ) -> AsyncIterator[Subscription]:
        """Listen while the block lasts.

        Args:
            thread_id: The thread; None listens to everything.
            buffer: Messages to keep for a reader that is slower than the pump.

        Yields:
            What to iterate: states as they leave, with `error` set on those that failed, until the pump is shut down.
        """
        subscription = Subscription(buffer)
        remove = self.add_outlet(subscription.put, thread_id)
        forget = self._outlets.at_end(subscription.close)
        try:
            yield subscription
        finally:
            remove()
            forget()

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

    async def run(self) -> None:
        """Pump until `shutdown`. When it is cancelled instead, what was in flight waits again, and it may run anew.

        Raises:
            PumpClosed: It was shut down before.
            PumpError: Somebody else closed the queue.
            RuntimeError: It is running already.
        """
        if self._closing:
            raise PumpClosed("a pump that was shut down does not run again")
        if self._run_task is not None:
            raise RuntimeError("this pump is running already")
        self._run_task, self._fault = asyncio.current_task(), None
        threshold_s = self.config.limits.block_warning_s
        try:
            with containing(asyncio.get_running_loop()), watching(threshold_s, self._dispatcher.blame):
                await self._pump()
            if not self._closing:
                raise PumpError("the queue was closed, and not by the pump's shutdown")
        except asyncio.CancelledError:
            if not self._closing:
                self._conversations.close(PumpError("the pump was cancelled"))
            raise
        except Exception as exc:
            self._fault = exc
            self._conversations.close(PumpError(f"the pump ended by a fault: {told(exc)}"))
            raise
        finally:
            self._run_task = None
            self._dispatcher.abort()
            self.queue.recover()

    async def _pump(self) -> None:
        async with self.build_pipeline(self._queue_source()).stream() as streamer:
            async for _ in streamer:
                pass

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is in flight.

        Raises:
            Exception: Whatever ended the pump meanwhile, if anything did.
        """
        running = self._run_task
        if running is not None:
            await idle_or_stopped(self.queue, running, None)
        if self._fault is not None:
            raise self._fault
        if running is not None and running.done() and self.books.open:
            raise PumpError("the pump was cancelled; what was in flight waits again")
        if running is None:
            await self.queue.idle()

    async def shutdown(self, timeout_s: float | None = None) -> bool:
        """Take nothing more, finish what is there, and stop. Never waits longer than `timeout_s`, but for a moment.

        What a queue in memory still holds then becomes dead letters; one that outlives the process keeps it. Requests
        that are still open fail with `PumpClosed`, and subscriptions end.

        Args:
            timeout_s: Seconds to drain; `limits.drain_timeout_s` when left out.

        Returns:
            Whether everything was finished.
        """
        await asyncio.sleep(0)  # a run that was only just scheduled begins
        self._closing = True
        running = self._run_task
        if running is not None and not running.done():
            deadline_s = self.config.limits.drain_timeout_s if timeout_s is None else timeout_s
            await idle_or_stopped(self.queue, running, deadline_s)
            self.queue.close()
            if self.books.in_flight:
                running.cancel()
            if running is not asyncio.current_task():
                await asyncio.wait([running], timeout=MAX_STOP_S)
        self.queue.close()
        lost = await bury(self.queue, self._clock)
        self._tell(lost)
        self._conversations.close(PumpClosed("the pump was shut down before anybody answered"))
        self._outlets.close()
        await self.queue.aclose()
        return not lost and not self.books.open

    async def _queue_source(self) -> AsyncIterator[Batch]:
        limit, dispatcher, queue = self.config.max_concurrent_pipelines, self._dispatcher, self.queue
        # a message that waited for its agent may have taken the last place since this was asked for
        while deliveries := await queue.take(max(1, limit - dispatcher.occupied)):
            states = [state_of(delivery) for delivery in deliveries]
            self._budget.stop(states)
            yield states

    def _tell_secret_names(self, batch: Batch) -> None:
        names = self.routing_table.secret_names
        if names:
            for state in batch:
                state.secret_names = names

    async def _settle(self, handled: Handled) -> None:
        try:
            await self.queue.settle(handled.settlement)
        except BaseException:
            self._budget.undo(handled.states)
            raise
        if handled.leaving:
            self._tell(handled.leaving)
        if self._conversations:
            self._conversations.account(handled.states)

    def _tell(self, states: list[MessageState]) -> None:
        """Tell the outlets of messages that left or failed."""
        for state in states:
            message = state.message
            thread_id = message.conversation_id if message is not None and message.chain else state.thread_id
            root = self._admission.thread_of(thread_id) if thread_id is not None else None
            self._outlets.leave(state, root, awaited=self._conversations.waits_for(root))


def _memory_queue(config: OrganismConfig) -> MemoryQueue:
    return MemoryQueue(
        config.limits.queue_messages,
        config.limits.dead_letters,
        depth_first=config.thread_scheduling == "depth-first",
    )
