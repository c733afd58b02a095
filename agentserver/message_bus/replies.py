"""What handlers returned, made into messages: the pump alone writes who sent each, on which thread, and who is asked.

Takes outcomes; gives one `Settlement` for the batch. A message whose handler returned something that cannot be sent
becomes a dead letter whole: nothing of it is sent. Knows no queue and no pipeline.

A message to a listener extends the call chain by the sender, and works on a thread of its own. An answer pops the
chain and returns to the thread on which was asked; at the chain's outer end it leaves the organism.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from agentserver.errors import AgentServerError, BadReply, ContractError, RoutingError, told
from agentserver.message_bus.dispatch import Outcome
from agentserver.message_bus.guard import Step
from agentserver.message_bus.message_state import HandlerResponse, MessageState
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.steps import payload_extraction_step
from agentserver.message_bus.threads import Threads
from agentserver.queues import DeadLetter, Frame, QueuedMessage, Settlement
from agentserver.wire import ENVELOPE_NS, Element, EnvelopeBuilder, canonical, first_violation
from agentserver.xmlable import Contract, contract_of

logger = logging.getLogger(__name__)

MAX_ID_CHARS: Final = 64
_MESSAGE: Final = f"{{{ENVELOPE_NS}}}message"


@dataclass(slots=True)
class Handled:
    """A batch at its end: what the queue is told, and what is to be told to who waits outside.

    Args:
        settlement: For the queue.
        states: The messages of the batch.
        leaving: Those of them that failed, or leave the organism.
    """

    settlement: Settlement = field(default_factory=Settlement)
    states: list[MessageState] = field(default_factory=list)
    leaving: list[MessageState] = field(default_factory=list)


class _Address(NamedTuple):
    to_id: str | None
    thread_id: str
    chain: tuple[Frame, ...]
    outbound: bool


class Replies:
    """Turn outcomes into settlements.

    Args:
        table: The routing table, which says what is a listener.
        threads: Derives thread ids.
        parse: The repair step for what handlers return as bytes.
        max_hops: Most messages on one path.
        max_bytes: Longest message, in bytes.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        table: RoutingTable,
        threads: Threads,
        parse: Step,
        *,
        max_hops: int,
        max_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._table, self._threads, self._parse = table, threads, parse
        self._max_hops, self._max_bytes, self._clock = max_hops, max_bytes, clock
        self._builder = EnvelopeBuilder()
        self._written: dict[str, Contract[Any]] = {}  # what went outside, so that it can be read there
        self.false_claims = 0
        """How often a handler or an outside sender claimed to be someone else, or on another thread."""

    def over(self, outcomes: list[Outcome]) -> Handled:
        """Make one settlement of a batch of outcomes."""
        handled = Handled()
        settlement, states, leaving = handled.settlement, handled.states, handled.leaving
        for state, result in outcomes:
            states.append(state)
            if state.error is None and result is not None:
                self._emit(state, result, settlement.puts)
            delivery = state.delivery
            if state.metadata:
                self.false_claims += state.metadata.get("false_claims", 0)
            if state.error is not None:
                leaving.append(state)
                if delivery is not None:
                    settlement.dead.append((delivery, self._dead_letter(state, delivery.message)))
            elif delivery is not None:
                settlement.acks.append(delivery)
                if delivery.message.outbound:
                    self._read_outbound(state)
                    leaving.append(state)
        return handled

    def _emit(self, state: MessageState, result: Any, puts: list[QueuedMessage]) -> None:
        """Add what a handler returned to `puts`: all of it, or nothing and a failure."""
        before = len(puts)
        try:
            for response in result if type(result) in (list, tuple) else (result,):
                self._emit_one(state, response, puts, before)
            state.emitted = len(puts) - before
        except AgentServerError as exc:
            del puts[before:]
            state.fail("replies", exc)
        except Exception as exc:  # noqa: BLE001  # an edge: the payload's own code may run here, e.g. a property
            del puts[before:]
            failure = BadReply(_name(state), f"while writing its reply: {told(exc)}")
            failure.__cause__ = exc
            state.fail("replies", failure)

    def _emit_one(self, state: MessageState, response: Any, puts: list[QueuedMessage], first: int) -> None:
        if isinstance(response, HandlerResponse):
            if isinstance(response.payload, (bytes, str)):
                for element, _ in self._elements(state, response.payload):
                    address = self._address(state, response, element.tag)
                    self._put(state, puts, first, address, self._wrapped(state, address, element))
                return
            self._put(state, puts, first, *self._written_reply(state, response))
        elif isinstance(response, (bytes, str)):
            for element, to_id in self._elements(state, response):
                address = self._address_by_tag(state, to_id, element.tag)
                self._put(state, puts, first, address, self._wrapped(state, address, element))
        else:
            raise BadReply(
                _name(state),
                f"returned {type(response).__name__}: a handler returns HandlerResponse(payload, to), "
                "HandlerResponse.respond(payload), bytes, a list of those, or None",
            )

    def _written_reply(self, state: MessageState, response: HandlerResponse) -> tuple[_Address, bytes]:
        payload, name = response.payload, _name(state)
        try:
            contract = contract_of(type(payload))
        except ContractError:
            raise BadReply(name, f"payload {type(payload).__name__} is no @xmlify class") from None
        address = self._address(state, response, contract.root_tag)
        try:
            tree, root = self._builder.build(
                name, address.to_id, address.thread_id, contract.root_tag,
                lambda element: contract.fill(payload, element),
            )  # fmt: skip
        except AgentServerError as exc:
            raise BadReply(name, str(exc)) from exc
        data = canonical(tree)
        if address.outbound:
            violation = first_violation(contract.schema, root)
            if violation is not None:
                raise BadReply(name, f"its own contract refuses the reply: {violation[0]}")
            self._written[contract.root_tag] = contract
        return address, data

    def _wrapped(self, state: MessageState, address: _Address, payload: Element) -> bytes:
        return canonical(self._builder.wrap(_name(state), address.to_id, address.thread_id, payload))

    def _elements(self, state: MessageState, data: bytes | str) -> list[tuple[Element, str | None]]:
        """Parse what a handler wrote itself: envelopes or bare payloads, with the address where one is given."""
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        parsed = self._parse(MessageState(raw_bytes=raw))
        if parsed.failure is not None:
            raise BadReply(_name(state), f"malformed reply: {parsed.failure}") from parsed.failure
        if "repairs" in parsed.metadata:
            state.note(f"its reply was repaired: {', '.join(parsed.metadata['repairs'])}")
        roots = parsed.roots if parsed.roots is not None else [parsed.envelope_tree]
        return [self._unwrap(state, root) for root in roots if root is not None]

    def _unwrap(self, state: MessageState, root: Element) -> tuple[Element, str | None]:
        if root.tag != _MESSAGE:
            return root, None
        part = payload_extraction_step(
            MessageState(envelope_tree=root, from_id=_name(state), thread_id=state.thread_id)
        )
        if part.failure is not None:
            raise BadReply(_name(state), f"malformed reply: {part.failure}") from part.failure
        self.false_claims += part.metadata.get("false_claims", 0)
        assert part.payload_tree is not None
        return part.payload_tree, part.to_id

    def _address(self, state: MessageState, response: HandlerResponse, tag: str) -> _Address:
        if response.is_response:
            return self._answer(state)
        if response.to is not None:
            return self._address_by_tag(state, response.to, tag)
        return self._forward(state, None, tag)

    def _address_by_tag(self, state: MessageState, to_id: str | None, tag: str) -> _Address:
        """Address what says no more than a name, or nothing: a payload that no listener takes is an answer."""
        if to_id is None:
            try:
                self._table.find(None, tag)
            except RoutingError:
                return self._answer(state)
            return self._forward(state, None, tag)
        if not isinstance(to_id, str):
            raise BadReply(_name(state), f"to={to_id!r} is no listener's name")
        caller = _chain(state)[0]
        if caller.name == to_id and not self._table.has_name(to_id):
            return _Address(to_id, caller.thread_id, (), outbound=True)
        return self._forward(state, to_id, tag)

    def _forward(self, state: MessageState, to_id: str | None, tag: str) -> _Address:
        name, thread_id = _name(state), state.thread_id or ""
        chain = (*_chain(state), Frame(name, thread_id))
        return _Address(to_id, self._threads.branch(thread_id, name, to_id or tag), chain, outbound=False)

    def _answer(self, state: MessageState) -> _Address:
        *outer, caller = _chain(state)
        return _Address(
            caller.name, caller.thread_id, tuple(outer), outbound=not self._table.has_name(caller.name)
        )

    def _put(
        self, state: MessageState, puts: list[QueuedMessage], first: int, address: _Address, data: bytes
    ) -> None:
        if len(data) > self._max_bytes:
            raise BadReply(_name(state), f"a reply of {len(data)} bytes, the limit is {self._max_bytes}")
        parent = state.message
        hop = parent.hop + 1 if parent is not None else 1
        if hop > self._max_hops:
            raise RoutingError(f"more than {self._max_hops} hops on one path", code="hop-limit")
        parent_id = parent.id if parent is not None else None
        puts.append(
            QueuedMessage(
                _child_id(parent, len(puts) - first), data, _name(state), address.thread_id, address.chain,
                True, address.outbound, None, parent_id, hop,
            )
        )  # fmt: skip

    def _read_outbound(self, state: MessageState) -> None:
        """Give what leaves the organism as an instance, where its contract is known."""
        tree = state.payload_tree
        contract = self._written.get(tree.tag) if tree is not None else None
        state.payload = tree
        if contract is not None and tree is not None:
            try:
                state.payload = contract.read(tree)
            except AgentServerError as exc:
                state.note(f"left as an element: {exc}")

    def _dead_letter(self, state: MessageState, message: QueuedMessage) -> DeadLetter:
        code = state.failure.code if state.failure is not None else "error"
        reason = state.error or ""
        logger.warning(
            "dead letter",
            extra={
                "message_id": message.id, "stage": state.stage, "code": code, "reason": reason,
                "from_id": state.from_id, "to_id": state.to_id, "thread_id": state.thread_id,
            },
        )  # fmt: skip
        return DeadLetter(message, state.stage, code, reason, state.from_id, state.thread_id, self._clock())


def _name(state: MessageState) -> str:
    targets = state.target_listeners
    assert targets
    return targets[0].name


def _chain(state: MessageState) -> Sequence[Frame]:
    """Return who waits for an answer: what was injected without a known sender has the one in its envelope."""
    message = state.message
    if message is not None and message.chain:
        return message.chain
    return (Frame(state.from_id or "", state.thread_id or ""),)


def _child_id(parent: QueuedMessage | None, index: int) -> str:
    """Return the id of the `index`th message that a handler emitted: always the same for the same parent."""
    if parent is None:
        return f"0.{index}"
    child = f"{parent.id}.{index}"
    if len(child) <= MAX_ID_CHARS:
        return child
    return f"{parent.root_id}.{blake2b(child.encode(), digest_size=16).hexdigest()}"
