"""What the listener `system.meta` is asked, and what it answers.

A listener that asks takes the answers as it takes everything: by a contract. So its configuration names these classes,
as `payload_class: agentserver.meta.Capabilities`, and its handlers import them with `from agentserver import meta`.
Who may ask is said in `organism.yaml`, under `meta:`; what is answered depends on who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agentserver.xmlable import RawXml, xmlify


@xmlify
@dataclass
class ListCapabilities:
    """Asks which listeners the asker may address; `Capabilities` is the answer."""


@xmlify
@dataclass
class RequestSchema:
    """Asks for the XSDs of a listener; the answer is `SchemaAnswer` or `NotAvailable`."""

    listener: str
    contract: str | None = None
    """One of the listener's contracts; all of them when left out."""


@xmlify
@dataclass
class RequestExample:
    """Asks for messages that a listener takes; the answer is `ExampleAnswer` or `NotAvailable`."""

    listener: str
    contract: str | None = None


@xmlify
@dataclass
class RequestPrompt:
    """Asks how to tell a language model of a listener; the answer is `PromptAnswer` or `NotAvailable`."""

    listener: str
    contract: str | None = None


@dataclass
class Capability:
    """One listener: where messages to it go, and which root elements it takes, in Clark notation."""

    name: str
    description: str
    agent: bool
    contracts: list[str] = field(default_factory=list)


@xmlify
@dataclass
class Capabilities:
    """The listeners that the asker may address."""

    listeners: list[Capability] = field(default_factory=list)


@dataclass
class SchemaDocument:
    """One XSD, as text: names in its attributes depend on namespace prefixes, which C14N of a message would drop."""

    contract: str
    file: str
    xsd: str


@xmlify
@dataclass
class SchemaAnswer:
    """The XSDs of a listener; the first of each contract imports the others of that contract by their files."""

    listener: str
    schemas: list[SchemaDocument] = field(default_factory=list)


@dataclass
class Example:
    """A message that a contract allows, as it is sent."""

    contract: str
    document: RawXml


@xmlify
@dataclass
class ExampleAnswer:
    """One message for each contract of a listener."""

    listener: str
    examples: list[Example] = field(default_factory=list)


@xmlify
@dataclass
class PromptAnswer:
    """What to tell a language model of a listener."""

    listener: str
    prompt: str


@xmlify
@dataclass
class NotAvailable:
    """There is no such listener or contract, as far as the asker may know."""

    listener: str
    contract: str | None
    reason: str
