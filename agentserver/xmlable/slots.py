"""Slots: the places in the content of an element, in their order.

A slot says how its children or its attribute are called, which codec takes them, and how many there may be. A
collection says how the values of repeated children become a Python collection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from lxml import etree

from agentserver.xmlable.codec import Codec, Misfit
from agentserver.xmlable.outline import Field, Many
from agentserver.xmlable.paths import local_name

Default: TypeAlias = Callable[[], object]


def none() -> None:
    """Give the value of an absent `X | None`."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A Python collection, as repeated elements.

    Attributes:
        kind: The class; subclasses are written, too.
        name: Its name.
        sorted: Whether it has no order of its own, so that its elements are put in one.
        hashable: Whether it is, when its items are.
    """

    kind: type
    name: Many
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
        list: Collection(list, "list"),
        tuple: Collection(tuple, "tuple", hashable=True),
        set: Collection(set, "set", sorted=True),
        frozenset: Collection(frozenset, "frozenset", sorted=True, hashable=True),
        dict: Collection(dict, "dict"),
    }
)
"""The collections, by exact class."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One attribute, or one or more children with one name.

    Attributes:
        tag: Their name.
        codec: Takes each of them.
        name: The field's name in Python; empty where there is no field.
        attribute: Whether it is an attribute; its codec is then a `Simple` one.
        default: Gives the value when there is none; None when there must be one. Unused when repeated.
        default_text: The text of the default, when it is always the same and has one.
        omits_none: Whether None is written as nothing.
        collection: What repeated children are gathered in; None for a single child.
        least: Fewest repeated children.
        most: Most of them; None for any number.
        doc: What it means.
        secret: Whether errors must not show its value.
    """

    tag: str
    codec: Codec
    name: str = ""
    attribute: bool = False
    default: Default | None = None
    default_text: str | None = None
    omits_none: bool = False
    collection: Collection | None = None
    least: int = 0
    most: int | None = None
    doc: str = ""
    secret: bool = False

    @property
    def required(self) -> bool:
        """Tell whether there must be at least one."""
        return bool(self.least) if self.collection is not None else self.default is None

    @property
    def hashable(self) -> bool:
        """Tell whether the slot's values are hashable."""
        return self.codec.hashable and (self.collection is None or self.collection.hashable)

    @property
    def noun(self) -> str:
        """Name the type of the slot."""
        return f"{self.collection.name} of {self.codec.noun}" if self.collection else self.codec.noun

    @property
    def below(self) -> str:
        """Name the slot as the last step of a path."""
        return f"@{self.tag}" if self.attribute else self.tag

    def outline(self) -> Field:
        """Give the slot's place in the outline."""
        repeated = self.collection is not None
        return Field(
            self.tag,
            self.codec.content,
            name=self.name or local_name(self.tag),
            attribute=self.attribute,
            least=self.least if repeated else int(self.required),
            most=self.most if repeated else 1,
            many=self.collection.name if self.collection is not None else "",
            default=self.default_text,
            doc=self.doc,
            secret=self.secret,
        )
