"""The shape of `organism.yaml`: every key, its type and its bounds, as strict pydantic models.

Says what one value may be, not how values go together: that is `cross_checks`. Private to this package: the
rest of the program sees the dataclasses of `model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from agentserver.config.bounds import (
    DEFAULT_JOIN_TIMEOUT_S,
    MAX_BUDGET,
    MAX_BURST,
    MAX_PER_S,
    MAX_WALL_S,
    MIN_PER_S,
    BudgetConfig,
    RateConfig,
)
from agentserver.config.model import Limits, MetaAudience, RepairPolicy, ThreadScheduling
from agentserver.config.queue_address import MEMORY_QUEUE
from agentserver.config.resilience import (
    MAX_ATTEMPTS,
    MAX_FAILURES,
    MAX_KINDS,
    MAX_WAIT_S,
    Backoff,
    BreakerConfig,
    RetryConfig,
    is_failure,
)
from agentserver.config.retention import MAX_KEPT_S, IdempotencyConfig, KnownBy, RetentionConfig
from agentserver.config.schedules import (
    DEFAULT_SENDER,
    MAX_EVERY_S,
    MAX_PAYLOAD_CHARS,
    MIDDLE_PRIORITY,
    MIN_EVERY_S,
    is_schedule_name,
    parse_every,
)
from agentserver.errors import ConfigError

DEFAULT_PORT = 8765
MAX_TEXT_CHARS = 4096
MAX_CONCURRENT = 10_000
"""Most handlers, pipelines or calls at once: each is a task with its message in memory."""
MAX_FEEDBACK = 100
"""Most refusals to one listener on one thread: whoever did not understand ten will not understand more."""

_DEFAULT_LIMITS = Limits()
_DEFAULT_BUDGET = BudgetConfig()
_DEFAULT_RETRY = RetryConfig()
_DEFAULT_BREAKER = BreakerConfig()
_DEFAULT_IDEMPOTENCY = IdempotencyConfig()
_DEFAULT_RETENTION = RetentionConfig()

_Seconds = Annotated[float, Field(gt=0, le=86_400)]
_Concurrency = Annotated[int, Field(ge=1, le=MAX_CONCURRENT)]
_Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
_ListenerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OrganismShape(_Shape):
    """`organism:`."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    port: Annotated[int, Field(ge=1, le=65_535)] = DEFAULT_PORT
    identity: _Text = ""


class LimitsShape(_Shape):
    """`limits:`. The lower bounds let one small envelope with one payload through."""

    message_bytes: Annotated[int, Field(ge=256, le=67_108_864)] = _DEFAULT_LIMITS.message_bytes
    depth: Annotated[int, Field(ge=4, le=256)] = _DEFAULT_LIMITS.depth
    elements: Annotated[int, Field(ge=8, le=1_000_000)] = _DEFAULT_LIMITS.elements
    attributes: Annotated[int, Field(ge=1, le=1_000)] = _DEFAULT_LIMITS.attributes
    name_chars: Annotated[int, Field(ge=64, le=4_096)] = _DEFAULT_LIMITS.name_chars
    namespaces: Annotated[int, Field(ge=2, le=1_000)] = _DEFAULT_LIMITS.namespaces
    payloads: Annotated[int, Field(ge=1, le=100_000)] = _DEFAULT_LIMITS.payloads
    hops: Annotated[int, Field(ge=1, le=1_000_000)] = _DEFAULT_LIMITS.hops
    queue_messages: Annotated[int, Field(ge=1, le=10_000_000)] = _DEFAULT_LIMITS.queue_messages
    dead_letters: Annotated[int, Field(ge=1, le=10_000_000)] = _DEFAULT_LIMITS.dead_letters
    crashes: Annotated[int, Field(ge=1, le=1_000)] = _DEFAULT_LIMITS.crashes
    handler_timeout_s: _Seconds = _DEFAULT_LIMITS.handler_timeout_s
    drain_timeout_s: _Seconds = _DEFAULT_LIMITS.drain_timeout_s
    block_warning_s: Annotated[float, Field(ge=0, le=3_600)] = _DEFAULT_LIMITS.block_warning_s


class BudgetShape(_Shape):
    """`budget:`."""

    messages: Annotated[int, Field(ge=1, le=MAX_BUDGET)] = _DEFAULT_BUDGET.messages
    hops: Annotated[int, Field(ge=1, le=MAX_BUDGET)] | None = _DEFAULT_BUDGET.hops
    wall_s: Annotated[float, Field(gt=0, le=MAX_WALL_S)] | None = _DEFAULT_BUDGET.wall_s
    fan_out: Annotated[int, Field(ge=1, le=MAX_BUDGET)] = _DEFAULT_BUDGET.fan_out


class RateShape(_Shape):
    """A listener's `rate:` as a mapping."""

    per_s: Annotated[float, Field(ge=MIN_PER_S, le=MAX_PER_S)]
    burst: Annotated[int, Field(ge=1, le=MAX_BURST)] | None = None


def _read_rate(value: object) -> object:
    """Read the short form of a rate; leave a mapping to its shape."""
    if isinstance(value, dict):
        return value
    try:
        return RateShape(per_s=RateConfig.parse(value if isinstance(value, str) else "").per_s)
    except (ValueError, ConfigError):
        raise PydanticCustomError("rate", "a rate") from None


def _check_failure(word: str) -> str:
    if not is_failure(word):
        raise PydanticCustomError("failure", "a kind of failure")
    return word


_Failures = Annotated[
    list[Annotated[_Text, AfterValidator(_check_failure)]], Field(min_length=1, max_length=MAX_KINDS)
]
_Pause = Annotated[float, Field(ge=0, le=MAX_WAIT_S)]
_Kept = Annotated[float, Field(gt=0, le=MAX_KEPT_S)]


class RetryShape(_Shape):
    """`retry:`, of the organism or of a listener."""

    attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = _DEFAULT_RETRY.attempts
    backoff: Backoff = _DEFAULT_RETRY.backoff
    base_s: _Pause = _DEFAULT_RETRY.base_s
    max_s: _Pause = _DEFAULT_RETRY.max_s
    jitter: Annotated[float, Field(ge=0, le=1)] = _DEFAULT_RETRY.jitter
    on: _Failures = list(_DEFAULT_RETRY.on)


class BreakerShape(_Shape):
    """`breaker:`, of the organism or of a listener."""

    failures: Annotated[int, Field(ge=1, le=MAX_FAILURES)] = _DEFAULT_BREAKER.failures
    open_s: Annotated[float, Field(gt=0, le=MAX_WAIT_S)] = _DEFAULT_BREAKER.open_s
    on: _Failures = list(_DEFAULT_BREAKER.on)


class IdempotencyShape(_Shape):
    """`idempotency:`."""

    by: KnownBy = _DEFAULT_IDEMPOTENCY.by
    window_s: _Kept = _DEFAULT_IDEMPOTENCY.window_s


class RetentionShape(_Shape):
    """`retention:`."""

    history_s: _Kept = _DEFAULT_RETENTION.history_s
    dead_letters_s: _Kept = _DEFAULT_RETENTION.dead_letters_s


class MetaShape(_Shape):
    """`meta:`."""

    list_capabilities: MetaAudience = "peers"
    schema_: Annotated[MetaAudience, Field(alias="schema")] = (
        "peers"  # pydantic's models have a `schema` themselves
    )
    example: MetaAudience = "peers"
    prompt: MetaAudience = "peers"


class StepShape(_Shape):
    """One item of `pipeline:`."""

    step: _Text
    before: _Text = ""
    after: _Text = ""


class HandlesShape(_Shape):
    """One item of a listener's `handles:`."""

    payload_class: _Text
    handler: _Text
    schema_: Annotated[_Text, Field(alias="schema")] = ""
    root: _Text = ""


class ForbidShape(_Shape):
    """One item of `forbid:`."""

    from_: Annotated[_Text, Field(alias="from")]
    to: _Text


def _read_every(value: object) -> object:
    """Read the form with a unit; leave a number to its bounds."""
    if not isinstance(value, str):
        return value
    try:
        return parse_every(value)
    except ValueError:
        raise PydanticCustomError("every", "an interval") from None


def _check_schedule_name(name: str) -> str:
    if not is_schedule_name(name):
        raise PydanticCustomError("schedule_name", "a schedule's name")
    return name


class ScheduleShape(_Shape):
    """One item of `schedules:`."""

    name: Annotated[str, AfterValidator(_check_schedule_name)]
    every: Annotated[float, Field(ge=MIN_EVERY_S, le=MAX_EVERY_S), BeforeValidator(_read_every)]
    to: _Text
    payload: Annotated[str, Field(min_length=1, max_length=MAX_PAYLOAD_CHARS)]
    from_: Annotated[_ListenerName, Field(alias="from")] = DEFAULT_SENDER
    at_start: bool = False
    priority: Annotated[int, Field(ge=0, le=9)] = MIDDLE_PRIORITY


class PeerShape(_Shape):
    """One item of a listener's `peers:` that narrows a peer."""

    name: _Text
    payloads: Annotated[list[_Text], Field(min_length=1)]


def _read_peer(value: object) -> object:
    """Check the short form of a peer, as the draft reads it; leave a mapping to its shape."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    if not value:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    if len(value) > MAX_TEXT_CHARS:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_TEXT_CHARS})
    return PeerShape.model_construct(name=value)


class ListenerShape(_Shape):
    """One item of `listeners:`."""

    name: _ListenerName
    payload_class: _Text = ""
    handler: _Text = ""
    schema_: Annotated[_Text, Field(alias="schema")] = ""
    root: _Text = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    agent: bool = False
    peers: list[Annotated[PeerShape, BeforeValidator(_read_peer)]] = Field(default_factory=list)
    broadcast: bool = False
    timeout_s: _Seconds | None = None
    max_concurrent: _Concurrency | None = None
    rate: Annotated[RateShape | None, BeforeValidator(_read_rate)] = None
    on_refusal: _Text = ""
    repair: RepairPolicy | None = None
    join: bool = False
    join_timeout_s: _Seconds = DEFAULT_JOIN_TIMEOUT_S
    retry: RetryShape | None = None
    breaker: BreakerShape | None = None
    handles: Annotated[list[HandlesShape], Field(min_length=1)] = Field(default_factory=list)


class FileShape(_Shape):
    """The whole file."""

    organism: OrganismShape
    env: bool = False
    queue: _Text = MEMORY_QUEUE
    max_concurrent_pipelines: _Concurrency = 50
    max_concurrent_handlers: _Concurrency = 20
    max_concurrent_per_agent: _Concurrency = 5
    thread_scheduling: ThreadScheduling = "breadth-first"
    repair: RepairPolicy = "safe"
    feedback: Annotated[int, Field(ge=0, le=MAX_FEEDBACK)] = 3
    limits: LimitsShape = LimitsShape()
    budget: BudgetShape = BudgetShape()
    retry: RetryShape | None = None
    breaker: BreakerShape | None = None
    idempotency: IdempotencyShape = IdempotencyShape()
    retention: RetentionShape = RetentionShape()
    meta: MetaShape = MetaShape()
    pipeline: list[StepShape] = Field(default_factory=list)
    forbid: list[ForbidShape] = Field(default_factory=list)
    schedules: list[ScheduleShape] = Field(default_factory=list)
    listeners: Annotated[list[ListenerShape], Field(min_length=1)]


def _keys(shape: type[_Shape]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in shape.model_fields.items())


KEYS: Mapping[tuple[str, ...], tuple[str, ...]] = MappingProxyType(
    {
        (): _keys(FileShape),
        ("organism",): _keys(OrganismShape),
        ("limits",): _keys(LimitsShape),
        ("budget",): _keys(BudgetShape),
        ("retry",): _keys(RetryShape),
        ("breaker",): _keys(BreakerShape),
        ("idempotency",): _keys(IdempotencyShape),
        ("retention",): _keys(RetentionShape),
        ("pipeline",): _keys(StepShape),
        ("forbid",): _keys(ForbidShape),
        ("schedules",): _keys(ScheduleShape),
        ("listeners",): _keys(ListenerShape),
        ("listeners", "handles"): _keys(HandlesShape),
        ("listeners", "peers"): _keys(PeerShape),
        ("listeners", "rate"): _keys(RateShape),
        ("listeners", "retry"): _keys(RetryShape),
        ("listeners", "breaker"): _keys(BreakerShape),
        ("meta",): _keys(MetaShape),
    }
)
"""The known keys of each mapping, by its path without list indexes."""
