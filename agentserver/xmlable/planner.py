"""From types to codecs, refusing what has no exact shape in XML.

A `Planner` serves one decorated class and all that its fields refer to. Each dataclass gets one codec, which
is known before its fields are looked at, so that classes may refer to themselves and to each other. Refusals
name the class and the field, and say what to write instead.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, NewType, Union

from agentserver.errors import ContractError
from agentserver.xmlable.codec import Codec
from agentserver.xmlable.group import Group
from agentserver.xmlable.group_source import Shape
from agentserver.xmlable.hints import constructor_call, field_types, require_dataclass
from agentserver.xmlable.names import element_name, is_xml_name
from agentserver.xmlable.simple import SCALARS, enum_codec, literal_codec
from agentserver.xmlable.slots import COLLECTIONS, Collection, Slot, none

_EXAMPLES: Mapping[Any, str] = types.MappingProxyType(
    {
        list: "list[str]",
        tuple: "tuple[str, ...]",
        set: "set[str]",
        frozenset: "frozenset[str]",
        dict: "dict[str, int]",
    }
)


class _Unmappable(Exception):
    """A type has no shape in XML; the text says why, and what to write instead."""


class Planner:
    """Makes the codecs of one decorated class.

    Args:
        names: What annotations may refer to besides the globals of their module.
        module: The module that `names` belong to.
    """

    __slots__ = ("_choices", "_groups", "_module", "_names", "_open")

    def __init__(self, names: Mapping[str, Any], module: str) -> None:
        self._names, self._module = names, module
        self._groups: dict[type, Group] = {}
        self._open: set[type] = set()
        self._choices: dict[type, Codec] = {}

    def record(self, cls: type) -> Group:
        """Give the codec of a dataclass.

        Raises:
            ContractError: The class or one of those that it refers to cannot be mapped.
        """
        if cls in self._groups:
            self._groups[cls].recursive |= cls in self._open
            return self._groups[cls]
        require_dataclass(cls)
        if not is_xml_name(cls.__name__):
            raise ContractError(cls.__name__, "", "the class's name is no name that XML allows; rename it")
        group = Group(cls.__name__, type_name=cls.__name__, hashable=cls.__hash__ is not None)
        self._groups[cls] = group
        self._open.add(cls)
        fields = field_types(cls, self._names if cls.__module__ == self._module else {})
        slots = [self._field(cls, field, hint) for field, hint in fields]
        _require_distinct(cls, [field.name for field, _ in fields], slots)
        group.hashable = group.hashable and all(slot.hashable for slot in slots)
        names = [field.name for field, _ in fields]
        access = tuple(f"value.{name}" for name in names)
        group.complete(slots, Shape(cls, access, constructor_call(cls, names), exact=True))
        self._open.discard(cls)
        return group

    def _field(self, cls: type, field: dataclasses.Field[Any], hint: Any) -> Slot:
        try:
            return self._field_slot(element_name(field.name), field, hint)
        except (_Unmappable, ValueError) as exc:
            raise ContractError(cls.__name__, field.name, str(exc)) from None

    def _field_slot(self, tag: str, field: dataclasses.Field[Any], hint: Any) -> Slot:
        inner = _without_none(hint)
        repeated = _repeated(inner)
        if repeated is not None:
            if inner is not hint:
                raise _Unmappable(f"None and empty look the same; use {_name(inner)}, empty for none")
            collection, item = repeated
            return Slot(tag, self._item(collection, item), collection=collection)
        default = _default(field)
        if inner is not hint:
            if default not in (None, none):
                raise _Unmappable("absent would mean both None and the default; let the default be None")
            return Slot(tag, self.codec(inner), default=none, omits_none=True)
        return Slot(tag, self.codec(inner), default=default)

    def codec(self, hint: Any) -> Codec:
        """Give the codec of a type in the place of one element."""
        if isinstance(hint, NewType):
            return self.codec(hint.__supertype__)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Literal:
            return literal_codec(arguments)
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            return self._fixed_tuple(arguments)
        if origin is dict and len(arguments) == 2:
            return self._mapping(*arguments)
        repeated = _repeated(hint)
        if repeated is not None:
            return self._wrapped(*repeated)
        if origin is None and isinstance(hint, type):
            return self._class(hint)
        raise _Unmappable(_why_not(hint))

    def _class(self, cls: type) -> Codec:
        if cls in SCALARS:
            return SCALARS[cls]
        if issubclass(cls, Enum):
            if cls not in self._choices:
                self._choices[cls] = enum_codec(cls)
            return self._choices[cls]
        if "__dataclass_fields__" in cls.__dict__:
            return self.record(cls)
        raise _Unmappable(_why_not(cls))

    def _item(self, collection: Collection, hint: Any) -> Codec:
        if _without_none(hint) is not hint:
            raise _Unmappable("an item cannot be absent; leave out `| None`")
        codec = self.codec(hint)
        if collection.sorted and not codec.hashable:
            raise _Unmappable(
                f"a {collection.kind.__name__} cannot hold {codec.noun}; use list[{_name(hint)}]"
            )
        return codec

    def _part(self, tag: str, hint: Any) -> Slot:
        inner = _without_none(hint)
        if inner is hint:
            return Slot(tag, self.codec(hint))
        return Slot(tag, self.codec(inner), default=none, omits_none=True)

    def _wrapped(self, collection: Collection, hint: Any) -> Codec:
        slot = Slot("Item", self._item(collection, hint), collection=collection)
        group = Group(slot.noun, hashable=slot.hashable)
        group.complete([slot], Shape(collection.kind, ("value",), "v0"))
        return group

    def _fixed_tuple(self, hints: tuple[Any, ...]) -> Codec:
        slots = [self._part(f"Item{number}", hint) for number, hint in enumerate(hints, 1)]
        group = Group(
            f"tuple of {', '.join(slot.noun for slot in slots)}",
            hashable=all(slot.hashable for slot in slots),
        )
        access = tuple(f"value[{number}]" for number in range(len(slots)))
        build = f"({' '.join(f'v{number},' for number in range(len(slots)))})"
        group.complete(slots, Shape(tuple, access, build, length=len(slots)))
        return group

    def _mapping(self, key_hint: Any, value_hint: Any) -> Codec:
        if _without_none(key_hint) is not key_hint:
            raise _Unmappable("a key cannot be absent; leave out `| None`")
        key = Slot("Key", self.codec(key_hint))
        if not key.hashable:
            raise _Unmappable(f"{key.noun} cannot be a key; use list[tuple[{_name(key_hint)}, ...]]")
        slots = [key, self._part("Value", value_hint)]
        entry = Group(f"{key.noun} to {slots[1].noun}")
        entry.complete(slots, Shape(None, ("value[0]", "value[1]"), "(v0, v1)"))
        entries = Slot("Entry", entry, collection=COLLECTIONS[dict])
        group = Group(entries.noun)
        group.complete([entries], Shape(dict, ("value",), "v0"))
        return group


def _without_none(hint: Any) -> Any:
    """Give X for `X | None`, and all else as it is."""
    if typing.get_origin(hint) not in (Union, types.UnionType):
        return hint
    members = [member for member in typing.get_args(hint) if member is not type(None)]
    if len(members) > 1:
        raise _Unmappable(f"{_name(hint)} is several types; use one, or a field for each")
    return members[0]


def _repeated(hint: Any) -> tuple[Collection, Any] | None:
    """Give the collection and the type of its items, if `hint` is one of any length."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, set, frozenset) and len(arguments) == 1:
        return COLLECTIONS[origin], arguments[0]
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return COLLECTIONS[tuple], arguments[0]
    return None


def _default(field: dataclasses.Field[Any]) -> Any:
    """Give what makes the field's default, or None when it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is dataclasses.MISSING:
        return None
    default = field.default
    return none if default is None else lambda: default


def _require_distinct(cls: type, names: list[str], slots: list[Slot]) -> None:
    seen: dict[str, str] = {}
    for name, slot in zip(names, slots, strict=True):
        if slot.tag in seen:
            raise ContractError(
                cls.__name__, name, f"it and {seen[slot.tag]} are both <{slot.tag}>; rename one"
            )
        seen[slot.tag] = name


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _why_not(hint: Any) -> str:
    bare = typing.get_origin(hint) or hint
    if isinstance(bare, type) and bare in _EXAMPLES:
        return f"{_name(hint)} does not say what it holds; write, say, {_EXAMPLES[bare]}"
    if hint is type(None):
        return "None alone holds nothing; leave the field out"
    if hint is Any or hint is object:
        return f"{_name(hint)} names no type; write the one type that it is"
    if isinstance(hint, type):
        return f"{hint.__name__} is not mapped; make it a dataclass, or use a built-in type"
    return f"{_name(hint)} is not mapped; use a built-in type, an Enum, a dataclass or a collection of these"
