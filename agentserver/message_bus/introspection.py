"""The listener `system.meta` of one pump: its handlers, and how they come into the routing table.

Takes requests of `agentserver.meta`; answers with what `visibility.py` lets the asker know, made of the contracts as
they stand when asked, so that listeners which were registered later count. What takes long is a plain function, which
the pump calls in a worker thread: the outline of a large foreign schema takes half a second. "There is no such
listener" and "it is not for you" are one answer. Holds nothing of its own: two pumps in one process share nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from agentserver.config import MetaConfig
from agentserver.config.system_names import META, META_CONTRACTS
from agentserver.message_bus.listener import Handler, Listener
from agentserver.message_bus.message_state import HandlerMetadata, HandlerResponse
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.visibility import Visibility, Visible
from agentserver.meta import (
    Capabilities,
    Capability,
    Example,
    ExampleAnswer,
    ListCapabilities,
    NotAvailable,
    PromptAnswer,
    RequestExample,
    RequestPrompt,
    RequestSchema,
    SchemaAnswer,
    SchemaDocument,
)
from agentserver.xmlable.artefacts import example_element, prompt_text, schema_texts, written_bytes

DESCRIPTION: Final = "Answers which listeners there are, and how to write to them"
MAX_ENVELOPE_BYTES: Final = 1_024
"""More than the envelope around an answer has."""
MAX_NAMED_CONTRACTS: Final = 20
"""Contracts that an answer names when the one that was asked for is not among them."""


class Request(Protocol):
    """What the three requests for something about one listener have in common."""

    listener: str
    contract: str | None


def register_meta(
    flags: MetaConfig, table: RoutingTable, listeners: Mapping[str, Listener], max_bytes: int
) -> None:
    """Add `system.meta` to a routing table, with those of its contracts that anybody may ask.

    Args:
        flags: Who may ask what.
        table: The pump's.
        listeners: The pump's, by name.
        max_bytes: Longest message.
    """
    visibility = Visibility(listeners, table)
    introspection = Introspection(visibility, max_bytes - MAX_ENVELOPE_BYTES)
    handlers: dict[type, Handler] = {
        ListCapabilities: introspection.list_capabilities,
        RequestSchema: introspection.schema,
        RequestExample: introspection.example,
        RequestPrompt: introspection.prompt,
    }
    by_name = {payload_class.__name__: payload_class for payload_class in handlers}
    for flag, name in META_CONTRACTS.items():
        audience = getattr(flags, flag)
        if audience != "none":
            row = Listener(META, by_name[name], handlers[by_name[name]], DESCRIPTION)
            table.add_for(row, partial(visibility.may_ask, audience=audience, contract=name))


class Introspection:
    """Answer what is asked of `system.meta`.

    Args:
        visibility: Says what an asker may know.
        max_bytes: Longest answer about one listener.
    """

    __slots__ = ("_max_bytes", "_visibility")

    def __init__(self, visibility: Visibility, max_bytes: int) -> None:
        self._visibility, self._max_bytes = visibility, max_bytes

    async def list_capabilities(
        self, payload: ListCapabilities, metadata: HandlerMetadata
    ) -> HandlerResponse:
        """Answer which listeners the asker may address."""
        shown = self._visibility.shown_to(metadata.from_id)
        return HandlerResponse.respond(Capabilities([_capability(each) for each in shown]))

    def schema(self, payload: RequestSchema, metadata: HandlerMetadata) -> HandlerResponse:
        """Answer with the XSDs of a listener."""
        return self._about(payload, metadata, _schemas)

    def example(self, payload: RequestExample, metadata: HandlerMetadata) -> HandlerResponse:
        """Answer with messages that a listener takes."""
        return self._about(payload, metadata, _examples)

    def prompt(self, payload: RequestPrompt, metadata: HandlerMetadata) -> HandlerResponse:
        """Answer how to tell a language model of a listener."""
        known = {each.name.lower() for each in self._visibility.shown_to(metadata.from_id)}
        return self._about(payload, metadata, partial(_prompts, known=known))

    def _about(
        self, request: Request, metadata: HandlerMetadata, answer: Callable[[Visible], object]
    ) -> HandlerResponse:
        found = self._visibility.at(metadata.from_id, request.listener)
        if found is None:
            return _refusal(request, "there is no such listener, or it is not for you to address")
        if request.contract is not None:
            rows = [row for row in found.rows if _is_called(row, request.contract)]
            if not rows:
                return _refusal(request, f"it takes {', '.join(_tags(found)[:MAX_NAMED_CONTRACTS])}")
            found = Visible(found.name, rows)
        answered = answer(found)
        size = written_bytes(answered)
        if size > self._max_bytes:
            limit = self._max_bytes + MAX_ENVELOPE_BYTES
            told = f"the answer would have {size} bytes, and a message has at most {limit}"
            return _refusal(request, f"{told}; ask for one contract, or use `agentserver contracts`")
        return HandlerResponse.respond(answered)


def _refusal(request: Request, reason: str) -> HandlerResponse:
    return HandlerResponse.respond(NotAvailable(request.listener, request.contract, reason))


def _capability(shown: Visible) -> Capability:
    descriptions = dict.fromkeys(row.description for row in shown.rows if row.description)
    return Capability(
        shown.name, "; ".join(descriptions), any(row.is_agent for row in shown.rows), _tags(shown)
    )


def _schemas(shown: Visible) -> SchemaAnswer:
    documents = [
        SchemaDocument(row.contract.root_tag, file, text)
        for row in _distinct(shown)
        for file, text in schema_texts(row.contract).items()
    ]
    return SchemaAnswer(shown.name, documents)


def _examples(shown: Visible) -> ExampleAnswer:
    return ExampleAnswer(
        shown.name,
        [Example(row.contract.root_tag, example_element(row.contract)) for row in _distinct(shown)],
    )


def _prompts(shown: Visible, known: set[str]) -> PromptAnswer:
    """Write one card after the other; of whom the listener may call, only those that the asker may know of."""
    cards = [
        prompt_text(
            row.contract,
            shown.name,
            row.description,
            [peer for peer in row.peers if peer.lower() in known],
        )
        for row in _distinct(shown)
    ]
    return PromptAnswer(shown.name, "\n".join(cards))


def _distinct(shown: Visible) -> list[Listener]:
    """Return one row for each contract: listeners that share an address may share contracts, too."""
    found: dict[int, Listener] = {}
    for row in shown.rows:
        found.setdefault(id(row.contract), row)
    return list(found.values())


def _tags(shown: Visible) -> list[str]:
    return list(dict.fromkeys(row.contract.root_tag for row in shown.rows))


def _is_called(row: Listener, contract: str) -> bool:
    tag = row.contract.root_tag
    return contract.lower() in (tag.lower(), tag.rpartition("}")[2].lower())
