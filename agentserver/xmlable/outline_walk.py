"""Goes through an outline, and tells which namespaces a document of it needs.

Takes the root `Field`; gives its fields, each record's once, however the records refer to each other, and the
prefixes that a new document declares at its root, so that no element below has to declare its own. A default namespace
reads best, but lxml cannot write an element of no namespace below one: the element would take the namespace over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from agentserver.xmlable.outline import Anything, Content, Field, Record, Variants

_XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"


def every_field(root: Field) -> Iterator[Field]:
    """Give the fields of an outline, each record's and union's once, in the order of the outline."""
    seen: set[Content] = set()
    waiting = [root]
    while waiting:  # not recursion: foreign outlines are hundreds of levels deep
        field = waiting.pop()
        yield field
        content = field.content
        if isinstance(content, Record | Variants) and content not in seen:
            seen.add(content)
            waiting.extend(reversed(content.members if isinstance(content, Variants) else content.fields))


def prefixes(root: Field) -> dict[Any, str]:
    """Give the `nsmap` for the root element; None, which lxml's stubs do not know, stands for the default."""
    namespaces: dict[str, None] = {root.namespace: None}
    default = bool(root.namespace)
    for field in every_field(root):
        if not field.attribute:
            default = default and bool(field.namespace) and not isinstance(field.content, Anything)
        if field.namespace not in ("", _XML_NAMESPACE):
            namespaces.setdefault(field.namespace)
    found: dict[Any, str] = {}
    for number, namespace in enumerate(namespaces, 1):
        if namespace:
            found[f"ns{number}" if number > 1 else None if default else "tns"] = namespace
    return found
