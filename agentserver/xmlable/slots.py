"""Slots: the places in the content of an element, in their order.

A slot says how its children are called, which codec takes them, and how many there may be. A collection says
how the values of repeated children become a Python collection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from lxml import etree

from agentserver.xmlable.codec import Codec, Misfit

Default: TypeAlias = Callable[[], object]


def none() -> None:
    """Give the value of an absent `X | None`."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A Python collection, as repeated elements.

    Attributes:
        kind: The class; subclasses are written, too.
        sorted: Whether it has no order of its own, so that its elements are put in one.
        hashable: Whether it is, when its items are.
    """

    kind: type
    sorted: bool = False
    hashable: bool = False

    def gather(self, items: list[Any], element: etree._Element, tag: str) -> Any:
        """Make the collection of `items`, read from the children of `element` called `tag`."""
        if self.kind is not dict:
            return self.kind(items)
        entries = dict(items)
        if len(entries) != len(items):
            raise _second_key(items, element.findall(tag))
        return entries


def _second_key(items: list[tuple[Hashable, Any]], entries: list[etree._Element]) -> Misfit:
    seen: set[Hashable] = set()
    for (key, _), entry in zip(items, entries, strict=True):
        if key in seen:
            return Misfit(entry, "the same key again", "each key once", below="Key")
        seen.add(key)
    raise AssertionError("no key is doubled")


COLLECTIONS = MappingProxyType(
    {
        list: Collection(list),
        tuple: Collection(tuple, hashable=True),
        set: Collection(set, sorted=True),
        frozenset: Collection(frozenset, sorted=True, hashable=True),
        dict: Collection(dict),
    }
)
"""The collections, by exact class."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One or more children with one name.

    Attributes:
        tag: Their name.
        codec: Takes each of them.
        default: Gives the value when there is none; None when there must be one. Unused when repeated.
        omits_none: Whether None is written as no child.
        collection: What repeated children are gathered in; None for a single child.
    """

    tag: str
    codec: Codec
    default: Default | None = None
    omits_none: bool = False
    collection: Collection | None = None

    @property
    def required(self) -> bool:
        """Tell whether the child must be there."""
        return self.default is None and self.collection is None

    @property
    def hashable(self) -> bool:
        """Tell whether the slot's values are hashable."""
        return self.codec.hashable and (self.collection is None or self.collection.hashable)

    @property
    def noun(self) -> str:
        """Name the type of the slot."""
        return f"{self.collection.kind.__name__} of {self.codec.noun}" if self.collection else self.codec.noun
