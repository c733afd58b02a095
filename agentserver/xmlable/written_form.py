"""How a document of a contract is best written: with which prefix for its root, and in which canonical form.

Takes an outline, gives a `WrittenForm`. Knows no values and no messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentserver.xmlable.outline import Anything, Content, Field, Record, Variants
from agentserver.xmlable.prefixes import empty_root


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """What holds for all documents of one contract.

    Attributes:
        prefix: Prefix of the root's namespace; empty where that may be the default one, or there is none.
        raw: Whether XML of others may be in it, whose values may use prefixes that no name uses.
    """

    prefix: str
    raw: bool


def written_form(root: Field) -> WrittenForm:
    """Tell the form of the documents of one root."""
    prefix = empty_root(root, root.local_name).prefix if root.namespace else None
    return WrittenForm(prefix or "", _holds_raw(root.content, set()))


def _holds_raw(content: Content, seen: set[int]) -> bool:
    if id(content) in seen:
        return False
    seen.add(id(content))
    if isinstance(content, (Record, Variants)):
        fields = content.fields if isinstance(content, Record) else content.members
        return any(_holds_raw(field.content, seen) for field in fields)
    return isinstance(content, Anything)
