"""What the organism itself tells a sender whose message came to nothing: `<huh>` and `<SystemError>`.

A listener takes them with the function that its configuration names under `on_refusal:`; its author imports these
classes with `from agentserver import Huh, SystemError_`. They are the pump's alone: nobody else can send one. As XSD
they stand in `schemas/core.xsd`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from agentserver.xmlable import xml, xmlify

CORE_NS: Final = "https://xml-pipeline.org/ns/core/v1"


@xmlify(namespace=CORE_NS, name="huh")
@dataclass
class Huh:
    """The message was not understood: it did not pass the gate.

    Whoever is not told more gets the code and a general reason. The sender of a message that broke its contract is
    told the rest, as far as it is known.
    """

    code: str = field(metadata=xml(name="code"))
    """What was wrong, in one kebab-case word."""
    reason: str = field(metadata=xml(name="reason"))
    """What was wrong, in words."""
    path: str | None = field(default=None, metadata=xml(name="path"))
    """Where, as `Invoice/InvoiceLine[3]/Price`."""
    found: str | None = field(default=None, metadata=xml(name="found"))
    """What stood there."""
    expected: str | None = field(default=None, metadata=xml(name="expected"))
    """What is wanted there."""
    line: int | None = field(default=None, metadata=xml(name="line"))
    """On which line of the message, 1-based."""
    elements: str | None = field(default=None, metadata=xml(name="elements"))
    """The elements that the contract wants, one on a line."""
    example: str | None = field(default=None, metadata=xml(name="example"))
    """A message that the contract allows, as XML."""
    left: int | None = field(default=None, metadata=xml(name="left"))
    """How often its sender will still be told on this thread."""


@xmlify(namespace=CORE_NS, name="SystemError")
@dataclass
class SystemError_:  # noqa: N801  # the built-in SystemError is something else
    """The message was good, and yet came to nothing: whoever it was for failed, or did not answer in time."""

    code: str = field(metadata=xml(name="code"))
    """What happened, in one kebab-case word."""
    reason: str = field(metadata=xml(name="reason"))
    """What happened, in words."""
