"""Where in a document something is, in words: `Invoice/Lines[3]/Price`, `Invoice/@id`.

Takes elements and the outline that they should have; gives paths of local names. Works for elements that the
outline does not know, too.
"""

from __future__ import annotations

from lxml import etree

from agentserver.xmlable.outline import Content, Field, Record, Variants

_SHOWN_STEPS = 8


def local_name(tag: str) -> str:
    """Give a name without its namespace."""
    return tag.rpartition("}")[2]


def path_of(element: etree._Element, root: etree._Element, content: Content, below: str = "") -> str:
    """Name the place of an element.

    Args:
        element: `root` or an element within it.
        root: Where the path begins.
        content: The outline of `root`.
        below: Name of what is missing or wrong in `element`: a child, or an attribute with `@` before it.
    """
    nodes = [element]
    while nodes[-1] is not root and (parent := nodes[-1].getparent()) is not None:
        nodes.append(parent)
    steps = [local_name(str(root.tag))]
    current: Content | None = content
    for node in reversed(nodes[:-1]):
        field = _child(current, str(node.tag))
        steps.append(_step(node, repeated=field is not None and bool(field.many)))
        current = field.content if field is not None else None
    if below:
        steps.append(below[: below.startswith("@")] + local_name(below.removeprefix("@")))
    if len(steps) > _SHOWN_STEPS:
        steps[_SHOWN_STEPS // 2 : -_SHOWN_STEPS // 2] = ["…"]
    return "/".join(steps)


def _child(content: Content | None, tag: str) -> Field | None:
    if isinstance(content, Record):
        fields = content.fields
    elif isinstance(content, Variants):
        fields = content.members
    else:
        return None
    return next((field for field in fields if field.tag == tag and not field.attribute), None)


def _step(node: etree._Element, repeated: bool) -> str:
    name = local_name(str(node.tag))
    if not repeated:
        return name
    return f"{name}[{sum(1 for _ in node.itersiblings(str(node.tag), preceding=True)) + 1}]"
