"""The one error tree. Classes carry fields; words are made here, at the edge, by `__str__`.

AgentServerError
    ├── ContractError          a class cannot be a contract           (the handler's author)
    ├── SchemaError            a foreign XSD cannot be used           (the operator)
    ├── BindingError           a value or element does not fit        (the sender)
    ├── ConfigError            organism.yaml has faults               (the operator)
    ├── GateError              a message failed a step of the gate    (the sender)
    │   ├── MissingInput           the step before it left nothing to work on
    │   ├── WireError              bytes that are no acceptable XML
    │   ├── EnvelopeError          XML that is no acceptable envelope
    │   ├── RoutingError           no listener takes it
    │   │   └── NotAllowed             its sender may not address it
    │   ├── ForeignThread          its thread is another's
    │   └── PayloadError           the payload breaks its contract
    │       └── ContractChanged        it kept the contract that it was sent under, before a reload
    ├── HandlerError           a handler did not do its part          (the handler's author)
    │   ├── HandlerFailed          it raised
    │   ├── HandlerTimedOut        it did not return in time
    │   └── BadReply               what it returned cannot become a message
    │       └── ReplyTooLarge          it is longer than a message may be
    ├── TaskExited             a task of a handler called sys.exit    (the handler's author)
    ├── Crashed                the process ended while it was handled (the handler's author)
    ├── BudgetExceeded         a conversation used up its budget      (the organism's author)
    │   └── ConversationEnded      a message came after the end of its conversation
    ├── Cancelled              a program ended the thread             (nobody)
    ├── StepFailed             a bug in a step, ours or a user's      (the step's author)
    └── PumpError              the pump cannot serve a caller         (the caller)
        ├── PumpClosed             it is shutting down, or was
        ├── NotHandled             it was shut down before it came to a message
        ├── RequestFailed          the requested message ended as a dead letter
        ├── NoReply                everything was handled, and nobody answered
        ├── Duplicate              the same was handled before, and is not again
        └── RequestTimedOut        no answer came in time

Every class has a `code`: a short kebab-case word, the same for the same fault, fit for counting. `retryable`
says whether the same message may succeed later. Texts are bounded by `MAX_TEXT`, since they quote hostile input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

MAX_TEXT = 500
"""Longest error text, in characters: a bad 5 MB value would otherwise make a message of its own."""


_MAX_RAISED = 100_000
"""Characters that are looked at of what somebody else's code raised, which may quote a value of any size."""


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Cut `text` to at most `limit` characters, marking the cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def told(exc: BaseException, hide: Callable[[str], str] = str) -> str:
    """Return the type and the text of an exception that somebody else's code raised, whose `__str__` may raise too.

    Args:
        exc: The exception.
        hide: Takes out of the text what must not be told, before it is shortened.
    """
    try:
        text = hide(shorten(str(exc), _MAX_RAISED))
    except BaseException:  # noqa: BLE001  # an edge: the exception's own code
        text = "its text cannot be made"
    return shorten(f"{type(exc).__name__}: {text}" if text else type(exc).__name__)


class AgentServerError(Exception):
    """Whatever this package raises on purpose."""

    code: str = "error"
    retryable: ClassVar[bool] = False


class ContractError(AgentServerError, TypeError):
    """A class cannot be mapped to XML. Raised where it is decorated.

    Args:
        class_name: The class.
        field: The field at fault, or an empty string when it is the class itself.
        reason: What cannot be mapped, and what to write instead.
    """

    code = "contract"

    def __init__(self, class_name: str, field: str, reason: str) -> None:
        super().__init__(class_name, field, reason)
        self.class_name, self.field, self.reason = class_name, field, reason

    def __str__(self) -> str:
        place = f"{self.class_name}.{self.field}" if self.field else self.class_name
        return shorten(f"{place}: {self.reason}")


class SchemaError(AgentServerError):
    """An XSD that nobody here wrote cannot be used: it, or a file that it imports, is missing, forbidden or wrong.

    Args:
        chain: How the file at fault was come to, as `a.xsd line 12 imports b.xsd`.
        reason: What is wrong with it, and the remedy.
    """

    code = "foreign-schema"

    def __init__(self, chain: str, reason: str) -> None:
        super().__init__(chain, reason)
        self.chain, self.reason = chain, reason

    def __str__(self) -> str:
        return shorten(f"{self.chain}: {self.reason}")


class BindingError(AgentServerError, ValueError):
    """A Python value cannot be written as XML, or an element cannot be read as its contract.

    Args:
        path: Where, as `Invoice/Lines[3]/Price`.
        found: What stood there.
        expected: What the contract wants there.
    """

    code = "binding"

    def __init__(self, path: str, found: str, expected: str) -> None:
        super().__init__(path, found, expected)
        self.path, self.found, self.expected = path, found, expected

    def __str__(self) -> str:
        return shorten(f"{self.path}: found {shorten(self.found, 120)}, expected {self.expected}")


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One fault of a configuration, with its place (1-based; line 0 means the whole file, column 0 the line)."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{place}: {self.message}"


class ConfigError(AgentServerError):
    """A configuration that cannot be used: all of its faults, in the order of the file."""

    code = "config"

    def __init__(self, faults: Sequence[ConfigFault]) -> None:
        super().__init__(*faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class GateError(AgentServerError):
    """A message did not pass the gate.

    Args:
        code: The fault in one kebab-case word; the class's own when left out.
        detail: What is wrong, in words.
        line: Line of the message where it is wrong, 1-based; 0 when unknown.
    """

    def __init__(self, detail: str, *, code: str | None = None, line: int = 0) -> None:
        super().__init__(detail)
        self.detail, self.line = shorten(detail), line
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line else ""
        return f"{self.code}: {self.detail}{place}"


class MissingInput(GateError):
    """A step found nothing to work on, as no step before it had provided it."""

    code = "missing-input"


class WireError(GateError):
    """Bytes that are not XML, or XML beyond the limits.

    Args:
        detail: As of `GateError`; it may quote the bytes.
        code: As of `GateError`.
        line: As of `GateError`.
        plain: The same in words that quote nothing; empty when nobody said.
        tags: Names of the tags that it is about, if it is about tags.
    """

    code = "syntax"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        line: int = 0,
        plain: str = "",
        tags: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail, code=code, line=line)
        self.plain, self.tags = plain, tags


class EnvelopeError(GateError):
    """XML that is not one valid envelope with one payload. The stage tells it from a `PayloadError`."""

    code = "schema"


class RoutingError(GateError):
    """No listener takes this payload at this address.

    Attributes:
        remedy: What the organism's author could do about it, for the log alone: the sender is not to know.
    """

    code = "no-listener"
    remedy: str = ""


class NotAllowed(RoutingError):
    """A listener may not address whom it meant to. In words it is told the same as when nobody is there."""

    code = "not-allowed"

    def __str__(self) -> str:
        return f"{RoutingError.code}: {self.detail}"


class ForeignThread(GateError):
    """Somebody outside went on with a thread that they did not open."""

    code = "foreign-thread"


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """One thing that a payload breaks; as of `PayloadError`, which has the first of them."""

    path: str
    found: str
    expected: str
    line: int = 0

    @property
    def words(self) -> str:
        """All but the line."""
        return f"{self.path}: found {self.found}, expected {self.expected}"

    def __str__(self) -> str:
        return f"{self.words} (line {self.line})" if self.line else self.words


class PayloadError(GateError):
    """The payload breaks the contract of the listener that it is for.

    Args:
        detail: What is wrong, in words; made of the following where it is left out.
        code: As of `GateError`.
        line: As of `GateError`.
        path: Where, as `Invoice/InvoiceLine[3]/Price`; empty when nobody said.
        found: What stands there; it may quote the message.
        expected: What the contract wants there.
        further: What else the payload breaks; a few of several.
    """

    code = "schema"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        line: int = 0,
        path: str = "",
        found: str = "",
        expected: str = "",
        further: Sequence[PayloadFault] = (),
    ) -> None:
        words = detail or f"{path}: found {found}, expected {expected}"
        super().__init__(words, code=code, line=line)
        self.path, self.found, self.expected, self.further = path, found, expected, tuple(further)

    @classmethod
    def of(cls, faults: Sequence[PayloadFault], *, code: str | None = None) -> PayloadError:
        """Make the error of what a payload breaks.

        Args:
            faults: At least one.
            code: As of `GateError`.
        """
        first, *further = faults
        return cls(
            code=code, line=first.line, path=first.path, found=first.found, expected=first.expected,
            further=further,
        )  # fmt: skip

    @property
    def violations(self) -> tuple[PayloadFault, ...]:
        """All that is known of what the payload breaks, in the order of the document; the first one first."""
        return (PayloadFault(self.path, self.found, self.expected, self.line), *self.further)

    def __str__(self) -> str:
        return shorten("; ".join([super().__str__(), *map(str, self.further)]))


class ContractChanged(PayloadError):
    """A message was fit when it was sent, and a reload came before its turn: it fits no more.

    Args:
        cause: What the gate says of it by the new configuration.
    """

    code = "contract-changed"

    def __init__(self, cause: AgentServerError) -> None:
        path = found = expected = ""
        if isinstance(cause, PayloadError | BindingError):
            path, found, expected = cause.path, cause.found, cause.expected
        words = f"it was fit when it was sent, and is not since the organism was reloaded: {cause}"
        super().__init__(words, line=getattr(cause, "line", 0), path=path, found=found, expected=expected)


class HandlerError(AgentServerError):
    """A handler did not do its part.

    Args:
        listener: The listener's name.
        detail: What happened.
    """

    code = "handler"

    def __init__(self, listener: str, detail: str) -> None:
        super().__init__(listener, detail)
        self.listener, self.detail = listener, shorten(detail)

    def __str__(self) -> str:
        return f"{self.code}: {self.listener}: {self.detail}"


class HandlerFailed(HandlerError):
    """A handler raised; the exception is the `__cause__`.

    Args:
        listener: As of `HandlerError`.
        detail: As of `HandlerError`.
        raised: The class of the exception; None where it raised nothing, as its task was ended from outside.
    """

    code = "handler-failed"
    retryable = True

    def __init__(self, listener: str, detail: str, raised: type[BaseException] | None = None) -> None:
        super().__init__(listener, detail)
        self.raised = raised


class HandlerTimedOut(HandlerError):
    """A handler did not return before its deadline."""

    code = "handler-timeout"
    retryable = True


class BadReply(HandlerError):
    """What a handler returned cannot become a message: a wrong type, malformed XML, a broken contract."""

    code = "bad-reply"


class Crashed(AgentServerError):
    """A message is not handled again, as the process ended too often while it was.

    Args:
        count: How often.
        limit: How often that may be, by `limits.crashes`.
    """

    code = "crashed"

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(count, limit)
        self.count, self.limit = count, limit

    def __str__(self) -> str:
        return (
            f"{self.code}: the process ended {self.count} times while this was handled, and limits.crashes is "
            f"{self.limit}; look for what its handler does to the process"
        )


class BudgetExceeded(AgentServerError):
    """An answer would have taken its conversation beyond its budget, so nothing of it was sent.

    Args:
        bound: Which bound: `messages`, `hops`, `wall_s` or `fan_out`.
        count: What it would have come to, in messages or seconds.
        limit: What the budget allows.
    """

    code = "budget"

    def __init__(self, bound: str, count: float, limit: float) -> None:
        super().__init__(bound, count, limit)
        self.bound, self.count, self.limit = bound, count, limit

    @property
    def key(self) -> str:
        """The key of `organism.yaml` that sets the bound."""
        return f"budget.{self.bound}"

    @property
    def ends_conversation(self) -> bool:
        """Whether the conversation is over by it; an answer of too many messages fails alone."""
        return self.bound != "fan_out"

    def __str__(self) -> str:
        what = _OVERSPENT.get(self.bound, "{count:g} in one conversation").format(count=self.count)
        return f"{self.code}: {what}, and {self.key} is {self.limit:.12g}; raise that if this is meant"


class ConversationEnded(BudgetExceeded):
    """A message was not handled, or its answer not sent, as its conversation had used up its budget before."""

    def __str__(self) -> str:
        return f"{self.code}: its conversation was ended: {self.key} is {self.limit:.12g}"


class Cancelled(AgentServerError):
    """A message was ended, as a program cancelled its thread or one that it followed from.

    Args:
        thread_id: The thread that was cancelled.
    """

    code = "cancelled"

    def __init__(self, thread_id: str) -> None:
        super().__init__(thread_id)
        self.thread_id = thread_id

    def __str__(self) -> str:
        return f"{self.code}: thread {self.thread_id} was cancelled"


_OVERSPENT: Final = MappingProxyType(
    {
        "messages": "{count:.12g} messages in one conversation",
        "hops": "{count:.12g} hops on one path",
        "wall_s": "a conversation of {count:.1f} s",
        "fan_out": "{count:.12g} messages or more of one call",
    }
)


class ReplyTooLarge(BadReply):
    """What a handler returned is longer than a message may be; nobody looked into it."""


class TaskExited(AgentServerError):
    """A task that a handler started raised SystemExit or KeyboardInterrupt, which would have ended the process.

    Args:
        task: The name of its coroutine.
        raised: The name of what it raised.
    """

    code = "task-exited"

    def __init__(self, task: str, raised: str) -> None:
        super().__init__(task, raised)
        self.task, self.raised = task, raised

    def __str__(self) -> str:
        return shorten(f"{self.code}: {self.task} raised {self.raised}, in a task that a handler started")


class StepFailed(AgentServerError):
    """A step of the pipeline raised what it should not have: a bug. The exception is the `__cause__`."""

    code = "step-failed"

    def __init__(self, step: str, detail: str) -> None:
        super().__init__(step, detail)
        self.step, self.detail = step, shorten(detail)

    def __str__(self) -> str:
        return f"{self.code}: {self.step}: {self.detail}"


class PumpError(AgentServerError):
    """The pump cannot do what a program asked of it."""

    code = "pump"


class PumpClosed(PumpError):
    """The pump is shutting down, or has been shut down: it takes nothing more."""

    code = "closed"


class QueueFull(PumpError):
    """There is no room for another message, or the queue cannot write; the text says which. Try again later."""

    code = "queue-full"


class QueueFault(PumpError):
    """The queue's file cannot be used: it is no such file, damaged, of another version, or in use. Says what to do."""

    code = "queue"


class NotHandled(PumpError):
    """The pump was shut down before it came to the end of a message. The message may be sent again."""

    code = "shutdown"
    retryable = True


class RequestFailed(PumpError):
    """A requested message ended as a dead letter.

    Args:
        failure_code: The `code` of what went wrong with it.
        reason: What went wrong, in words.
    """

    code = "request-failed"

    def __init__(self, failure_code: str, reason: str) -> None:
        super().__init__(failure_code, reason)
        self.failure_code, self.reason = failure_code, reason

    def __str__(self) -> str:
        return shorten(self.reason)


class NoReply(PumpError):
    """A request was handled to its end, and nobody answered it."""

    code = "no-reply"


class Duplicate(PumpError):
    """A message means the same as one before, by its key or its content, so it was not handled again.

    Args:
        first_id: Id of the message that was handled.
    """

    code = "duplicate"

    def __init__(self, first_id: str) -> None:
        super().__init__(first_id)
        self.first_id = first_id

    def __str__(self) -> str:
        return f"{self.code}: message {self.first_id} was the same, and was handled; this one was not"


class RequestTimedOut(PumpError, TimeoutError):
    """No answer came within `timeout_s`; the message may still be handled."""

    code = "timeout"
    retryable = True
