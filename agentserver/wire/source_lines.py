"""The line of an element in the bytes that somebody sent, when its tree was made of other bytes.

A payload that came without an envelope was put into one, in its canonical form, so the lines of its tree are those of
another text. Takes the bytes and the element's place; gives a line. The bytes are not parsed: they were, and tags are
easily told in what is well-formed. Exact for any number of lines, where libxml2 counts to 65,535.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentserver.wire.structure import Element

_TAG: Final = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    rb"|<(?:(?P<end>/)|(?P<name>[^\s<>/]++))(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>",
    re.DOTALL,
)


def place_of(element: Element, root: Element) -> list[int]:
    """Return the place of `element` below `root`: of each step down, how many elements stand before it."""
    place: list[int] = []
    while element is not root and (parent := element.getparent()) is not None:
        place.append(sum(1 for _ in element.itersiblings("*", preceding=True)))
        element = parent
    return place[::-1]


def line_of(data: bytes, place: Sequence[int]) -> int:
    """Return the line on which the start tag of an element ends, as libxml2 counts, 1-based.

    Args:
        data: Well-formed XML, of one root element or several.
        place: The number of the root, and from there the place of the element.

    Returns:
        The line; 0 when there is no such element.
    """
    depth = matched = passed = (
        0  # `passed` counts the children of the last element that the place goes through
    )
    for tag in _TAG.finditer(data):
        if tag["end"]:
            depth -= 1
            if depth < matched:
                return 0
        elif tag["name"]:
            if depth == matched:
                if passed == place[matched]:
                    matched, passed = matched + 1, 0
                    if matched == len(place):
                        return data.count(b"\n", 0, tag.end()) + 1
                else:
                    passed += 1
            depth += not tag[0].endswith(b"/>")
            if depth < matched:
                return 0
    return 0
