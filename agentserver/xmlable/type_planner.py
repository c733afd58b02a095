"""From the type of a part to its codec: simple types, collections, unions, raw XML.

Serves one planner, which it asks for the codecs of dataclasses. Everything that it makes is in one namespace, that of
the field in question. Raises `Unmappable` with the remedy.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

from lxml import etree

from agentserver.xmlable.annotations import Annotation, is_union, peel
from agentserver.xmlable.cardinality import most_values
from agentserver.xmlable.choices import enum_codec, literal_codec
from agentserver.xmlable.codec import Codec
from agentserver.xmlable.concealment import conceal_reader, conceal_writer
from agentserver.xmlable.constraints import constrained, item_range, refuse_constraints
from agentserver.xmlable.generics import type_name
from agentserver.xmlable.group import Group
from agentserver.xmlable.group_source import Shape
from agentserver.xmlable.keys import key_codec
from agentserver.xmlable.names import element_name, is_xml_name
from agentserver.xmlable.namespaces import clark
from agentserver.xmlable.outline import Content, Record, Text
from agentserver.xmlable.raw import raw_codec
from agentserver.xmlable.refusals import Unmappable, type_text, why_not
from agentserver.xmlable.simple import SCALARS, Simple
from agentserver.xmlable.slots import COLLECTIONS, Collection, Slot, none
from agentserver.xmlable.variants import Member, variants_codec

RecordOf = Callable[[type, tuple[Any, ...]], Group]


class TypePlanner:
    """Makes the codecs of types.

    Args:
        record: Gives the codec of a dataclass, which was given these types in brackets.
        namespace: That of the elements that are made.
    """

    __slots__ = ("_choices", "_namespace", "_record")

    def __init__(self, record: RecordOf, namespace: str) -> None:
        self._record, self._namespace = record, namespace
        self._choices: dict[type, Simple] = {}

    def codec(self, annotation: Annotation) -> Codec:
        """Give the codec of a type in the place of one element."""
        hint, constraints = annotation.hint, annotation.constraints
        arguments = typing.get_args(hint)
        if (found := repeated(hint)) is not None:
            return self._wrapped(*found, annotation)
        if typing.get_origin(hint) is dict and len(arguments) == 2:
            return self._mapping(arguments, annotation)
        codec = self._single(hint, arguments)
        if isinstance(codec, Simple):
            return constrained(codec, constraints)
        refuse_constraints(codec.noun, constraints)
        return codec

    def _single(self, hint: Any, arguments: tuple[Any, ...]) -> Codec:
        origin = typing.get_origin(hint)
        if is_union(hint):
            return variants_codec(self._members(arguments))
        if origin is Literal:
            return literal_codec(arguments)
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            return self._fixed_tuple(arguments)
        if isinstance(origin, type) and "__dataclass_fields__" in origin.__dict__:
            return self._record(origin, arguments)
        if origin is None and isinstance(hint, type):
            return self._class(hint)
        raise Unmappable(why_not(hint))

    def _class(self, cls: type) -> Codec:
        if cls in SCALARS:
            return SCALARS[cls]
        if issubclass(cls, Enum):
            if cls not in self._choices:
                self._choices[cls] = enum_codec(cls)
            return self._choices[cls]
        if "__dataclass_fields__" in cls.__dict__:
            return self._record(cls, ())
        if cls is etree._Element:  # noqa: SLF001  # lxml's class of elements has no other name
            return raw_codec()
        raise Unmappable(why_not(cls))

    def _tag(self, name: str) -> str:
        return clark(self._namespace, name)

    def single(self, tag: str, annotation: Annotation) -> Slot:
        """Give the slot of one element, which may be absent when the type is optional."""
        return Slot(
            tag,
            self.codec(annotation),
            default=none if annotation.optional else None,
            omits_none=annotation.optional,
            doc=annotation.doc,
            secret=annotation.secret,
        )

    def items(self, tag: str, collection: Collection, item: Any, whole: Annotation) -> Slot:
        """Give the slot of repeated elements."""
        annotation = peel(item)
        if annotation.optional:
            raise Unmappable("an item cannot be absent; leave out `| None`")
        codec = self.codec(annotation)
        if collection.sorted and not codec.hashable:
            raise Unmappable(f"a {collection.name} cannot hold {codec.noun}; use list[{type_text(item)}]")
        least, most = item_range(collection.name, whole.constraints)
        if collection.sorted and least > 1:
            raise Unmappable(
                f"an XSD counts what a {collection.name} holds once each time it stands there; "
                f"ask for at least 1, or use list[{type_text(item)}]"
            )
        return Slot(
            tag,
            codec,
            collection=collection,
            least=least,
            most=most,
            doc=annotation.doc,
            secret=annotation.secret,
        )

    def _wrapped(self, collection: Collection, item: Any, whole: Annotation) -> Codec:
        slot = self.items(self._tag("Item"), collection, item, whole)
        group = Group(Record("items", noun=slot.noun), hashable=slot.hashable)
        group.complete([slot], Shape(collection.kind, ("value",), "v0"))
        return group

    def _fixed_tuple(self, hints: tuple[Any, ...]) -> Codec:
        slots = [self.single(self._tag(f"Item{number}"), peel(hint)) for number, hint in enumerate(hints, 1)]
        noun = f"tuple of {', '.join(slot.noun for slot in slots)}"
        group = Group(Record("tuple", noun=noun), hashable=all(slot.hashable for slot in slots))
        access = tuple(f"value[{number}]" for number in range(len(slots)))
        build = f"({' '.join(f'v{number},' for number in range(len(slots)))})"
        group.complete(slots, Shape(tuple, access, build, length=len(slots)))
        return group

    def _mapping(self, arguments: tuple[Any, ...], whole: Annotation) -> Codec:
        key = peel(arguments[0])
        if key.optional:
            raise Unmappable("a key cannot be absent; leave out `| None`")
        key_slot = Slot(self._tag("Key"), key_codec(self.codec(key)), doc=key.doc, secret=key.secret)
        slots = [key_slot, self.single(self._tag("Value"), peel(arguments[1]))]
        entry = Group(Record("entry", noun=f"{key_slot.noun} to {slots[1].noun}"))
        entry.complete(slots, Shape(None, ("value[0]", "value[1]"), "(v0, v1)"))
        least, most = item_range("dict", whole.constraints)
        _require_keys(key_slot.codec.content, key_slot.noun, least)
        entries = Slot(self._tag("Entry"), entry, collection=COLLECTIONS[dict], least=least, most=most)
        group = Group(Record("entries", noun=entries.noun))
        group.complete([entries], Shape(dict, ("value",), "v0"))
        return group

    def _members(self, hints: tuple[Any, ...]) -> list[Member]:
        members: list[Member] = []
        for hint in hints:
            annotation = peel(hint)
            if annotation.members:
                members += self._members(annotation.members)
            else:
                members.append(self._member(hint, annotation))
        return members

    def _member(self, hint: Any, annotation: Annotation) -> Member:
        bare = annotation.hint
        if annotation.optional:
            raise Unmappable(f"None is within a member of the union; write `| None` behind {type_text(bare)}")
        kind = typing.get_origin(bare) or bare
        in_place = repeated(bare) is not None or kind in (dict, tuple, Literal)
        if in_place or not isinstance(kind, type) or kind is etree._Element:  # noqa: SLF001
            raise Unmappable(
                f"{type_text(bare)} has no name of its own; make it a field of a dataclass in the union"
            )
        name = _member_name(annotation)
        if not is_xml_name(name):
            raise Unmappable(f"<{name}> is no name that XML allows; rename {type_text(hint)}")
        codec = self.codec(annotation)
        slot = Slot(self._tag(name), codec, doc=annotation.doc, secret=annotation.secret)
        if annotation.secret:
            return Member(kind, slot, conceal_reader(codec.read), conceal_writer(codec.write))
        return Member(kind, slot, codec.read, codec.write)


def _require_keys(content: Content, noun: str, least: int) -> None:
    known = most_values(content) if isinstance(content, Text) else None
    if known is not None and least > known:
        raise Unmappable(f"{noun} has at most {known} values, so there are no {least} keys; ask for fewer")


def _member_name(annotation: Annotation) -> str:
    if annotation.name:
        return element_name(annotation.name)
    if annotation.hint in SCALARS:
        name: str = annotation.hint.__name__
        return name.capitalize() if name.isupper() else element_name(name)
    return type_name(annotation.hint)


def repeated(hint: Any) -> tuple[Collection, Any] | None:
    """Give the collection and the type of its items, if `hint` is one of any length."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, set, frozenset) and len(arguments) == 1:
        return COLLECTIONS[origin], arguments[0]
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return COLLECTIONS[tuple], arguments[0]
    return None
