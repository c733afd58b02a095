"""Build the tree of nodes from PyYAML's parser events, refusing what a configuration must not hold.

Works without recursion and makes no Python object from a tag. Bounded: nesting, and the number of nodes once
aliases are expanded (an aliased node is shared, so memory stays that of the text). Refused: tags, duplicate
keys, keys that are no scalars, a second document, characters that XML cannot hold. Faults go to the log;
those after which the tree would be wrong raise `ConfigError`. Knows nothing of what the keys mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import yaml

from agentserver.config.fault_log import FaultLog, quote
from agentserver.config.tree import WHOLE_FILE, Entry, ListNode, MapNode, Node, Place, ScalarNode

MAX_DEPTH = 16
"""Deepest nesting; a listener's handler needs 6."""
MAX_NODES = 200_000
"""Most nodes with aliases expanded: ten lines of aliases of aliases make a billion."""

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no `Char` of XML 1.0, section 2.2: names and descriptions end up in messages and prompts."""


class _Mark(Protocol):
    """A 0-based place, as PyYAML gives it."""

    line: int
    column: int


@dataclass(slots=True)
class _Key:
    """A key that waits for its value; the value of a refused key is read and dropped."""

    text: str
    place: Place
    refused: bool = False


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: ListNode | MapNode
    anchor: str | None
    key: _Key | None = None


class TreeBuilder:
    """Take the events of one document in order; `root` is the tree once they are all taken.

    Args:
        faults: Takes what is wrong.
    """

    def __init__(self, faults: FaultLog) -> None:
        self.root: Node | None = None
        self._faults = faults
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            ConfigError: The tree cannot be built.
        """
        place = place_of(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event.tag, place)
            self._refuse_characters(event.value, place)
            node = ScalarNode(place, event.value, plain=event.style is None)
            self._complete(node, event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._start(ListNode(place), event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._start(MapNode(place), event)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self._open.pop()
            self._complete(closed.node, closed.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._attach(self._anchored(event.anchor, place), place)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._faults.stop(place, "a second document begins here; one file holds one organism")

    def _start(self, node: ListNode | MapNode, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event.tag, node.place)
        if len(self._open) >= MAX_DEPTH:
            self._faults.stop(node.place, f"nested deeper than {MAX_DEPTH} levels")
        self._open.append(_Open(node, event.anchor))

    def _complete(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        self._attach(node, node.place)

    def _attach(self, node: Node, place: Place) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node, ListNode):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node, place, parent.node)
        else:
            key, parent.key = parent.key, None
            if not key.refused:
                parent.node.entries[key.text] = Entry(key.place, node)
        self._measure(parent.node, node, place)

    def _key(self, node: Node, place: Place, mapping: MapNode) -> _Key:
        if not isinstance(node, ScalarNode):
            self._faults.add(place, "a list or a mapping cannot be a key; write a plain word")
            return _Key("", place, refused=True)
        first = mapping.entries.get(node.text)
        if first is not None:
            message = f"duplicate key {quote(node.text)}; the first is on line {first.key_place.line}"
            self._faults.add(place, message)
        return _Key(node.text, place, refused=first is not None)

    def _measure(self, parent: ListNode | MapNode, node: Node, place: Place) -> None:
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MAX_NODES:
            self._faults.stop(place, f"more than {MAX_NODES} values once aliases are expanded")
        if len(self._open) + node.height > MAX_DEPTH:
            self._faults.stop(place, f"nested deeper than {MAX_DEPTH} levels once aliases are expanded")

    def _anchored(self, anchor: str | None, place: Place) -> Node:
        if anchor is None or anchor not in self._anchors:
            self._faults.stop(place, f"the alias *{anchor} stands for nothing that is complete before it")
        return self._anchors[anchor]

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            self._faults.add(place, f"the tag {quote(tag)} is not allowed; remove it")

    def _refuse_characters(self, text: str, place: Place) -> None:
        bad = NOT_XML.search(text)
        if bad is not None:
            self._faults.add(place, f"the character {bad.group()!a} cannot stand in XML; remove it")


def place_of(mark: _Mark | None) -> Place:
    """Turn PyYAML's 0-based mark into a place."""
    return Place(mark.line + 1, mark.column + 1) if mark is not None else WHOLE_FILE
