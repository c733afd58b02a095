"""From dataclasses to codecs, refusing what has no exact shape in XML.

A `Planner` serves one decorated class and all that its fields refer to. Each dataclass gets one codec, which
is known before its fields are looked at, so that classes may refer to themselves and to each other. Refusals
name the class and the field, and say what to write instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from agentserver.errors import ContractError
from agentserver.xmlable.annotations import Annotation, peel
from agentserver.xmlable.defaults import check_default, default_of, default_text
from agentserver.xmlable.docs import class_doc, field_docs, plain
from agentserver.xmlable.generics import type_name
from agentserver.xmlable.group import Group
from agentserver.xmlable.group_source import Shape
from agentserver.xmlable.hints import constructor_call, field_types, require_dataclass
from agentserver.xmlable.markers import XML_METADATA, XmlForm
from agentserver.xmlable.masked_repr import mask_repr
from agentserver.xmlable.names import attribute_name, element_name, is_xml_name
from agentserver.xmlable.namespaces import clark, require_namespace
from agentserver.xmlable.outline import Record
from agentserver.xmlable.refusals import Unmappable, type_text
from agentserver.xmlable.simple import Simple
from agentserver.xmlable.slots import Slot, none
from agentserver.xmlable.type_planner import TypePlanner, repeated

CONTRACT: str = "__contract__"
"""The attribute of a class under which its contract stands."""

_Key: TypeAlias = tuple[type, Any]


class Planner:
    """Makes the codecs of one decorated class.

    Args:
        names: What annotations may refer to besides the globals of their module.
        module: The module that `names` belong to.
        root: The class.
        namespace: That of the class, and of each below it that has none of its own.
    """

    __slots__ = ("_defaults", "_groups", "_module", "_names", "_namespace", "_open", "_root", "_types")

    def __init__(self, names: Mapping[str, Any], module: str, root: type, namespace: str = "") -> None:
        self._names, self._module, self._root, self._namespace = names, module, root, namespace
        self._groups: dict[_Key, Group] = {}
        self._open: set[_Key] = set()
        self._types: dict[str, TypePlanner] = {}
        self._defaults: list[tuple[type, dataclasses.Field[Any], Slot]] = []

    @property
    def mixes_namespaces(self) -> bool:
        """Whether elements of several namespaces were planned."""
        return bool(self._types.keys() - {self._namespace})

    def plan(self) -> Group:
        """Give the codec of the decorated class.

        Raises:
            ContractError: The class or one of those that it refers to cannot be mapped.
        """
        root = self._record(self._root, ())
        for owner, field, slot in self._defaults:
            check_default(owner, field, slot)
        for (kind, _), group in self._groups.items():
            mask_repr(kind, group.content)
        return root

    def _record(self, cls: type, arguments: tuple[Any, ...]) -> Group:
        key = cls, _hashable(arguments)
        if key in self._groups:
            self._groups[key].recursive |= key in self._open
            return self._groups[key]
        require_dataclass(cls)
        name = type_name(cls[arguments]) if arguments else cls.__name__  # type: ignore[index]  # it is generic
        if not is_xml_name(name):
            raise ContractError(cls.__name__, "", "the class's name is no name that XML allows; rename it")
        group = Group(Record("class", name, name, doc=class_doc(cls)), hashable=cls.__hash__ is not None)
        self._groups[key] = group
        self._open.add(key)
        self._complete(group, cls, arguments)
        self._open.discard(key)
        return group

    def _complete(self, group: Group, cls: type, arguments: tuple[Any, ...]) -> None:
        fields = field_types(cls, self._names if cls.__module__ == self._module else {}, arguments)
        docs, namespace = field_docs(cls), self._namespace_of(cls)
        slots = []
        for field, hint in fields:
            slot = self._field(cls, field, hint, namespace)
            slot = replace(slot, name=field.name, doc=plain(slot.doc) or docs.get(field.name, ""))
            slots.append(slot)
            self._defaults.append((cls, field, slot))
        _require_distinct(cls, slots)
        group.hashable = group.hashable and all(slot.hashable for slot in slots)
        names = [field.name for field, _ in fields]
        access = tuple(f"value.{name}" for name in names)
        group.complete(slots, Shape(cls, access, constructor_call(cls, names), exact=True))

    def _namespace_of(self, cls: type) -> str:
        own = getattr(cls.__dict__.get(CONTRACT), "namespace", None)
        return self._namespace if own is None or cls is self._root else own

    def _field(self, cls: type, field: dataclasses.Field[Any], hint: Any, namespace: str) -> Slot:
        form = field.metadata.get(XML_METADATA, XmlForm())
        try:
            annotation = peel(hint)
            if form.attribute:
                return self._attribute(field, annotation, form)
            if form.namespace is not None:
                require_namespace(form.namespace)
                namespace = form.namespace
            tag = clark(namespace, form.name or element_name(field.name))
            if form.name and not is_xml_name(form.name):
                raise Unmappable(f"{form.name!r} is no name that XML schemas allow; choose another")
            return self._element(tag, field, annotation, self._types_in(namespace))
        except (Unmappable, ValueError) as exc:
            raise ContractError(cls.__name__, field.name, str(exc)) from None

    def _types_in(self, namespace: str) -> TypePlanner:
        if namespace not in self._types:
            self._types[namespace] = TypePlanner(self._record, namespace)
        return self._types[namespace]

    def _element(
        self, tag: str, field: dataclasses.Field[Any], annotation: Annotation, types: TypePlanner
    ) -> Slot:
        found = repeated(annotation.hint)
        if found is None:
            return _with_default(types.single(tag, annotation), field, annotation)
        if annotation.optional:
            raise Unmappable(
                f"None and empty look the same; use {type_text(annotation.hint)}, empty for none"
            )
        slot = types.items(tag, *found, annotation)
        return replace(slot, doc=annotation.doc or slot.doc, secret=annotation.secret or slot.secret)

    def _attribute(self, field: dataclasses.Field[Any], annotation: Annotation, form: XmlForm) -> Slot:
        if form.namespace:
            raise Unmappable("attributes have no namespace here; leave it out, or make it an element")
        if repeated(annotation.hint) is not None:
            raise Unmappable("an attribute holds one text; make a collection an element")
        slot = self._types_in("").single(attribute_name(form.name or field.name), annotation)
        if not isinstance(slot.codec, Simple):
            raise Unmappable(f"an attribute holds one text; make {slot.noun} an element")
        return _with_default(replace(slot, attribute=True), field, annotation)


def _with_default(slot: Slot, field: dataclasses.Field[Any], annotation: Annotation) -> Slot:
    default = default_of(field)
    if annotation.optional:
        if default not in (None, none):
            raise Unmappable("absent would mean both None and the default; let the default be None")
        return slot
    return replace(
        slot, default=default, default_text=None if slot.secret else default_text(field, slot.codec)
    )


def _hashable(arguments: tuple[Any, ...]) -> Any:
    try:
        hash(arguments)
    except TypeError:  # some library's metadata in Annotated
        return repr(arguments)
    return arguments


def _require_distinct(cls: type, slots: list[Slot]) -> None:
    seen: dict[str, str] = {}
    for slot in slots:
        if slot.below in seen:
            shown = f"attribute {slot.tag}" if slot.attribute else f"<{slot.tag}>"
            reason = f"it and {seen[slot.below]} are both {shown}; rename one"
            raise ContractError(cls.__name__, slot.name, reason)
        seen[slot.below] = slot.name
