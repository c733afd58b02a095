"""The names in a document that its outline does not know, and that are no slip of one that it knows.

A sender may have written a password where the name of an element belongs: `<Tokens><hunter2/></Tokens>`. A name that
is a slip of a known one helps to find the slip; any other is nobody's business where a contract has secrets. Takes an
outline and a document, hostile or not. What stands in raw XML is not looked at, as any name belongs there, and the
name of the root is its owner's affair. Knows no values.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from agentserver.xmlable.near_names import NearNames, folded
from agentserver.xmlable.outline import Anything, Content, Field, Record, Variants
from agentserver.xmlable.outline_walk import every_field


def names_of(root: Field) -> NearNames:
    """Give the names of the elements and attributes of an outline, in XML and in Python."""
    return NearNames({folded(name) for field in every_field(root) for name in (field.local_name, field.name)})


def strange_names(root: Field, element: etree._Element) -> list[str]:
    """Give the strange names in a document, each once, and its strange namespaces: those without a `:` in them.

    Args:
        root: The outline.
        element: The document.
    """
    found: dict[str, None] = {}
    for _, name in strange_places(root, element):
        found[name.rpartition("}")[2]] = None
    known = {field.namespace for field in every_field(root)}
    for node in element.iter("*"):
        namespace = node.tag[1:].rpartition("}")[0]
        if namespace and ":" not in namespace and namespace not in known:
            found[namespace] = None
    return list(found)


def strange_places(root: Field, element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Give what bears a strange name: its element, and the name in Clark notation, which may be an attribute's.

    Args:
        root: The outline.
        element: The document.
    """
    near = names_of(root)
    waiting: list[tuple[etree._Element, Content | None]] = [(element, root.content)]
    while waiting:
        node, content = waiting.pop()
        if isinstance(content, Anything):
            continue
        for name in map(str, node.keys()):
            if not near.has(name):
                yield node, name
        fields = _elements(content)
        below: list[tuple[etree._Element, Content | None]] = []
        for child in node.iterchildren("*"):
            field = fields.get(child.tag)
            if field is None and not near.has(child.tag):
                yield child, child.tag
            below.append((child, field.content if field is not None else None))
        waiting += reversed(below)


def _elements(content: Content | None) -> dict[str, Field]:
    fields = content.fields if isinstance(content, Record) else []
    fields = content.members if isinstance(content, Variants) else fields
    return {field.tag: field for field in fields if not field.attribute}
