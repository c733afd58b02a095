"""The inside of a pump: its parts, put together, and what they do with each batch on its way.

Takes a configuration and a queue; gives the pipeline, and a source for it. Which way a batch goes, `pipeline.py` says;
what is done at each place, the parts. Knows nothing of who starts and stops it, injects or asks: that is `pump.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Any, Final

from agentserver.config import OrganismConfig
from agentserver.message_bus.addressing import Addressing
from agentserver.message_bus.admission import Admission
from agentserver.message_bus.briefing import Briefing
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.cancellation import STAGE as CANCEL
from agentserver.message_bus.cancellation import Cancellation
from agentserver.message_bus.closing import last_answers
from agentserver.message_bus.conversations import Conversations
from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.gate import gate_stages, parse_limits
from agentserver.message_bus.generations import Generations
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.idempotency import Idempotency
from agentserver.message_bus.intake import adopt, fail_crashed, note_taken, state_of
from agentserver.message_bus.introspection import register_meta
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.live_stage import LiveStage, exchange
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.openers import Openers
from agentserver.message_bus.outlets import Outlets
from agentserver.message_bus.overdue import Overdue
from agentserver.message_bus.pausing import Pausing
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.pipeline import Pipeline, Stage, build_pipeline
from agentserver.message_bus.portions import Pace, portions
from agentserver.message_bus.queue_opening import adjust_queue
from agentserver.message_bus.refusals import Refusals
from agentserver.message_bus.reload import Plan
from agentserver.message_bus.replies import Replies
from agentserver.message_bus.retrying import Retrying
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.schedules import Schedules
from agentserver.message_bus.settling import Handled, Settling
from agentserver.message_bus.threads import Threads
from agentserver.message_bus.usage import Usage
from agentserver.message_bus.visibility import Visibility
from agentserver.message_bus.written_replies import WrittenReplies
from agentserver.queues import Delivery, MessageQueue, QueuedMessage, Settlement

MAX_SETTLING: Final = 8
"""Batches on their way to a queue that has to write them down."""


class Engine:
    """The parts of one pump.

    Args:
        config: What the organism is made of. Its listeners are entered by the pump.
        queue: Where messages wait.
        clock: Seconds since the epoch, for the times that are written down.
        thread_key: The secret that thread ids are derived with; random when left out.
        random: A number from 0 to less than 1, for the jitter of retries.
        owns_queue: Whether the bounds of `queue` are the config's, and follow when that is reloaded.

    Attributes:
        closing: Whether the pump is shutting down.
        settled: Is set when something was settled meanwhile.
    """

    def __init__(
        self,
        config: OrganismConfig,
        queue: MessageQueue,
        *,
        clock: Callable[[], float],
        thread_key: bytes | None,
        random: Callable[[], float],
        owns_queue: bool,
    ) -> None:
        limits = config.limits
        self.config = config
        self.listeners: dict[str, Listener] = {}
        self.routing_table = RoutingTable()
        self.queue, self.owns_queue = queue, owns_queue
        self.clock = clock
        threads = self.threads = Threads(thread_key)
        self.openers = Openers(threads, recorded=queue.opener)
        self.admission = Admission(threads, self.openers, limits.message_bytes)
        self.places = [LiveStage(stage) for stage in self.gate(config)]
        self.generations = Generations(self.routing_table)
        visibility = Visibility(self.listeners, self.routing_table)
        self.joins = Joins(self.submit, queue.set_aside, queue.take_up)
        self.dispatcher = Dispatcher(
            config.max_concurrent_handlers,
            config.max_concurrent_per_agent,
            limits.handler_timeout_s,
            emit=self._emit,
            brief=Briefing(Usage(visibility, self.routing_table).by, clock).metadata,
            expects=self.joins.__bool__,
            release=self.queue.release,
            listeners=self.listeners.values,
            max_in_flight=config.max_concurrent_pipelines,
        )
        self.budget = Budget(config.budget, limits.hops)
        self.overdue = Overdue(self.budget, self.dispatcher, self.joins, self.submit)
        self.refusals = Refusals(
            self.routing_table, self.budget, config.feedback, limits.message_bytes, self._takes_refusals,
            self.joins.absorbs,
        )  # fmt: skip
        self.written = WrittenReplies(parse_limits(limits), config.repair)
        self.replies = Replies(
            self.routing_table,
            Addressing(self.routing_table, threads),
            self.written,
            budget=self.budget,
            max_bytes=limits.message_bytes,
            joins=self.joins,
        )
        self.idempotency = Idempotency(config.idempotency, self.queue)
        self.retrying = Retrying(config.retry, self.budget, clock, random)
        self.settling = Settling(
            self.replies,
            self.routing_table,
            clock=clock,
            refusals=self.refusals,
            retrying=self.retrying,
            joins=self.joins,
            idempotency=self.idempotency,
            keeps_history=self.queue.keeps_history,
        )
        register_meta(config.meta, self.routing_table, self.listeners, limits.message_bytes)
        self.outlets = Outlets()
        self.pausing = Pausing(self.dispatcher, self.queue, self.listeners)
        self.conversations = Conversations()
        writer = PayloadWriter(self.routing_table)
        self.schedules = Schedules(self.admission, writer, self.pausing, self._put_by_clock, clock)
        self.closing = False
        self.settled = asyncio.Event()  # something was, while the pump is closing
        self.cancellations: dict[Cancellation, asyncio.Task[None]] = {}  # those that are going on

    def pipeline(self, source: AsyncIterable[Batch | MessageState]) -> Pipeline:
        """Compose the pipeline over a source."""
        return build_pipeline(
            source,
            self.places,
            self.dispatcher,
            self.settling,
            adopt=self._adopt,
            settle=self.settle,
            max_in_flight=self.config.max_concurrent_pipelines,
            max_settling=MAX_SETTLING if self.queue.outlives_process else 1,
            enter=self._tell_secret_names,
        )

    def follow(self, made: Plan) -> None:
        """Become what is planned, in one step."""
        config, limits = made.config, made.config.limits
        if made.fresh is not None:
            made.fresh.commit()
        self.generations.turn(made.table, idle=not self.queue.books.open)
        self.config = config
        self.listeners.update(made.listeners)
        for name in self.listeners.keys() - made.listeners.keys():
            del self.listeners[name]
        exchange(self.places, made.stages)
        self.admission.adjust(limits.message_bytes, self.routing_table.version)
        self.budget.adjust(config.budget, limits.hops)
        self.refusals.adjust(config.feedback, limits.message_bytes)
        self.written.adjust(parse_limits(limits), config.repair)
        self.replies.adjust(limits.message_bytes)
        self.retrying.default, self.idempotency.by = config.retry, config.idempotency.by
        if made.changes.touches("meta") or made.changes.touches("limits.message_bytes"):
            self.routing_table.forget_for_some()
            register_meta(config.meta, self.routing_table, self.listeners, limits.message_bytes)
        if self.owns_queue:
            adjust_queue(self.queue, config)
        self.pausing.keep_to(self.listeners)
        self.schedules.follow(config.schedules)
        self.dispatcher.adjust(
            config.max_concurrent_handlers, config.max_concurrent_per_agent, limits.handler_timeout_s
        )

    async def end_all(self, cancellation: Cancellation, running: asyncio.Task[Any] | None) -> None:
        """End what a cancellation reaches, until nothing of it is left."""
        while True:
            cancellation.begin(self.queue.in_flight())
            withdrawn = self.queue.withdraw(cancellation.reaches)
            self.dispatcher.forget([delivery.message.id for delivery in withdrawn])
            self.dispatcher.cancel(cancellation.reaches_state, cancellation.failure)
            held = self.joins.withdraw(cancellation.reaches_state)
            for state in held:
                state.fail_as_told(CANCEL, cancellation.failure)
            self.submit(held)
            if withdrawn:
                buried = cancellation.bury(withdrawn, self.clock())
                await self.settle(buried)
                for state in buried.states:
                    self.joins.account(state, ())
            if running is None or running.done():
                return
            await cancellation.over(running)
            if not (cancellation.escaped or cancellation.open or cancellation.unsure):
                return

    async def source(self) -> AsyncIterator[Batch]:
        """Give what the queue has, as batches of states, until it is closed."""
        limit, dispatcher, queue = self.config.max_concurrent_pipelines, self.dispatcher, self.queue
        pace = Pace()
        # a message that waited for its agent may have taken the last place since this was asked for
        while deliveries := await self.pausing.take(max(1, limit - dispatcher.occupied)):
            for portion in portions(self._states_of(deliveries)):
                await pace.keep()
                yield portion
        if self.closing and queue.outlives_process:
            async for deliveries in last_answers(queue, self._give_back, self.settled):
                yield self._states_of(deliveries)

    def _states_of(self, deliveries: Sequence[Delivery]) -> Batch:
        if self.queue.keeps_history:
            note_taken(deliveries, self.clock())
        states = [state_of(delivery) for delivery in deliveries]
        if self.queue.outlives_process:
            fail_crashed(states, self.config.limits.crashes, entering=True)
        self.budget.stop(states)
        self.overdue.begin()
        return states

    def _give_back(self) -> None:
        """Let go back to the queue what no handler was called with."""
        self.dispatcher.give_back(self.joins.withdraw(lambda _: True))

    def gate(self, config: OrganismConfig) -> list[Stage]:
        """Make the stages of the gate."""
        return gate_stages(config.limits, self.routing_table, self.threads, config.pipeline, self.openers)

    async def _adopt(self, batch: Batch) -> None:
        if self.generations:
            self.generations.look_back(batch)
        if self.queue.outlives_process:
            fail_crashed(batch, self.config.limits.crashes, entering=False)
        await adopt(batch, self.queue, self.conversations, self.budget, self.joins)
        for cancellation in self.cancellations:
            cancellation.adopt(batch)
        self.pausing.adopt(batch)
        if self.idempotency.looks:
            await self.idempotency.look(batch)
        batch[:] = self.joins.gather(batch)

    async def _put_by_clock(self, message: QueuedMessage) -> None:
        """Put in what the organism sends itself."""
        message.queued_at = self.clock()
        self.budget.open(message)
        await self.queue.put((message,), wait=False)

    def submit(self, batch: Batch) -> None:
        """Hand over what the pipeline did not bring just now: answers that waited for others."""
        self.dispatcher.submit(batch)
        self.dispatcher.notify()

    def _tell_secret_names(self, batch: Batch) -> None:
        names = self.routing_table.secret_names
        if names:
            for state in batch:
                state.secret_names = names

    async def _emit(self, state: MessageState, answer: Any) -> None:
        """Send what a handler yields, which goes on."""
        puts = self.replies.early(state, answer)
        if puts:
            self.conversations.expect(state, len(puts))
            try:
                await self.queue.settle(Settlement(puts=puts))
            except BaseException:
                self.conversations.expect(state, -len(puts))
                raise

    async def settle(self, handled: Handled) -> None:
        """Commit what became of a batch; then tell whoever waits for it."""
        self.pausing.settling += 1
        try:
            await self.queue.settle(handled.settlement)
        except BaseException:
            self.budget.undo([*handled.states, *handled.again])
            raise
        finally:
            self.pausing.settling -= 1
        if handled.settlement.held:
            self.dispatcher.went_back(handled.again)
        for cancellation in tuple(self.cancellations):
            cancellation.settled(handled)
        if self.idempotency:
            self.idempotency.settled(handled)
        if self.closing:
            self.settled.set()
        if handled.leaving:
            self.tell(handled.leaving)
        if self.conversations:
            self.conversations.account(handled.states)
        self.pausing.settled(handled.states)

    def _takes_refusals(self, claim: str) -> str | None:
        """Return the root thread that a claim stands for, if somebody outside takes refusals there."""
        if not self.outlets.any_takes_refusals:
            return None
        thread_id = self.admission.thread_of(claim)
        return thread_id if self.outlets.takes_refusals(thread_id) else None

    def tell(self, states: list[MessageState]) -> None:
        """Tell the outlets of messages that left or failed."""
        for state in states:
            message = state.message
            thread_id = message.conversation_id if message is not None and message.chain else state.thread_id
            root = self.admission.thread_of(thread_id) if thread_id is not None else None
            self.outlets.leave(state, root, awaited=self.conversations.waits_for(root))
