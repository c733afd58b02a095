"""One difference between two contracts, and the words in which places are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agentserver.xmlable.outline import Field

Kind: TypeAlias = Literal["compatible", "breaking"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts.

    Attributes:
        path: Where, as `Invoice/InvoiceLine/Price`, or `Invoice/@id` for an attribute.
        kind: Whether documents that were valid stay so.
        what: What changed, in words that say what was and what is.
    """

    path: str
    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}: {self.what}"


def changed(path: str, breaks: bool, what: str) -> Change:
    """Make a change that breaks documents, or none."""
    return Change(path, "breaking" if breaks else "compatible", what)


def below(path: str, field: Field) -> str:
    """Give the path of a field."""
    return f"{path}/{'@' if field.attribute else ''}{field.local_name}"


def namespace_of(field: Field) -> str:
    """Name the namespace of a field."""
    return f"the namespace {field.namespace}" if field.namespace else "no namespace"
