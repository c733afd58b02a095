"""One row of the routing table: a name, one contract, and the handler that takes it.

A listener that is configured with several contracts is several rows of one name. Knows no queue and no pipeline.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from agentserver.config import BreakerConfig, RateConfig, RetryConfig
from agentserver.config.model import RepairPolicy
from agentserver.config.permissions import restriction
from agentserver.config.routing_keys import routing_key
from agentserver.message_bus.held_contracts import hold
from agentserver.message_bus.message_state import HandlerMetadata, HandlerResponse
from agentserver.wire import Schema
from agentserver.xmlable import contract_of
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.foreign.foreign_secrets import secret_names_of

HandlerResult: TypeAlias = "HandlerResponse | bytes | str | list[HandlerResponse | bytes | str] | None"
Handler: TypeAlias = Callable[
    [Any, HandlerMetadata], "Awaitable[HandlerResult] | AsyncIterator[HandlerResult] | HandlerResult"
]


class Listener:
    """What takes one class of payload under one name.

    Args:
        name: The listener's name; may hold dots and dashes.
        payload_class: An `@xmlify` class, or what `contract` reads its payload to.
        handler: `async def` (runs as a task), with `yield` to send as it goes, or `def` (runs in a worker thread); may
            be replaced while running.
        description: What it does, for people and models.
        is_agent: Whether it is told its own name and limited by `max_concurrent_per_agent`.
        peers: Whom it may address, `name` or `name.contract`; when left out, an agent may only respond, and any other
            listener address everybody.
        broadcast: Whether it also takes what is sent to its parent name.
        schema: The compiled XSD that its payload is held to; its contract's own when left out.
        root_tag: Its key in the routing table; `{name}.{root tag}`, as `routing_keys` has it, when left out.
        contract: A foreign contract; that of the class when left out.
        timeout_s: Seconds that one call may take; the pump's own when left out.
        max_concurrent: Calls at once; when left out, the pump's own for an agent, and no bound for others.
        rate: How often it may be called; no bound when left out.
        repair: What is mended in XML that its handler writes; as the pump's policy says when left out.
        join_s: Seconds that answers wait for each other to be given together; None gives them one by one.

    Attributes:
        allowed: Addresses and tags of messages that it was found to be allowed to send; `peers.py` fills it.
        bounded: Whether it may have to wait before it is called.
        call: The handler, and whether calling it gives a coroutine.
        contract: How its payload is read and written.
        restriction: The peers that it is held to; None when it may address everybody.
        secret_names: The names of what is secret in its payload, as `xmlable.secrets` folds them; mostly empty.
        version: That of the newest routing table which it stood in.
    """

    __slots__ = (
        "allowed", "bounded", "breaker", "broadcast", "call", "contract", "description", "is_agent", "join_s",
        "max_concurrent", "name", "own_name", "payload_class", "peers", "rate", "repair", "restriction", "retry",
        "root_tag", "schema", "secret_names", "timeout_s", "version",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        payload_class: type[Any],
        handler: Handler,
        description: str = "",
        is_agent: bool = False,
        peers: list[str] | None = None,
        broadcast: bool = False,
        schema: Schema | None = None,
        root_tag: str = "",
        contract: AnyContract | None = None,
        *,
        timeout_s: float | None = None,
        max_concurrent: int | None = None,
        rate: RateConfig | None = None,
        repair: RepairPolicy | None = None,
        join_s: float | None = None,
        retry: RetryConfig | None = None,
        breaker: BreakerConfig | None = None,
    ) -> None:
        self.name = name
        self.payload_class = payload_class
        self.contract: AnyContract = hold(contract if contract is not None else contract_of(payload_class))
        self.schema: Schema = schema if schema is not None else self.contract.schema
        self.secret_names = secret_names_of(self.contract)
        self.root_tag = root_tag or routing_key(name, self.contract.root_tag)
        self.description = description
        self.is_agent = is_agent
        self.own_name = name if is_agent else None
        self.peers = list(peers or ())
        self.restriction = restriction(peers, is_agent=is_agent)
        self.allowed: set[tuple[str, str]] = set()
        self.broadcast = broadcast
        self.timeout_s, self.max_concurrent, self.rate = timeout_s, max_concurrent, rate
        self.bounded = is_agent or max_concurrent is not None or rate is not None or breaker is not None
        self.version = 0
        self.repair, self.join_s = repair, join_s
        self.retry, self.breaker = retry, breaker
        self.handler = handler

    @property
    def handler(self) -> Handler:
        """What is called with the payload and its metadata."""
        return self.call[0]

    @handler.setter
    def handler(self, handler: Handler) -> None:
        self.call = (handler, is_async(handler))  # in one, as another thread may replace it meanwhile

    @property
    def parent_name(self) -> str:
        """The name that it shares with its siblings when it broadcasts: `search` of `search.google`."""
        return self.name.rpartition(".")[0]

    def __repr__(self) -> str:
        return f"Listener({self.root_tag!r})"


def is_async(handler: Callable[..., Any]) -> bool:
    """Return whether calling `handler` gives a coroutine, as far as can be told beforehand."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004  # looks for an async __call__, not for callability
    )
