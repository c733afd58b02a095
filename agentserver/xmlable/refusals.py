"""Why a type has no shape in XML, and what to write instead.

Gives the words for a refusal; the planner adds the class and the field. `Unmappable` never leaves this package.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

_EXAMPLES: Mapping[Any, str] = types.MappingProxyType(
    {
        list: "list[str]",
        tuple: "tuple[str, ...]",
        set: "set[str]",
        frozenset: "frozenset[str]",
        dict: "dict[str, int]",
    }
)


class Unmappable(Exception):
    """A type has no shape in XML; the text says why, and what to write instead."""


def type_text(hint: Any) -> str:
    """Give a type as its author wrote it, as far as that is known."""
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def constraint_text(constraint: Any) -> str:
    """Give a constraint as its author wrote it, or its name alone where it has no text."""
    try:
        return repr(constraint)
    except ValueError:  # an int of more digits than Python turns into text
        return type(constraint).__name__


def why_not(hint: Any) -> str:
    """Say why there is no codec for a type."""
    bare = typing.get_origin(hint) or hint
    if isinstance(bare, type) and bare in _EXAMPLES:
        return f"{type_text(hint)} does not say what it holds; write, say, {_EXAMPLES[bare]}"
    if hint is type(None):
        return "None alone holds nothing; leave the field out"
    if hint is Any or hint is object:
        return f"{type_text(hint)} names no type; write the one type that it is"
    if isinstance(hint, TypeVar):
        return f"{hint} stands for no type here; say which, as in Page[Item], or class ItemPage(Page[Item])"
    if isinstance(hint, type):
        return f"{hint.__name__} is not mapped; make it a dataclass, or use a built-in type"
    return (
        f"{type_text(hint)} is not mapped; use a built-in type, an Enum, a dataclass or a collection of these"
    )
