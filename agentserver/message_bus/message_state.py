"""What travels: the state of one message in the pipeline, and what handlers are given and give back.

Plain values. A step reads and writes a `MessageState`; the first failure wins and stays. Handlers never see one: they
get their payload and a `HandlerMetadata`, and return `HandlerResponse`s.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentserver.errors import AgentServerError
from agentserver.message_bus.handler_metadata import HandlerMetadata
from agentserver.message_bus.sealed import Sealed, seal
from agentserver.message_bus.secrecy import veiled, veiled_text

if TYPE_CHECKING:
    from agentserver.message_bus.listener import Listener
    from agentserver.queues import Delivery, QueuedMessage
    from agentserver.wire import Element


__all__ = ["HandlerMetadata", "HandlerResponse", "MessageState"]


@dataclass(slots=True, eq=False)
class MessageState:
    """One message on its way through the pipeline.

    Args:
        raw_bytes: The message as it was sent; None once it is parsed.
        envelope_tree: Its envelope, parsed.
        payload_tree: The one payload in it.
        payload: The payload as an instance of its contract.
        thread_id: Its thread.
        from_id: Its sender.
        to_id: Whom it is addressed to, where it says so.
        target_listeners: Who takes it.
        error: What went wrong first, in words; None while nothing has.
        metadata: Notes of the steps: `diagnostics` (list of str), `repairs` (tuple of str); a step that is used alone
            may be given `schema` and `payload_class` here. It is never read from the wire.
        failure: The error itself.
        stage: The step or place at which it failed.
        canonical: Its exclusive C14N bytes.
        roots: The root elements, where the input held several.
        claimed: Whether `from_id` is the envelope's word alone.
        delivery: The queue's receipt; None for one part of an input until the parts are known to the queue.
        part_of: The receipt of the input that this is one part of.
        emitted: How many messages its handler's answer became.
        sent_early: How many messages its handler sent before it ended.
        secret_names: The names of what is secret in the organism, for a message that has no listener yet.
        payload_place: Where the payload stands in the bytes of its message: the number of its root element there, and
            1 behind it when that is an envelope, whose second child it is.
        answers: The payloads that its handler is given together, its own among them.
        joined: The messages that the other ones came in: what becomes of this one, becomes of them.
        group: What `joining.py` knows of them.
    """

    raw_bytes: bytes | None = None
    envelope_tree: Element | None = None
    payload_tree: Element | None = None
    payload: Any = None
    thread_id: str | None = None
    from_id: str | None = None
    to_id: str | None = None
    target_listeners: list[Listener] | None = None
    error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    failure: AgentServerError | None = None
    stage: str = ""
    canonical: bytes | None = None
    roots: list[Element] | None = None
    claimed: bool = False
    delivery: Delivery | None = None
    part_of: Delivery | None = None
    emitted: int = 0
    sent_early: int = 0
    secret_names: frozenset[str] = frozenset()
    payload_place: tuple[int, ...] = (0, 1)
    answers: tuple[Any, ...] = ()
    joined: list[MessageState] = field(default_factory=list)
    group: Any = None

    @property
    def message(self) -> QueuedMessage | None:
        """The queued message that this is, or is a part of."""
        delivery = self.delivery or self.part_of
        return delivery.message if delivery is not None else None

    def fail(self, stage: str, failure: AgentServerError) -> None:
        """Record a failure, unless there is one already, without what only the handler may see."""
        if self.error is None:
            self.fail_as_told(stage, veiled(self, failure))

    def fail_as_told(self, stage: str, failure: AgentServerError) -> None:
        """Record a failure, unless there is one already, that is known to hold nothing secret."""
        if self.error is None:
            self.stage, self.failure, self.error = stage, failure, str(failure)

    def note(self, diagnostic: str) -> None:
        """Add a remark that a person may want to read when looking at this message."""
        self.metadata.setdefault("diagnostics", []).append(veiled_text(self, diagnostic))

    def __repr__(self) -> str:
        """Tell who, where and what went wrong; never what is in the message."""
        told = {"id": self.message.id if self.message is not None else None}
        told |= {name: getattr(self, name) for name in ("from_id", "to_id", "thread_id", "stage", "error")}
        shown = ", ".join(f"{name}={value!r}" for name, value in told.items() if value)
        return veiled_text(self, f"MessageState({shown})")

    def __await__(self) -> Generator[None, None, MessageState]:
        """Give itself, so that `await step(state)` works with a synchronous step as with an asynchronous one."""
        yield from ()
        return self


@seal
@dataclass(slots=True)
class HandlerResponse(metaclass=Sealed):
    """One message that a handler wants sent: the pump writes its sender and its thread.

    Args:
        payload: An instance of an `@xmlify` class, or of one that a listener takes; an lxml element; or XML as text.
        to: The listener that it is for; None leaves that to the payload's class.
        is_response: Whether it answers whoever asked; then `to` is not looked at. Made by `respond`.
    """

    payload: Any
    to: str | None = None
    is_response: bool = False

    def __repr__(self) -> str:
        """Name the payload's class; what is in it, is not for every eye."""
        return (
            f"HandlerResponse({type(self.payload).__name__}, to={self.to!r}, is_response={self.is_response})"
        )

    @classmethod
    def respond(cls, payload: Any) -> HandlerResponse:
        """Answer whoever sent the message that is being handled, on the thread on which they asked."""
        return cls(payload, None, is_response=True)
