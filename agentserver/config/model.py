"""What an organism is made of, as plain values: the result of reading `organism.yaml`, or built in code.

Knows no YAML, no files and no pump. The loader beside it makes these; `message_bus` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

from agentserver.config.bounds import DEFAULT_JOIN_TIMEOUT_S, BudgetConfig, RateConfig, listener_faults
from agentserver.config.peer_entries import expanded
from agentserver.config.queue_address import MEMORY_QUEUE, QueueAddress
from agentserver.config.resilience import BreakerConfig, RetryConfig
from agentserver.config.retention import IdempotencyConfig, RetentionConfig
from agentserver.config.schedules import ScheduleConfig
from agentserver.errors import ConfigError, ConfigFault
from agentserver.xmlable.foreign import AnyContract

ThreadScheduling = Literal["breadth-first", "depth-first"]

RepairPolicy = Literal["off", "safe", "recover"]

MetaAudience = Literal["none", "peers", "all"]
"""Who may ask: nobody, listeners that have `system.meta` among their peers, or everybody."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one message, one queue and one handler may use. All are inclusive."""

    message_bytes: int = 1_048_576
    """Longest message, in bytes."""
    depth: int = 64
    """Deepest nesting of elements. libxml2 itself stops at 256."""
    elements: int = 10_000
    """Most elements in one message."""
    attributes: int = 64
    """Most attributes on one element: exclusive C14N sorts them in quadratic time."""
    name_chars: int = 256
    """Longest element or attribute name, namespace URI included: C14N repeats them."""
    namespaces: int = 64
    """Most namespace declarations in one message."""
    payloads: int = 1_000
    """Most messages that one input may fan out to."""
    hops: int = 1000
    """Most forwards and replies that may follow from one injected message along one path."""
    queue_messages: int = 10_000
    """Messages waiting before `inject` waits too. What handlers emit is never held back."""
    dead_letters: int = 1_000
    """Dead letters that the in-memory queue keeps; older ones stay counted and logged."""
    crashes: int = 3
    """How often the process may die while it handles one message, before that becomes a dead letter."""
    handler_timeout_s: float = 60.0
    """Seconds that one call of a handler may take."""
    drain_timeout_s: float = 45.0
    """Seconds that a shutdown waits for what is in flight."""
    block_warning_s: float = 1.0
    """Seconds for which something may block the event loop before a warning names it; 0 looks for nothing."""


@dataclass(frozen=True, slots=True)
class MetaConfig:
    """Who may ask the listener `system.meta` what; with `none` throughout there is no such listener."""

    list_capabilities: MetaAudience = "peers"
    """For `ListCapabilities`."""
    schema: MetaAudience = "peers"
    """For `RequestSchema`."""
    example: MetaAudience = "peers"
    """For `RequestExample`."""
    prompt: MetaAudience = "peers"
    """For `RequestPrompt`."""


@dataclass(frozen=True, slots=True)
class ListenerPlaces:
    """The lines of the file that say what a listener may do, 1-based; 0 where there is none.

    Attributes:
        line: The listener's own.
        agent: That of the key `agent`.
        peers: That of the key `peers`.
        entries: Those of its entries, by their text in lower case.
    """

    line: int = 0
    agent: int = 0
    peers: int = 0
    entries: Mapping[str, int] = field(default_factory=dict)


NOWHERE: Final = ListenerPlaces()
"""Of a listener that was configured in code."""


@dataclass(frozen=True, slots=True)
class ForbidConfig:
    """That no message sent from the one may lead to the other, over any number of listeners.

    Args:
        sender: A listener, or a name that several share by broadcasting.
        receiver: The same.
        line: Where the file says so; 0 when it was said in code.
    """

    sender: str
    receiver: str
    line: int = field(default=0, compare=False)


@dataclass(slots=True)
class HandlesConfig:
    """One contract of a listener: a payload class and the handler that takes it, by path or as objects.

    `schema_path` is the XSD of a foreign contract, from the project's folder, and `root` its root element where the
    XSD leaves that open; `contract` is what was made of them.
    """

    payload_class_path: str = ""
    handler_path: str = ""
    payload_class: type[Any] | None = None
    handler: Callable[..., Any] | None = None
    schema_path: str = ""
    root: str = ""
    contract: AnyContract | None = None


@dataclass(slots=True)
class ListenerConfig:
    """One listener: a name, its contract(s), who it may address.

    `payload_class_path` and `handler_path` are `module.attribute`; `payload_class` and `handler` are what
    they name, once imported, and win where both are given. `handles` holds further contracts under this name.
    `schema_path`, `root` and `contract` are as in `HandlesConfig`.
    `peers` is None where nothing is said of them: an agent may then only respond, any other listener address everybody.
    It holds names, or `name.contract`; mappings, as `{"name": "bank", "payloads": ["Quote"]}`, become such texts.
    """

    name: str
    payload_class_path: str = ""
    handler_path: str = ""
    description: str = ""
    is_agent: bool = False
    peers: list[Any] | None = None
    broadcast: bool = False
    payload_class: type[Any] | None = None
    handler: Callable[..., Any] | None = None
    handles: list[HandlesConfig] = field(default_factory=list)
    schema_path: str = ""
    root: str = ""
    contract: AnyContract | None = None
    timeout_s: float | None = None
    """Seconds that one call may take; None takes `limits.handler_timeout_s`."""
    max_concurrent: int | None = None
    """Calls at once; None takes `max_concurrent_per_agent` for an agent, and sets no bound for others."""
    rate: RateConfig | None = None
    """How often it may be called; None sets no bound."""
    on_refusal_path: str = ""
    """Function that takes refusals, as (payload, metadata); without one they go to whoever asked it."""
    on_refusal: Callable[..., Any] | None = None
    repair: RepairPolicy | None = None
    """What is mended in XML that its handlers write; None takes the organism's policy."""
    join: bool = False
    """Whether the answers to what one reply of it asks are given to it together."""
    join_timeout_s: float = DEFAULT_JOIN_TIMEOUT_S
    """Seconds after which it is given what is there."""
    retry: RetryConfig | None = None
    """How often a message is tried whose handler fails; None takes the organism's."""
    breaker: BreakerConfig | None = None
    """When it is not called for a while, as it keeps failing; None takes the organism's."""
    places: ListenerPlaces = field(default=NOWHERE, compare=False, repr=False)
    """Where the file says so: of no account for what it is."""

    def __post_init__(self) -> None:
        """Refuse bounds that no call could keep to, and make texts of peers.

        Raises:
            ConfigError: A bound is out of its range, a word is none of those known, or a peer is no peer.
        """
        if self.peers is not None:
            self.peers = expanded(self.peers, self.name)
        faults = listener_faults(self.timeout_s, self.max_concurrent, self.rate, self.join_timeout_s)
        if self.repair is not None and self.repair not in get_args(RepairPolicy):
            known = ", ".join(get_args(RepairPolicy))
            faults.append(f"repair: found {self.repair!r}, expected one of {known}")
        if faults:
            raise ConfigError([ConfigFault(self.name, 0, 0, fault) for fault in faults])


@dataclass(slots=True)
class StepConfig:
    """A step of the user's own, and the built-in step that it goes `before` or `after`."""

    step_path: str = ""
    before: str = ""
    after: str = ""
    step: Callable[..., Any] | None = None


@dataclass(slots=True)
class OrganismConfig:
    """One configured system."""

    name: str
    identity_path: str = ""
    """File of the secret that thread ids are derived with, from the project's folder; empty makes one for each run."""
    port: int = 8765
    thread_scheduling: ThreadScheduling = "breadth-first"
    listeners: list[ListenerConfig] = field(default_factory=list)
    max_concurrent_pipelines: int = 50
    max_concurrent_handlers: int = 20
    max_concurrent_per_agent: int = 5
    queue: str = MEMORY_QUEUE
    limits: Limits = field(default_factory=Limits)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    repair: RepairPolicy = "safe"
    feedback: int = 3
    """How often a listener is told on one thread that its output failed."""
    pipeline: list[StepConfig] = field(default_factory=list)
    meta: MetaConfig = field(default_factory=MetaConfig)
    forbid: list[ForbidConfig] = field(default_factory=list)
    """Ways that there must not be; those that there are fail the loading."""
    schedules: list[ScheduleConfig] = field(default_factory=list)
    """Messages that are sent by the clock."""
    retry: RetryConfig | None = None
    """How often a message is tried whose handler fails, of listeners that say nothing; None tries once."""
    breaker: BreakerConfig | None = None
    """When a listener that says nothing is not called for a while, as it keeps failing; None calls it always."""
    idempotency: IdempotencyConfig = field(default_factory=IdempotencyConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    source: Path | None = None
    """The file that this was read from; None when it was built in code."""
    given: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    """The lines of the sections that the file itself gives, and of their keys, as `limits.hops`."""

    def __post_init__(self) -> None:
        """Refuse what the pump could not work with; the loader says the same with line numbers.

        Raises:
            ConfigError: A bound is no whole number of at least 1, a word is none of those known, or there is no such
                queue.
        """
        faults = [
            f"{name}: found {getattr(self, name)!r}, expected a whole number of at least 1"
            for name in ("max_concurrent_pipelines", "max_concurrent_handlers", "max_concurrent_per_agent")
            if type(getattr(self, name)) is not int or getattr(self, name) < 1
        ]
        if type(self.feedback) is not int or self.feedback < 0:
            faults.append(f"feedback: found {self.feedback!r}, expected a whole number of at least 0")
        words: list[tuple[str, object, tuple[str, ...]]] = [
            ("thread_scheduling", self.thread_scheduling, get_args(ThreadScheduling)),
            ("repair", self.repair, get_args(RepairPolicy)),
            *(
                (f"meta.{flag.name}", getattr(self.meta, flag.name), get_args(MetaAudience))
                for flag in fields(self.meta)
            ),
        ]
        for name, found, known in words:
            if found not in known:
                faults.append(f"{name}: found {found!r}, expected one of {', '.join(known)}")
        try:
            QueueAddress.parse(self.queue)
        except ValueError as exc:
            faults.append(f"queue: {exc}")
        if faults:
            raise ConfigError([ConfigFault(self.name, 0, 0, fault) for fault in faults])
