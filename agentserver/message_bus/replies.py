"""What handlers returned, made into messages.

Takes one answer; gives its messages, or a failure of the message that was answered: then nothing of it is sent. Knows
no queue and no pipeline; where messages go, `addressing.py` says, and what becomes of a batch, `settling.py`.
"""

from __future__ import annotations

from typing import Any

from agentserver.errors import (
    AgentServerError,
    BadReply,
    BudgetExceeded,
    ContractError,
    ReplyTooLarge,
)
from agentserver.message_bus.addressing import Address, Addressing
from agentserver.message_bus.audited_replies import audit_refused_reply
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.guard import without_frames
from agentserver.message_bus.handler_envelopes import HandlerEnvelopes
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.message_ids import child_id
from agentserver.message_bus.message_state import HandlerResponse, MessageState
from agentserver.message_bus.payload_writer import PayloadWriter
from agentserver.message_bus.privileged import refuse_privileged
from agentserver.message_bus.raised import raised_in_reply
from agentserver.message_bus.reply_size import ReplySize
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.secrecy import veiled_reply
from agentserver.message_bus.written_replies import WrittenReplies
from agentserver.queues import QueuedMessage
from agentserver.wire import Element


class Replies:
    """Turn what handlers return into messages.

    Args:
        table: Knows the contracts.
        addressing: Says where messages go.
        written: Parses what handlers return as bytes.
        budget: What conversations may use.
        max_bytes: Longest message, in bytes.
        joins: Is told what becomes of questions whose answers are given together.
    """

    def __init__(
        self,
        table: RoutingTable,
        addressing: Addressing,
        written: WrittenReplies,
        *,
        budget: Budget,
        max_bytes: int,
        joins: Joins | None = None,
    ) -> None:
        self._addressing, self._budget = addressing, budget
        self._joins = joins if joins is not None else Joins(lambda _: None)
        self._written = written
        self.adjust(max_bytes)
        self._writer = PayloadWriter(table)
        self.envelopes = HandlerEnvelopes()
        """Takes apart what handlers wrap themselves."""

    def adjust(self, max_bytes: int) -> None:
        """Take over another limit."""
        self._max_bytes, self._size = max_bytes, ReplySize(max_bytes)

    def early(self, state: MessageState, answer: Any) -> list[QueuedMessage]:
        """Return the messages of one answer of a handler that goes on: all of them, or none and a failure."""
        puts: list[QueuedMessage] = []
        self.emit(state, answer, puts, state.sent_early)
        if self._joins:
            self._joins.account(state, puts, ended=False)
        state.sent_early, state.emitted = state.sent_early + len(puts), 0
        return puts

    def emit(self, state: MessageState, result: Any, puts: list[QueuedMessage], sent: int = 0) -> None:
        """Add what a handler returned to `puts`, behind what it `sent` before: all of it, or nothing and a failure."""
        before, message = len(puts), state.message
        try:
            several = type(result) in (list, tuple)
            self._budget.check(message, len(result) if several else 1, sent)
            for response in result if several else (result,):
                self._emit_one(state, response, puts, before - sent)
            state.emitted = len(puts) - before
            if state.target_listeners and state.target_listeners[0].join_s is not None:
                self._joins.ask(state, puts[before:], sent)
            if message is not None:
                message.spending.sent += state.emitted
        except AgentServerError as exc:
            del puts[before:]
            exc = without_frames(exc)  # which hold the result, and that may be large
            # these quote nothing, and what they are about is too much to look through
            quotes = not isinstance(exc, BudgetExceeded | ReplyTooLarge)
            state.fail("replies", veiled_reply(state, result, exc) if quotes else exc)
            audit_refused_reply(state)
        except BaseException as exc:  # noqa: BLE001  # an edge: the payload's own code may run here, e.g. a property
            del puts[before:]
            listener = state.target_listeners[0].name if state.target_listeners else ""
            state.fail_as_told("replies", raised_in_reply(state, listener, result, exc))

    def _emit_one(self, state: MessageState, response: Any, puts: list[QueuedMessage], first: int) -> None:
        listener = state.target_listeners[0].name if state.target_listeners else ""
        kind = type(response)
        if kind is HandlerResponse or isinstance(response, HandlerResponse):
            if isinstance(response.payload, bytes | str):
                self._put_elements(state, listener, response.payload, response, puts, first)
            else:
                self._put_instance(state, listener, response, puts, first)
        elif isinstance(response, bytes | str):
            self._put_elements(state, listener, response, None, puts, first)
        else:
            raise BadReply(
                listener,
                f"returned {kind.__name__}: a handler returns HandlerResponse(payload, to), "
                "HandlerResponse.respond(payload), bytes, a list of those, or None",
            )

    def _put_instance(
        self,
        state: MessageState,
        listener: str,
        response: HandlerResponse,
        puts: list[QueuedMessage],
        first: int,
    ) -> None:
        payload, id_ = response.payload, child_id(state.message, len(puts) - first)
        if self._size.is_beyond(payload):
            kind = type(payload).__name__
            raise ReplyTooLarge(
                listener, f"a {kind} of more than {self._max_bytes} bytes, which is the limit"
            )
        try:
            contract = self._writer.contract_of(payload)
        except ContractError:
            message = f"payload {type(payload).__name__} is no @xmlify class, nor one that a listener takes"
            raise BadReply(listener, message) from None
        tag = contract.root_tag if contract else payload.tag
        address = self._address(state, listener, response, tag, id_)
        refuse_privileged(tag, is_answer=address[-1] is not None)
        to_id, thread_id, _, outbound, _ = address
        try:
            data, root = self._writer.write(payload, contract, listener, to_id, thread_id)
        except AgentServerError as exc:
            raise BadReply(listener, str(exc)) from exc
        if root.tag != tag:  # by which it was let through
            raise BadReply(
                listener, f"a {type(payload).__name__} that was written as another root than its own"
            )
        if outbound and (violation := self._writer.violation(root, contract)):
            raise BadReply(listener, f"its own contract refuses the reply: {violation}")
        self._put(state, listener, puts, id_, address, data, contract.cls if contract else None)

    def _put_elements(
        self,
        state: MessageState,
        listener: str,
        written: bytes | str,
        response: HandlerResponse | None,
        puts: list[QueuedMessage],
        first: int,
    ) -> None:
        """Put what a handler wrote itself: envelopes or bare payloads, by the response's address or their own."""
        if type(written) not in (bytes, str):  # whose class may say something else each time it is asked
            written = str.__str__(written) if isinstance(written, str) else b"".join((written,))
        if len(written) > self._max_bytes:
            raise ReplyTooLarge(listener, f"a reply of {len(written)} bytes, the limit is {self._max_bytes}")
        roots, repairs = self._written.roots(state, listener, written)
        if len(roots) > 1:
            self._budget.check(state.message, len(puts) - max(first, 0) + len(roots), max(-first, 0))
        for number, root in enumerate(roots, 1):
            try:
                self._put_element(state, listener, root, response, puts, first)
            except BadReply as exc:
                if len(roots) == 1:
                    raise
                raise BadReply(listener, f"payload {number} of {len(roots)}: {exc.detail}") from exc.__cause__
            puts[-1].repairs = repairs

    def _put_element(
        self,
        state: MessageState,
        listener: str,
        root: Element,
        response: HandlerResponse | None,
        puts: list[QueuedMessage],
        first: int,
    ) -> None:
        element, to_id = self.envelopes.unwrap(state, listener, root)
        tag, id_ = element.tag, child_id(state.message, len(puts) - first)
        if response is not None:
            address = self._address(state, listener, response, tag, id_)
        elif to_id is not None:
            address = self._addressing.forward(state, listener, to_id, tag, id_)
        else:
            address = self._addressing.by_tag(state, listener, tag, id_)
        refuse_privileged(tag, is_answer=address[-1] is not None)
        to_id, thread_id, *_ = address
        data, _ = self._writer.write(element, None, listener, to_id, thread_id)
        self._put(state, listener, puts, id_, address, data, None)

    def _address(
        self, state: MessageState, listener: str, response: HandlerResponse, tag: str, id_: str
    ) -> Address:
        if response.is_response:
            return self._addressing.answer(state)
        return self._addressing.forward(state, listener, response.to, tag, id_)

    def _put(
        self,
        state: MessageState,
        listener: str,
        puts: list[QueuedMessage],
        id_: str,
        address: Address,
        data: bytes,
        payload_class: type[Any] | None,
    ) -> None:
        if len(data) > self._max_bytes:
            raise ReplyTooLarge(listener, f"a reply of {len(data)} bytes, the limit is {self._max_bytes}")
        parent = state.message
        to_id, thread_id, chain, outbound, in_reply_to = address
        message = QueuedMessage(id_, data, listener, thread_id, chain, True, outbound)
        message.to_id, message.in_reply_to = to_id, in_reply_to
        if in_reply_to and parent is not None and parent.chain and parent.chain[-1].message_id == in_reply_to:
            message.joint = parent.chain[-1].joint
        message.hop, message.payload_class = 1, payload_class
        if parent is not None:
            message.parent_id, message.hop, message.spending = parent.id, parent.hop + 1, parent.spending
            message.priority = parent.priority
            message.sent_on = state.thread_id
        if state.target_listeners:  # under whose contracts it was written, though a reload came meanwhile
            message.version = state.target_listeners[0].version
        puts.append(message)
