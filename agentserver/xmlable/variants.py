"""The codec of a union: the field's element holds exactly one element, whose name tells which member it is.

Writing goes by the value's type: the member of exactly that class, or of the nearest of its bases. Raises
`Unmappable` for members that cannot be told apart in XML or in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from agentserver.xmlable.codec import Codec, Misfit, Reader, Writer, quote
from agentserver.xmlable.concealment import told
from agentserver.xmlable.group_faults import END, require_bare, require_blank_tail, skip_remarks
from agentserver.xmlable.outline import Variants
from agentserver.xmlable.paths import local_name
from agentserver.xmlable.raw import only_child
from agentserver.xmlable.refusals import Unmappable
from agentserver.xmlable.slots import Slot


@dataclass(frozen=True, slots=True)
class Member:
    """One type of a union.

    Attributes:
        kind: Its class in Python.
        slot: Its element; required.
        read: Its reader, which keeps a secret.
        write: Its writer, which does, too.
    """

    kind: type
    slot: Slot
    read: Reader
    write: Writer


def variants_codec(members: Sequence[Member]) -> Codec:
    """Make the codec of a union.

    Raises:
        Unmappable: Two members have one element name or one class.
    """
    _require_distinct(members)
    tags = [local_name(member.slot.tag) for member in members]
    content = Variants([member.slot.outline() for member in members], f"one of {', '.join(tags)}")
    hashable = all(member.slot.codec.hashable for member in members)
    reader = _reader({member.slot.tag: member.read for member in members}, content.noun)
    return Codec(content, hashable, reader, _writer({member.kind: member for member in members}, content))


def _require_distinct(members: Sequence[Member]) -> None:
    tags: dict[str, type] = {}
    kinds: dict[type, str] = {}
    for member in members:
        tag, name = member.slot.tag, local_name(member.slot.tag)
        if tag in tags:
            raise Unmappable(f"two members of the union are <{name}>; rename one of the classes")
        if member.kind in kinds:
            both = f"{kinds[member.kind]} and {name}"
            raise Unmappable(f"{both} are both {member.kind.__name__} in Python; make one a dataclass")
        tags[tag], kinds[member.kind] = member.kind, name


def _reader(readers: Mapping[str, Reader], noun: str) -> Reader:
    def read(element: etree._Element) -> Any:
        if element.keys() or element.text is not None:
            require_bare(element)
        children = element.iterchildren()
        child: Any = next(children, END)
        if type(child.tag) is not str:
            child = skip_remarks(child, children)
        reader = readers.get(child.tag)
        if reader is None:
            found = "nothing" if child is END else f"unknown element {quote(child.tag)}"
            raise Misfit(element, found, noun)
        value = reader(child)
        if child.tail is not None:
            require_blank_tail(child)
        if next(children, END) is not END:
            only_child(element, noun)
        return value

    return read


def _writer(members: Mapping[type, Member], content: Variants) -> Writer:
    noun = content.noun

    def write(value: Any, element: etree._Element) -> None:
        member = members.get(type(value))
        if member is None:
            member = next((members[base] for base in type(value).__mro__ if base in members), None)
            if member is None:
                raise Misfit(element, told(value, content), noun)
        member.write(value, etree.SubElement(element, member.slot.tag))

    return write
