"""The codec of a sequence of slots: dataclasses, fixed tuples, wrapped collections, dict entries.

The children must stand in the order of the slots, as `xs:sequence` has it. Comments and processing
instructions between them do not count; text other than blanks, attributes and entities are refused. The
reader and the writer are generated (`group_source`); what leaves their straight road ends in `group_faults`,
where the fault is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree

from agentserver.xmlable import group_faults
from agentserver.xmlable.codec import Codec, Misfit, describe
from agentserver.xmlable.group_source import Shape, reader_source, runs_of_single_children, writer_source
from agentserver.xmlable.schema_document import SchemaDocument, append
from agentserver.xmlable.slots import Slot


class Group(Codec):
    """Several slots as the content of one element.

    A group may take part in itself: until `complete` is called it can be referred to, but not used.

    Args:
        noun: What the group stands for.
        hashable: Whether its values are.
        type_name: Name of its XSD type; empty for an anonymous one.

    Attributes:
        recursive: Set when the group takes part in itself.
    """

    __slots__ = ("_slots", "_type_name", "recursive")

    def __init__(self, noun: str, *, hashable: bool = False, type_name: str = "") -> None:
        self.noun, self.hashable, self._type_name = noun, hashable, type_name
        self.recursive = False
        self._slots: dict[str, Slot] = {}
        # What refers to the group before it is complete calls through these.
        self.read = lambda element: self.read(element)
        self.write = lambda value, element: self.write(value, element)

    def complete(self, slots: Sequence[Slot], shape: Shape) -> None:
        """Generate the reader and the writer.

        Args:
            slots: The slots, in order.
            shape: How values are put together and taken apart.
        """
        self._slots = {slot.tag: slot for slot in slots}
        source = reader_source(slots, shape) + writer_source(slots, shape, self.recursive)
        names = self._names(slots, shape)
        # Nothing but element names, as literals, and identifiers of fields gets into the source.
        exec(compile(source, f"<contract {self.noun}>", "exec"), names)  # noqa: S102
        self.read, self.write = names["read"], names["write"]

    def _names(self, slots: Sequence[Slot], shape: Shape) -> dict[str, Any]:
        names: dict[str, Any] = {
            "kind": shape.kind,
            "END": group_faults.END,
            "sub": etree.SubElement,
            "astray": lambda element: group_faults.out_of_sequence(element, self._slots),
            "mistyped": lambda element, value: Misfit(element, describe(value), self.noun),
            "misplaced": lambda element, value, number: Misfit(
                element, describe(value), slots[number].noun, below=slots[number].tag
            ),
            "refused": lambda element, exc: group_faults.refused(element, exc, self.noun),
            "bare": group_faults.require_bare,
            "blank": group_faults.require_blank_tail,
            "skip": group_faults.skip_remarks,
            "too_deep": group_faults.too_deep,
            "endless": group_faults.endless,
            "arrange": _arrange,
        }
        for run in runs_of_single_children(slots):
            names[f"t{run.start}"] = _copier([slots[number].tag for number in run])
        for number, slot in enumerate(slots):
            names |= {f"r{number}": slot.codec.read, f"w{number}": slot.codec.write}
            names |= {f"d{number}": slot.default, f"c{number}": slot.collection}
        return names

    def declare(self, declaration: etree._Element, schema: SchemaDocument) -> None:
        """Declare the sequence, in a named type or in place."""

        def define(complex_type: etree._Element) -> None:
            sequence = append(complex_type, "sequence")
            for slot in self._slots.values():
                _declare_slot(slot, sequence, schema)

        if self._type_name:
            name = schema.named_type(self, self._type_name, "complexType", define)
            declaration.set("type", name)
        else:
            define(append(declaration, "complexType"))

    def step(self, tag: str) -> tuple[Codec | None, bool]:
        """Find the slot called `tag`."""
        slot = self._slots.get(tag)
        return (slot.codec, slot.collection is not None) if slot else (None, False)


def _copier(tags: Sequence[str]) -> Callable[[], etree._Element]:
    """Give what makes an element with empty children, by copying one."""
    template: Any = etree.Element("template")
    for tag in tags:
        etree.SubElement(template, tag)
    copy: Callable[[], etree._Element] = template.__copy__
    return copy


def _declare_slot(slot: Slot, sequence: etree._Element, schema: SchemaDocument) -> None:
    declaration = append(sequence, "element", name=slot.tag)
    slot.codec.declare(declaration, schema)
    if not slot.required:
        declaration.set("minOccurs", "0")
    if slot.collection is not None:
        declaration.set("maxOccurs", "unbounded")


def _arrange(element: etree._Element, tag: str) -> None:
    """Put the last children of `element`, all called `tag`, in an order that no hash seed changes."""
    element.extend(sorted(element.findall(tag), key=etree.tostring))
