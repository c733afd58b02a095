"""The root element of a document, with the prefixes that suit what will be in it.

A default namespace reads best, but an element in no namespace must not stand below it: lxml would write it without
undoing the default. So the default is taken only where the outline knows every element to be in the root's namespace.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from agentserver.xmlable.namespaces import clark
from agentserver.xmlable.outline import Content, Field, Record, Text, Variants


def empty_root(root: Field, name: str) -> etree._Element:
    """Make an empty element called `name`, in the namespace of `root`."""
    if not root.namespace:
        return etree.Element(name)
    prefix: Any = None if _is_uniform(root.content, root.namespace, set()) else "tns"
    return etree.Element(clark(root.namespace, name), nsmap={prefix: root.namespace})


def _is_uniform(content: Content, namespace: str, seen: set[int]) -> bool:
    if isinstance(content, Text) or id(content) in seen:
        return True
    seen.add(id(content))
    if isinstance(content, (Record, Variants)):
        fields = content.fields if isinstance(content, Record) else content.members
        return all(
            field.attribute or (field.namespace == namespace and _is_uniform(field.content, namespace, seen))
            for field in fields
        )
    return False
