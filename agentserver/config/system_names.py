"""The names that an organism keeps for listeners of its own, and those that it has.

Knows no listeners: `cross_checks` compares with what a file says, and `message_bus` registers under these names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

KEPT: Final = "system"
"""No listener of a user's own bears this name, nor one below it, as `system.clock`."""

META: Final = "system.meta"
"""The listener that answers what an organism can do."""

META_CONTRACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "list_capabilities": "ListCapabilities",
        "schema": "RequestSchema",
        "example": "RequestExample",
        "prompt": "RequestPrompt",
    }
)
"""What it may be asked, by the flag of `meta:` that says who may ask: the flag's name, and the payload class's."""

META_ANSWERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ListCapabilities": "Capabilities",
        "RequestSchema": "SchemaAnswer",
        "RequestExample": "ExampleAnswer",
        "RequestPrompt": "PromptAnswer",
    }
)
"""The payload class that it answers each of them with, beside `NotAvailable`."""


def is_kept(name: str) -> bool:
    """Return whether `name` is kept for the organism itself. Case does not matter."""
    lowered = name.lower()
    return lowered == KEPT or lowered.startswith(f"{KEPT}.")
