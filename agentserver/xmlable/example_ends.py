"""Which records can end, and how soon: a record that must hold itself never does.

Takes an outline, gives for each record and union the fewest levels of elements below it. What is optional does not
count, and a union is as low as its lowest member. Records without end are left out.
"""

from __future__ import annotations

from agentserver.xmlable.outline import Content, Field, Record, Variants
from agentserver.xmlable.outline_walk import every_field


def heights_of(root: Field) -> dict[Content, int]:
    """Give the height of every record and union of an outline that has one."""
    contents = list(
        dict.fromkeys(
            field.content for field in every_field(root) if isinstance(field.content, Record | Variants)
        )
    )
    heights: dict[Content, int] = {}
    changed = True
    while changed:  # from the leaves up, until nothing more is known to end
        changed = False
        for content in reversed(contents):
            height = _height(content, heights)
            if height is not None and height < heights.get(content, height + 1):
                heights[content] = height
                changed = True
    return heights


def _height(content: Content, heights: dict[Content, int]) -> int | None:
    if isinstance(content, Variants):
        members = [found for member in content.members if (found := _known(member, heights)) is not None]
        return min(members) + 1 if members else None
    assert isinstance(content, Record), "nothing else has fields"
    required = [_known(field, heights) for field in content.fields if field.least and not field.attribute]
    known = [height for height in required if height is not None]
    return max(known, default=0) + 1 if len(known) == len(required) else None


def _known(field: Field, heights: dict[Content, int]) -> int | None:
    return heights.get(field.content) if isinstance(field.content, Record | Variants) else 0
