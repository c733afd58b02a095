"""What programs hold: an organism that runs. Inject messages, ask, listen, shut down.

Keeps the life of an organism in order: register, run, drain, stop. Its parts are put together in `engine.py`; the
road of a message is in `pipeline.py`, what becomes of an answer in `replies.py`, how handlers run in `dispatch.py`. Two
pumps in one process share nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from functools import partial
from typing import Any, Final

from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.changes import Changes
from agentserver.config.forbidden_ways import refuse_forbidden_ways
from agentserver.errors import PumpClosed, PumpError, RequestTimedOut, told
from agentserver.message_bus.admission import set_turn
from agentserver.message_bus.bound_for import MANY_WAIT, bound_for
from agentserver.message_bus.cancellation import Cancellation
from agentserver.message_bus.closing import bury, finished_or_late, idle_or_stopped
from agentserver.message_bus.containment import containing
from agentserver.message_bus.engine import Engine
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.idempotency import check_key
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.names import check_name
from agentserver.message_bus.outlets import DEFAULT_BUFFER, Outlet, Subscription
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.pipeline import Pipeline
from agentserver.message_bus.queue_opening import open_queue
from agentserver.message_bus.registration import register
from agentserver.message_bus.reload import Plan, Running, plan
from agentserver.message_bus.threads import new_thread_id
from agentserver.message_bus.watchdog import watching
from agentserver.message_bus.worker_threads import WorkerThreads
from agentserver.queues import DEFAULT_PRIORITY, Books, DeadLetter, MessageQueue
from agentserver.xmlable.foreign import SchemaLibrary

DEFAULT_REQUEST_TIMEOUT_S: Final = 30.0
DEFAULT_REQUEST_SENDER: Final = "program"
MAX_STOP_S: Final = 1.0
"""Seconds that a pump may take to stop once it was cancelled: no handler is waited for then."""


class StreamPump:
    """An organism: listeners, a queue, and the pipeline between them.

    Args:
        config: What the organism is made of. Its listeners are registered by `register_all`.
        queue: Where messages wait; the one that the config names, bounded by its limits, when left out.
        clock: Seconds since the epoch, for the times that are written down.
        thread_key: The secret that thread ids are derived with; random when left out.
        random: A number from 0 to less than 1, for the jitter of retries.
        owns_queue: Whether the bounds of `queue` are the config's, and follow when that is reloaded.

    Attributes:
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
        random: Callable[[], float] = random.random,
        owns_queue: bool = False,
    ) -> None:
        waiting_in = queue if queue is not None else open_queue(config, clock=clock)
        self._engine = Engine(
            config,
            waiting_in,
            clock=clock,
            thread_key=thread_key,
            random=random,
            owns_queue=owns_queue or queue is None,
        )
        self.listeners, self.routing_table = self._engine.listeners, self._engine.routing_table
        self.queue: MessageQueue = waiting_in
        self._writer = PayloadWriter(self.routing_table)
        self._schemas = SchemaLibrary()
        self._run_task: asyncio.Task[Any] | None = None
        self._fault: Exception | None = None
        self._reloading = asyncio.Lock()

    @property
    def config(self) -> OrganismConfig:
        """What the organism is made of, as it was given, or last reloaded."""
        return self._engine.config

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
        rows = register(config, self.routing_table, self._schemas, self.config.breaker)
        for row in rows:
            row.version = self.routing_table.version
        self.listeners.setdefault(config.name, rows[0])
        return rows[0]

    def register_all(self) -> None:
        """Add every listener of the config.

        Raises:
            ConfigError: As `register_listener`; or there is a way that the config forbids.
        """
        refuse_forbidden_ways(self.config)
        for listener in self.config.listeners:
            self.register_listener(listener)

    async def reload(
        self, config: OrganismConfig | str | os.PathLike[str] | None = None, *, allow_env: bool = False
    ) -> Changes:
        """Follow another configuration: wholly from one moment on, or not at all.

        What can fail is done before; whatever fails, everything goes on as it was. Messages that are being handled
        finish by the listener that they were given to. Those that wait are checked against the new contracts when
        their turn comes; one that fits no more becomes a dead letter with the code `contract-changed`.

        Args:
            config: The configuration or its file, whose modules that were changed are imported anew; the file that
                this organism was read from when left out.
            allow_env: Whether `${VAR}` in the file stands for an environment variable.

        Returns:
            What has changed.

        Raises:
            ConfigError: It cannot be used, or would need a restart; all the faults.
            PumpClosed: The pump is shutting down, or was meanwhile.
        """
        async with self._reloading:
            threads = WorkerThreads(1)
            try:
                while True:
                    self._refuse_closed()
                    running = Running(
                        self.config, copy(self.routing_table), self._engine.places, self._engine.gate
                    )
                    wanted = config if config is not None else self.config.source or self.config
                    made: Plan = await threads.call(partial(plan, wanted, running, allow_env=allow_env))
                    self._refuse_closed()
                    if made.is_for(self.routing_table):
                        self._engine.follow(made)
                        return made.changes
            finally:
                threads.close()

    def _refuse_closed(self) -> None:
        if self._engine.closing:
            raise PumpClosed("the pump is shutting down")

    def build_pipeline(self, source: AsyncIterable[Batch | MessageState]) -> Pipeline:
        """Compose the pipeline over a source.

        Args:
            source: Gives batches of states, or single ones, that bring `raw_bytes`.

        Returns:
            The pipeline; iterating its `stream()` drives it.
        """
        return self._engine.pipeline(source)

    async def inject(
        self,
        raw_bytes: bytes,
        thread_id: str | None = None,
        from_id: str | None = None,
        *,
        first_line: int = 1,
        key: str | None = None,
        priority: int = DEFAULT_PRIORITY,
        deliver_at: float = 0.0,
        wait: bool = True,
    ) -> str | None:
        """Put a message into the queue. What is wrong with it shows later, to whoever subscribed to its thread.

        Args:
            raw_bytes: Envelopes, or bare payloads if `from_id` is given. Of more than `limits.message_bytes`, only so
                much is kept as proves it.
            thread_id: The conversation; one that is no UUID stands for one that always is the same. None takes the
                envelope's, or begins a new one. Whoever opened it may go on with it, and nobody else.
            from_id: Who sent it: the envelope's word counts no more. The program is trusted to know, even if this is
                a listener's name, so never pass on what somebody outside calls himself. None takes the envelope's word,
                which then cannot be a listener's name.
            first_line: The line on which `raw_bytes` begins in the text that they were cut from, 1-based. Lines in
                errors are those of `raw_bytes`; this goes along as `message.first_line`.
            key: Up to 256 characters by which its sender knows it: of all that one sender sends with one key, one is
                handled in `idempotency.window_s`, and the others count as `duplicates`. One that failed may be sent
                again.
            priority: 0, handled first, to 9; what follows from the message has it, too.
            deliver_at: Not to be handled before this time, in seconds since the epoch; at once when it is past.
            wait: Whether to wait while the queue is full.

        Returns:
            The thread; None when the envelope is to say.

        Raises:
            ForeignThread: `from_id` did not open `thread_id`. Nothing is put into the queue.
            PumpClosed: The pump is shutting down.
            PumpError: The pump ended by a fault, and was not run again.
            TypeError: `raw_bytes` is not bytes.
            ValueError: `from_id` is no name, or `key` no key; `priority` is out of bounds, or `deliver_at` no time.
            QueueFull: There is no room, and `wait` is False; the text says how many wait, and what bounds them.
        """
        engine = self._engine
        if engine.closing:
            raise PumpClosed("the pump is shutting down")
        if self._fault is not None:
            raise PumpError(f"the pump ended by a fault: {told(self._fault)}") from self._fault
        message = engine.admission.message(raw_bytes, thread_id, from_id, first_line)
        message.queued_at = engine.clock()
        if key is not None:
            message.key, engine.idempotency.has_keys = check_key(key), True
        if priority != DEFAULT_PRIORITY or deliver_at:
            set_turn(message, priority, deliver_at)
        if self.queue.books.waiting >= MANY_WAIT:
            message.bound_for = bound_for(raw_bytes)
        engine.budget.open(message)
        thread_id = message.thread_id
        if engine.conversations:
            engine.conversations.admit(thread_id, 1)
        try:
            await self.queue.put((message,), wait=wait)
        except BaseException:
            engine.conversations.admit(thread_id, -1)
            raise
        return None if thread_id is None else engine.admission.thread_of(thread_id)

    async def request(
        self,
        payload: Any,
        to: str | None = None,
        timeout_s: float = DEFAULT_REQUEST_TIMEOUT_S,
        from_id: str = DEFAULT_REQUEST_SENDER,
        *,
        key: str | None = None,
    ) -> Any:
        """Send a payload and wait for the answer.

        Args:
            payload: An instance of an `@xmlify` class, or of one that a listener takes; or an lxml element.
            to: The listener that it is for; None leaves that to the payload's root.
            timeout_s: Seconds to wait.
            from_id: The name to ask under.
            key: As of `inject`.

        Returns:
            The payload of the first reply: an instance of its class, or an element when a handler wrote bytes.

        Raises:
            RequestFailed: The message, or one that followed from it, failed, and nothing is left that could answer.
            NoReply: Everything was handled, and nobody answered.
            Duplicate: The same was handled before, and is not again.
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
        watch = self._engine.conversations.watch(thread_id)
        try:
            async with asyncio.timeout(timeout_s):
                await self.inject(data, thread_id, from_id, key=key)
                return (await watch.reply).payload
        except TimeoutError:
            raise RequestTimedOut(f"no answer within {timeout_s:g} s") from None
        finally:
            watch.reply.cancel()
            self._engine.conversations.forget(thread_id)

    def add_outlet(
        self, outlet: Outlet, thread_id: str | None = None, *, refusals: bool = False
    ) -> Callable[[], None]:
        """Call `outlet` with each message that leaves or fails, on one thread or on any; return how to stop that.

        Args:
            outlet: Takes a state.
            thread_id: The thread; None listens to everything.
            refusals: Whether whoever asked from outside is to be sent a `core.Huh` or a `core.SystemError_` of what
                failed, which `outlet` is called with, too: it is all that they should be told.
        """
        root = None if thread_id is None else self._engine.admission.thread_of(thread_id)
        return self._engine.outlets.add(outlet, root, refusals=refusals)

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
        forget = self._engine.outlets.at_end(subscription.close)
        try:
            yield subscription
        finally:
            remove()
            forget()

    async def cancel(self, thread_id: str) -> int:
        """End a thread and every branch below it: whatever waits, is looked at or is handled becomes a dead letter.

        Handlers that are at work on it are cancelled, and what they return has no effect. What had left a branch
        before, an answer to whoever asked, goes on. Whoever listens outside is told once. Messages that come later
        are not touched, on whatever thread.

        Args:
            thread_id: As handlers know it, or whoever asked from outside; that of a branch ends that branch alone.

        Returns:
            How many messages it ended, once all of them are dead letters.
        """
        cancellation = Cancellation(thread_id, self._engine.admission.thread_of)
        # in a task of its own, as it goes on when its caller is a handler that it cancels
        self._engine.cancellations[cancellation] = task = asyncio.create_task(
            self._engine.end_all(cancellation, self._run_task)
        )
        task.add_done_callback(lambda _: self._engine.cancellations.pop(cancellation))
        task.add_done_callback(cancellation.log)
        await asyncio.shield(task)
        return cancellation.ended

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
        return self._engine.settling.false_claims

    @property
    def false_claims_by_listener(self) -> Mapping[str, int]:
        """How often the handlers of each listener did."""
        return self._engine.replies.envelopes.false_claims

    @property
    def duplicates(self) -> int:
        """How many messages were not handled, as the same was handled before."""
        return self._engine.idempotency.duplicates

    @property
    def breakers(self) -> Mapping[str, str]:
        """The listeners that are left alone as they keep failing, each `open`, or `half-open` when one is tried."""
        return self._engine.dispatcher.breakers()

    @property
    def repairs(self) -> Mapping[str, Mapping[str, int]]:
        """How many replies of each listener had to be mended, by kind of repair."""
        return self._engine.written.counts

    @property
    def unclaimed(self) -> int:
        """Replies that left while nobody listened for them."""
        return self._engine.outlets.unclaimed

    async def run(self) -> None:
        """Pump until `shutdown`. When it is cancelled instead, what was in flight waits again, and it may run anew.

        Raises:
            PumpClosed: It was shut down before.
            PumpError: Somebody else closed the queue.
            RuntimeError: It is running already.
        """
        if self._engine.closing:
            raise PumpClosed("a pump that was shut down does not run again")
        if self._run_task is not None:
            raise RuntimeError("this pump is running already")
        self._run_task, self._fault = asyncio.current_task(), None
        self._engine.schedules.start(self.config.schedules)
        threshold_s = self.config.limits.block_warning_s
        try:
            with containing(asyncio.get_running_loop()), watching(threshold_s, self._engine.dispatcher.blame):
                await self._pump()
            if not self._engine.closing:
                raise PumpError("the queue was closed, and not by the pump's shutdown")
        except asyncio.CancelledError:
            if not self._engine.closing:
                self._engine.conversations.close(PumpError("the pump was cancelled"))
            raise
        except Exception as exc:
            self._fault = exc
            self._engine.conversations.close(PumpError(f"the pump ended by a fault: {told(exc)}"))
            raise
        finally:
            self._run_task = None
            self._engine.schedules.stop()
            self._engine.overdue.stop()
            self._engine.dispatcher.abort()
            self._engine.joins.clear()
            self._engine.idempotency.clear()
            self.queue.recover()

    async def _pump(self) -> None:
        async with self.build_pipeline(self._engine.source()).stream() as streamer:
            async for _ in streamer:
                pass

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is in flight.

        Raises:
            Exception: Whatever ended the pump meanwhile, if anything did.
        """
        running = self._run_task
        if running is not None:
            await idle_or_stopped(self.queue, running)
        if self._fault is not None:
            raise self._fault
        if running is not None and running.done() and self.books.open:
            raise PumpError("the pump was cancelled; what was in flight waits again")
        if running is None:
            await self.queue.idle()

    def pause(self, listener: str | None = None) -> None:
        """Handle nothing more, or give one listener no more calls, until `resume`. What is being handled is finished.

        Messages are admitted as before, and wait: those for a listener that is paused harm nobody else's.

        Args:
            listener: The listener; None pauses the whole organism.

        Raises:
            ValueError: There is no such listener.
        """
        self._engine.pausing.pause(listener)

    def resume(self, listener: str | None = None) -> None:
        """Go on with one listener, or with the whole organism; what was not paused goes on anyway.

        Args:
            listener: The listener; None resumes the whole, but for listeners that were paused by name.

        Raises:
            ValueError: There is no such listener.
        """
        self._engine.pausing.resume(listener)

    @property
    def paused(self) -> frozenset[str]:
        """The listeners that are paused; `*` among them when the whole organism is."""
        return self._engine.pausing.names

    async def drain(self, listener: str | None = None, timeout_s: float | None = None) -> bool:
        """Wait until what there is for one listener, or everything, is handled; of what is paused, what was begun.

        Messages are admitted as before. For one listener, those that come later are not waited for.

        Args:
            listener: The listener; None waits for everything, but for what waits for listeners that are paused.
            timeout_s: Seconds to wait; None waits without an end.

        Returns:
            Whether it is done; else the time is up.

        Raises:
            PumpError: The pump does not run, or stopped meanwhile.
            ValueError: There is no such listener.
        """
        if listener is not None:
            self._engine.pausing.check(listener)
        await asyncio.sleep(0)  # a run that was only just scheduled begins
        running = self._run_task
        if running is None:
            raise PumpError("the pump does not run, so that nothing is handled")
        done = await self._engine.pausing.drain(listener, running, timeout_s)
        if self._fault is not None:
            raise self._fault
        if running.done() and not done:
            raise PumpError("the pump was stopped meanwhile")
        return done

    async def shutdown(self, timeout_s: float | None = None) -> bool:
        """Take nothing more, finish what is there, and stop. Never waits longer than `timeout_s`, but for a moment.

        Of a queue in memory, all that waits is to be finished, and what is left then becomes dead letters. One that
        outlives the process keeps what waits: what is being handled is finished alone. Requests that are still open
        fail with `PumpClosed`, and subscriptions end.

        Args:
            timeout_s: Seconds to drain; `limits.drain_timeout_s` when left out.

        Returns:
            Whether everything was finished that was to be.
        """
        await asyncio.sleep(0)  # a run that was only just scheduled begins
        self._engine.closing, late = True, 0
        self._engine.schedules.stop()
        running = self._run_task
        if running is not None and not running.done():
            deadline_s = self.config.limits.drain_timeout_s if timeout_s is None else timeout_s
            await finished_or_late(self.queue, running, self._engine.pausing, deadline_s)
            self.queue.close()
            self._engine.pausing.end()
            late = self.books.in_flight
            if late:
                running.cancel()
            if running is not asyncio.current_task():
                await asyncio.wait([running], timeout=MAX_STOP_S)
        self.queue.close()
        lost = await bury(self.queue, self._engine.clock)
        self._engine.tell(lost)
        self._engine.conversations.close(PumpClosed("the pump was shut down before anybody answered"))
        self._engine.outlets.close()
        finished = not lost and not late
        await self.queue.aclose()
        return finished and (self.queue.outlives_process or not self.books.open)
