"""What programs hold: an organism that runs. Inject messages, ask, listen, shut down.

Puts the parts together and keeps their life in order: register, run, drain, stop. The road of a message is in
`pipeline.py`, what becomes of an answer in `replies.py`, how handlers run in `dispatch.py`. Two pumps in one process
share nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from functools import partial
from typing import Any, Final

from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.changes import Changes
from agentserver.config.forbidden_ways import refuse_forbidden_ways
from agentserver.errors import PumpClosed, PumpError, RequestTimedOut, told
from agentserver.message_bus.addressing import Addressing
from agentserver.message_bus.admission import Admission, set_turn
from agentserver.message_bus.briefing import Briefing
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.cancellation import STAGE as CANCEL
from agentserver.message_bus.cancellation import Cancellation
from agentserver.message_bus.closing import bury, finished_or_late, idle_or_stopped, last_answers
from agentserver.message_bus.containment import containing
from agentserver.message_bus.conversations import Conversations
from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.gate import gate_stages, parse_limits
from agentserver.message_bus.generations import Generations
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.idempotency import Idempotency, check_key
from agentserver.message_bus.intake import adopt, fail_crashed, note_taken, state_of
from agentserver.message_bus.introspection import register_meta
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.live_stage import LiveStage, exchange
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.names import check_name
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.outlets import DEFAULT_BUFFER, Outlet, Outlets, Subscription
from agentserver.message_bus.pausing import Pausing
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.pipeline import Pipeline, Stage, build_pipeline
from agentserver.message_bus.portions import Pace, portions
from agentserver.message_bus.queue_opening import adjust_queue, open_queue
from agentserver.message_bus.refusals import Refusals
from agentserver.message_bus.registration import register
from agentserver.message_bus.reload import Plan, Running, plan
from agentserver.message_bus.replies import Replies
from agentserver.message_bus.retrying import Retrying
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.settling import Handled, Settling
from agentserver.message_bus.threads import Threads, new_thread_id
from agentserver.message_bus.usage import Usage
from agentserver.message_bus.visibility import Visibility
from agentserver.message_bus.watchdog import watching
from agentserver.message_bus.worker_threads import WorkerThreads
from agentserver.message_bus.written_replies import WrittenReplies
from agentserver.queues import DEFAULT_PRIORITY, Books, DeadLetter, Delivery, MessageQueue, Settlement
from agentserver.xmlable.foreign import SchemaLibrary

DEFAULT_REQUEST_TIMEOUT_S: Final = 30.0
DEFAULT_REQUEST_SENDER: Final = "program"
MAX_SETTLING: Final = 8
"""Batches on their way to a queue that has to write them down."""
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
        random: Callable[[], float] = random.random,
        owns_queue: bool = False,
    ) -> None:
        limits = config.limits
        self.config = config
        self.listeners: dict[str, Listener] = {}
        self.routing_table = RoutingTable()
        self._owns_queue = owns_queue or queue is None  # so that its bounds are the config's
        self.queue: MessageQueue = queue if queue is not None else open_queue(config, clock=clock)
        self._clock = clock
        threads = self._threads = Threads(thread_key)
        self._openers = Openers(threads)
        self._admission = Admission(threads, self._openers, limits.message_bytes)
        self._places = [LiveStage(stage) for stage in self._gate(config)]
        self._generations = Generations(self.routing_table)
        visibility = Visibility(self.listeners, self.routing_table)
        self._joins = Joins(self._submit)
        self._dispatcher = Dispatcher(
            config.max_concurrent_handlers,
            config.max_concurrent_per_agent,
            limits.handler_timeout_s,
            emit=self._emit,
            brief=Briefing(Usage(visibility, self.routing_table).by, clock).metadata,
            expects=self._joins.__bool__,
            release=self.queue.release,
            listeners=self.listeners.values,
        )
        self._budget = Budget(config.budget, limits.hops)
        self._refusals = Refusals(
            self.routing_table, self._budget, config.feedback, limits.message_bytes, self._takes_refusals,
            self._joins.absorbs,
        )  # fmt: skip
        self._written = WrittenReplies(parse_limits(limits), config.repair)
        self._replies = Replies(
            self.routing_table,
            Addressing(self.routing_table, threads),
            self._written,
            budget=self._budget,
            max_bytes=limits.message_bytes,
            joins=self._joins,
        )
        self._idempotency = Idempotency(config.idempotency, self.queue)
        self._retrying = Retrying(config.retry, self._budget, clock, random)
        self._settling = Settling(
            self._replies,
            self.routing_table,
            clock=clock,
            refusals=self._refusals,
            retrying=self._retrying,
            joins=self._joins,
            idempotency=self._idempotency,
            keeps_history=self.queue.keeps_history,
        )
        register_meta(config.meta, self.routing_table, self.listeners, limits.message_bytes)
        self._outlets = Outlets()
        self._pausing = Pausing(self._dispatcher, self.queue, self.listeners)
        self._conversations = Conversations()
        self._writer = PayloadWriter(self.routing_table)
        self._schemas = SchemaLibrary()
        self._run_task: asyncio.Task[Any] | None = None
        self._closing = False
        self._fault: Exception | None = None
        self._settled = asyncio.Event()  # something was, while the pump is closing
        self._reloading = asyncio.Lock()
        self._cancellations: dict[Cancellation, asyncio.Task[None]] = {}  # those that are going on

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
                    running = Running(self.config, copy(self.routing_table), self._places, self._gate)
                    wanted = config if config is not None else self.config.source or self.config
                    made: Plan = await threads.call(partial(plan, wanted, running, allow_env=allow_env))
                    self._refuse_closed()
                    if made.is_for(self.routing_table):
                        self._follow(made)
                        return made.changes
            finally:
                threads.close()

    def _follow(self, made: Plan) -> None:
        """Become what is planned, in one step."""
        config, limits = made.config, made.config.limits
        if made.fresh is not None:
            made.fresh.commit()
        self._generations.turn(made.table, idle=not self.books.open)
        self.config = config
        self.listeners.update(made.listeners)
        for name in self.listeners.keys() - made.listeners.keys():
            del self.listeners[name]
        exchange(self._places, made.stages)
        self._admission.adjust(limits.message_bytes, self.routing_table.version)
        self._budget.adjust(config.budget, limits.hops)
        self._refusals.adjust(config.feedback, limits.message_bytes)
        self._written.adjust(parse_limits(limits), config.repair)
        self._replies.adjust(limits.message_bytes)
        self._retrying.default, self._idempotency.by = config.retry, config.idempotency.by
        if made.changes.touches("meta") or made.changes.touches("limits.message_bytes"):
            self.routing_table.forget_for_some()
            register_meta(config.meta, self.routing_table, self.listeners, limits.message_bytes)
        if self._owns_queue:
            adjust_queue(self.queue, config)
        self._pausing.keep_to(self.listeners)
        self._dispatcher.adjust(
            config.max_concurrent_handlers, config.max_concurrent_per_agent, limits.handler_timeout_s
        )

    def _refuse_closed(self) -> None:
        if self._closing:
            raise PumpClosed("the pump is shutting down")

    def build_pipeline(self, source: AsyncIterable[Batch | MessageState]) -> Pipeline:
        """Compose the pipeline over a source.

        Args:
            source: Gives batches of states, or single ones, that bring `raw_bytes`.

        Returns:
            The pipeline; iterating its `stream()` drives it.
        """
        return build_pipeline(
            source,
            self._places,
            self._dispatcher,
            self._settling,
            adopt=self._adopt,
            settle=self._settle,
            max_in_flight=self.config.max_concurrent_pipelines,
            max_settling=MAX_SETTLING if self.queue.outlives_process else 1,
            enter=self._tell_secret_names,
        )

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
            from_id: Who sent it: the envelope's word counts no more. None takes the envelope's word, which then
                cannot be a listener's name.
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
        if self._closing:
            raise PumpClosed("the pump is shutting down")
        if self._fault is not None:
            raise PumpError(f"the pump ended by a fault: {told(self._fault)}") from self._fault
        message = self._admission.message(raw_bytes, thread_id, from_id, first_line)
        message.queued_at = self._clock()
        if key is not None:
            message.key, self._idempotency.has_keys = check_key(key), True
        if priority != DEFAULT_PRIORITY or deliver_at:
            set_turn(message, priority, deliver_at)
        self._budget.open(message)
        thread_id = message.thread_id
        if self._conversations:
            self._conversations.admit(thread_id, 1)
        try:
            await self.queue.put((message,), wait=wait)
        except BaseException:
            self._conversations.admit(thread_id, -1)
            raise
        return None if thread_id is None else self._admission.thread_of(thread_id)

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
        watch = self._conversations.watch(thread_id)
        try:
            async with asyncio.timeout(timeout_s):
                await self.inject(data, thread_id, from_id, key=key)
                return (await watch.reply).payload
        except TimeoutError:
            raise RequestTimedOut(f"no answer within {timeout_s:g} s") from None
        finally:
            watch.reply.cancel()
            self._conversations.forget(thread_id)

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
        root = None if thread_id is None else self._admission.thread_of(thread_id)
        return self._outlets.add(outlet, root, refusals=refusals)

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
        cancellation = Cancellation(thread_id, self._admission.thread_of)
        # in a task of its own, as it goes on when its caller is a handler that it cancels
        self._cancellations[cancellation] = task = asyncio.create_task(self._end_all(cancellation))
        task.add_done_callback(lambda _: self._cancellations.pop(cancellation))
        task.add_done_callback(cancellation.log)
        await asyncio.shield(task)
        return cancellation.ended

    async def _end_all(self, cancellation: Cancellation) -> None:
        """End what a cancellation reaches, until nothing of it is left."""
        while True:
            cancellation.begin(self.queue.in_flight())
            withdrawn = self.queue.withdraw(cancellation.reaches)
            self._dispatcher.forget([delivery.message.id for delivery in withdrawn])
            self._dispatcher.cancel(cancellation.reaches_state, cancellation.failure)
            held = self._joins.withdraw(cancellation.reaches_state)
            for state in held:
                state.fail_as_told(CANCEL, cancellation.failure)
            self._submit(held)
            if withdrawn:
                await self._settle(cancellation.bury(withdrawn, self._clock()))
            running = self._run_task
            if running is None or running.done():
                return
            await cancellation.over(running)
            if not (cancellation.escaped or cancellation.open or cancellation.unsure):
                return

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
        return self._settling.false_claims

    @property
    def false_claims_by_listener(self) -> Mapping[str, int]:
        """How often the handlers of each listener did."""
        return self._replies.envelopes.false_claims

    @property
    def duplicates(self) -> int:
        """How many messages were not handled, as the same was handled before."""
        return self._idempotency.duplicates

    @property
    def repairs(self) -> Mapping[str, Mapping[str, int]]:
        """How many replies of each listener had to be mended, by kind of repair."""
        return self._written.counts

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
            self._joins.clear()
            self._idempotency.clear()
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
        self._pausing.pause(listener)

    def resume(self, listener: str | None = None) -> None:
        """Go on with one listener, or with the whole organism; what was not paused goes on anyway.

        Args:
            listener: The listener; None resumes the whole, but for listeners that were paused by name.

        Raises:
            ValueError: There is no such listener.
        """
        self._pausing.resume(listener)

    @property
    def paused(self) -> frozenset[str]:
        """The listeners that are paused; `*` among them when the whole organism is."""
        return self._pausing.names

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
            self._pausing.check(listener)
        await asyncio.sleep(0)  # a run that was only just scheduled begins
        running = self._run_task
        if running is None:
            raise PumpError("the pump does not run, so that nothing is handled")
        done = await self._pausing.drain(listener, running, timeout_s)
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
        self._closing, late = True, 0
        running = self._run_task
        if running is not None and not running.done():
            deadline_s = self.config.limits.drain_timeout_s if timeout_s is None else timeout_s
            await finished_or_late(self.queue, running, self._pausing, deadline_s)
            self.queue.close()
            self._pausing.end()
            late = self.books.in_flight
            if late:
                running.cancel()
            if running is not asyncio.current_task():
                await asyncio.wait([running], timeout=MAX_STOP_S)
        self.queue.close()
        lost = await bury(self.queue, self._clock)
        self._tell(lost)
        self._conversations.close(PumpClosed("the pump was shut down before anybody answered"))
        self._outlets.close()
        finished = not lost and not late
        await self.queue.aclose()
        return finished and (self.queue.outlives_process or not self.books.open)

    async def _queue_source(self) -> AsyncIterator[Batch]:
        limit, dispatcher, queue = self.config.max_concurrent_pipelines, self._dispatcher, self.queue
        pace = Pace()
        # a message that waited for its agent may have taken the last place since this was asked for
        while deliveries := await self._pausing.take(max(1, limit - dispatcher.occupied)):
            for portion in portions(self._states_of(deliveries)):
                await pace.keep()
                yield portion
        if self._closing and queue.outlives_process:
            async for deliveries in last_answers(queue, self._give_back, self._settled):
                yield self._states_of(deliveries)

    def _states_of(self, deliveries: Sequence[Delivery]) -> Batch:
        if self.queue.keeps_history:
            note_taken(deliveries, self._clock())
        states = [state_of(delivery) for delivery in deliveries]
        if self.queue.outlives_process:
            fail_crashed(states, self.config.limits.crashes)
        self._budget.stop(states)
        return states

    def _give_back(self) -> None:
        """Let go back to the queue what no handler was called with."""
        self._dispatcher.give_back(self._joins.withdraw(lambda _: True))

    def _gate(self, config: OrganismConfig) -> list[Stage]:
        return gate_stages(config.limits, self.routing_table, self._threads, config.pipeline, self._openers)

    async def _adopt(self, batch: Batch) -> None:
        if self._generations:
            self._generations.look_back(batch)
        await adopt(batch, self.queue, self._conversations, self._budget, self._joins)
        for cancellation in self._cancellations:
            cancellation.adopt(batch)
        self._pausing.adopt(batch)
        if self._idempotency.looks:
            await self._idempotency.look(batch)
        batch[:] = self._joins.gather(batch)

    def _submit(self, batch: Batch) -> None:
        """Hand over what the pipeline did not bring just now: answers that waited for others."""
        self._dispatcher.submit(batch)
        self._dispatcher.notify()

    def _tell_secret_names(self, batch: Batch) -> None:
        names = self.routing_table.secret_names
        if names:
            for state in batch:
                state.secret_names = names

    async def _emit(self, state: MessageState, answer: Any) -> None:
        """Send what a handler yields, which goes on."""
        puts = self._replies.early(state, answer)
        if puts:
            self._conversations.expect(state, len(puts))
            try:
                await self.queue.settle(Settlement(puts=puts))
            except BaseException:
                self._conversations.expect(state, -len(puts))
                raise

    async def _settle(self, handled: Handled) -> None:
        self._pausing.settling += 1
        try:
            await self.queue.settle(handled.settlement)
        except BaseException:
            self._budget.undo([*handled.states, *handled.again])
            raise
        finally:
            self._pausing.settling -= 1
        if handled.settlement.held:
            self._dispatcher.went_back(handled.again)
        for cancellation in tuple(self._cancellations):
            cancellation.settled(handled)
        if self._idempotency:
            self._idempotency.settled(handled)
        if self._closing:
            self._settled.set()
        if handled.leaving:
            self._tell(handled.leaving)
        if self._conversations:
            self._conversations.account(handled.states)
        self._pausing.settled(handled.states)

    def _takes_refusals(self, claim: str) -> str | None:
        """Return the root thread that a claim stands for, if somebody outside takes refusals there."""
        if not self._outlets.any_takes_refusals:
            return None
        thread_id = self._admission.thread_of(claim)
        return thread_id if self._outlets.takes_refusals(thread_id) else None

    def _tell(self, states: list[MessageState]) -> None:
        """Tell the outlets of messages that left or failed."""
        for state in states:
            message = state.message
            thread_id = message.conversation_id if message is not None and message.chain else state.thread_id
            root = self._admission.thread_of(thread_id) if thread_id is not None else None
            self._outlets.leave(state, root, awaited=self._conversations.waits_for(root))
