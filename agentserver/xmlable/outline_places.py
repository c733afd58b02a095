"""The place of an element in an outline: which text stands there.

Takes the root `Field` and the names on the way down, as they stand in a document; gives the `Text`, or None where the
outline knows no such place or where elements stand. Names that an `Anything` swallows are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentserver.xmlable.outline import Field, Record, Text, Variants


def text_at(root: Field, tags: Sequence[str], attribute: str = "") -> Text | None:
    """Find what an element, or an attribute of it, holds.

    Args:
        root: The outline.
        tags: Names of the elements from the root to the one that is meant, in Clark notation.
        attribute: Name of the attribute, in Clark notation; empty for the element itself.
    """
    place: Field | None = root if tags and tags[0] == root.tag else None
    for tag in tags[1:]:
        place = _below(place, tag, attribute=False)
    if attribute:
        place = _below(place, attribute, attribute=True)
    content = place.content if place is not None else None
    if isinstance(content, Record):
        content = content.text
    return content if isinstance(content, Text) else None


def _below(place: Field | None, tag: str, *, attribute: bool) -> Field | None:
    content = place.content if place is not None else None
    if isinstance(content, Variants):
        fields = content.members
    elif isinstance(content, Record):
        fields = content.fields
    else:
        return None
    return next((each for each in fields if each.tag == tag and each.attribute is attribute), None)
