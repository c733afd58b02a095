"""The codec of a sequence of slots: dataclasses, fixed tuples, wrapped collections, dict entries.

The children must stand in the order of the slots, as `xs:sequence` has it. Comments and processing
instructions between them do not count; text other than blanks, unknown attributes and entities are refused.
The reader and the writer are generated (`group_source`); what leaves their straight road ends in
`group_faults`, where the fault is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree

from agentserver.xmlable import group_faults
from agentserver.xmlable.attributes import attribute_reader, attribute_writer
from agentserver.xmlable.codec import Codec, Misfit, kind_of
from agentserver.xmlable.concealment import conceal_reader, conceal_writer, holds_secrets, told
from agentserver.xmlable.group_source import (
    Shape,
    is_whole,
    reader_source,
    runs_of_single_children,
    writer_source,
)
from agentserver.xmlable.outline import Record
from agentserver.xmlable.simple import Simple
from agentserver.xmlable.slots import Slot


class Group(Codec):
    """Several slots as the content of one element.

    A group may take part in itself: until `complete` is called it can be referred to, but not used.

    Args:
        content: Its outline, whose fields are set when the group is completed.
        hashable: Whether its values are.

    Attributes:
        recursive: Set when the group takes part in itself.
    """

    __slots__ = ("_slots", "content", "recursive")

    content: Record

    def __init__(self, content: Record, *, hashable: bool = False) -> None:
        # What refers to the group before it is complete calls through these.
        super().__init__(
            content,
            hashable,
            lambda element: self.read(element),
            lambda value, element: self.write(value, element),
        )
        self.recursive = False
        self._slots: Sequence[Slot] = ()

    def complete(self, slots: Sequence[Slot], shape: Shape) -> None:
        """Generate the reader and the writer.

        Args:
            slots: The slots, in order.
            shape: How values are put together and taken apart.
        """
        self._slots = tuple(slots)
        self.content.fields = [slot.outline() for slot in slots]
        source = reader_source(slots, shape) + writer_source(slots, shape, self.recursive)
        names = self._names(slots, shape) | self._faults(slots)
        # Nothing but element names, as literals, and identifiers of fields gets into the source.
        exec(compile(source, f"<contract {self.noun}>", "exec"), names)  # noqa: S102
        self.read, self.write = names["read"], names["write"]

    def prepare(self, element: etree._Element) -> None:
        """Put the children into an empty element that `write` would make, if these are always the same."""
        if is_whole(self._slots):
            for slot in self._slots:
                etree.SubElement(element, slot.tag)

    def _names(self, slots: Sequence[Slot], shape: Shape) -> dict[str, Any]:
        names: dict[str, Any] = {
            "kind": shape.kind,
            "END": group_faults.END,
            "sub": etree.SubElement,
            "arrange": _arrange,
        }
        for run in runs_of_single_children(slots):
            names[f"t{run.start}"] = _copier([slots[number].tag for number in run])
        for number, slot in enumerate(slots):
            read: Any = slot.codec.read
            write: Any = slot.codec.write
            if slot.attribute:
                assert isinstance(slot.codec, Simple), "the planner lets nothing else be an attribute"
                read, write = attribute_reader(slot.tag, slot.codec), attribute_writer(slot.tag, slot.codec)
            if slot.secret:
                read, write = conceal_reader(read), conceal_writer(write)
            names |= {f"r{number}": read, f"w{number}": write}
            names |= {f"d{number}": slot.default, f"c{number}": slot.collection}
        return names

    def _faults(self, slots: Sequence[Slot]) -> dict[str, Any]:
        attributes = {slot.tag: slot for slot in slots if slot.attribute}
        elements = {slot.tag: slot for slot in slots if not slot.attribute}
        bare = group_faults.require_bare
        return {
            "astray": lambda element: group_faults.out_of_sequence(element, elements),
            "absent": lambda element, number: Misfit(
                element, "nothing", slots[number].noun, below=slots[number].below
            ),
            "mistyped": lambda element, value: Misfit(element, told(value, self.content), self.noun),
            "misplaced": lambda element, value, number: _misplaced(element, value, slots[number]),
            "miscounted": lambda element, count, number: group_faults.miscounted(
                element, count, slots[number]
            ),
            "refused": self._refused,
            "bare": (lambda element: bare(element, attributes)) if attributes else bare,
            "empty": group_faults.require_empty,
            "blank": group_faults.require_blank_tail,
            "skip": group_faults.skip_remarks,
            "too_deep": group_faults.too_deep,
            "endless": group_faults.endless,
        }

    def _refused(self, element: etree._Element, exc: Exception) -> Misfit:
        return group_faults.refused(element, exc, self.noun, hidden=holds_secrets(self.content))


def _misplaced(element: etree._Element, value: object, slot: Slot) -> Misfit:
    found = kind_of(value) if slot.secret else told(value, slot.codec.content)
    return Misfit(element, found, slot.noun, slot.below)


def _copier(tags: Sequence[str]) -> Callable[[], etree._Element]:
    """Give what makes an element with empty children, by copying one."""
    template: Any = etree.Element("template")
    for tag in tags:
        etree.SubElement(template, tag)
    copy: Callable[[], etree._Element] = template.__copy__
    return copy


def _arrange(element: etree._Element, tag: str) -> None:
    """Put the last children of `element`, all called `tag`, in an order that no hash seed changes."""
    element.extend(sorted(element.findall(tag), key=etree.tostring))
