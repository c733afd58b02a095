"""Which contents of an outline take part in themselves.

Walks an outline without recursion of its own, as the types of a foreign schema refer to each other hundreds deep.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentserver.xmlable.outline import Content, Field, Record, Variants


def parts(content: Content) -> list[Field]:
    """Give the elements and attributes that `content` is made of."""
    if isinstance(content, Record):
        return content.fields
    return content.members if isinstance(content, Variants) else []


def recursive_contents(root: Field) -> frozenset[Record | Variants]:
    """Find the records and variants that the walk from `root` meets again within themselves.

    Of each circle at least one is found, so that naming those makes every schema finite.
    """
    found: set[Record | Variants] = set()
    seen: set[Record | Variants] = set()
    stack: list[tuple[Record | Variants | None, Iterator[Field]]] = [(None, iter([root]))]
    within: set[Record | Variants] = set()
    while stack:
        owner, fields = stack[-1]
        field = next(fields, None)
        if field is None:
            stack.pop()
            if owner is not None:
                within.discard(owner)
        elif isinstance(field.content, Record | Variants):
            content = field.content
            if content in within:
                found.add(content)
            elif content not in seen:
                seen.add(content)
                within.add(content)
                stack.append((content, iter(parts(content))))
    return frozenset(found)
