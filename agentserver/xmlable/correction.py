"""What helps a sender to correct a message that broke its contract: the elements that are wanted, and an example.

Takes an outline; gives two texts of bounded length, either of which is empty where it would be too long or cannot be
made. Knows no messages: what was wrong with one is told elsewhere.
"""

from __future__ import annotations

from typing import Final

from agentserver.errors import ContractError
from agentserver.xmlable.example import example_text
from agentserver.xmlable.outline import Field
from agentserver.xmlable.prompt_fields import FieldLines

MAX_ELEMENTS_TEXT: Final = 1_500
"""Longest list of elements, in characters."""
MAX_EXAMPLE_TEXT: Final = 1_500
"""Longest example, in characters."""

_DETAILS: Final = ((6, 100), (2, 100), (1, 0), (0, 0))
"""How many levels of fields, and how many characters of their docs, are tried until the list is short enough."""


def correction(root: Field) -> tuple[str, str]:
    """Return the elements of a message, one on a line, and the shortest message that its contract allows."""
    return _elements(root), _example(root)


def _elements(root: Field) -> str:
    for levels, doc_characters in _DETAILS:
        lines, left = [], MAX_ELEMENTS_TEXT
        for line in FieldLines(root, levels, doc_characters).lines():
            left -= len(line) + 1
            if left < 0:
                break
            lines.append(line)
        if left >= 0:
            return "\n".join(lines)
    return ""


def _example(root: Field) -> str:
    try:
        text = example_text(root, required_only=True)
    except ContractError:
        return ""
    return text if len(text) <= MAX_EXAMPLE_TEXT else ""
