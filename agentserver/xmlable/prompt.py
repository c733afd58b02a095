"""A card for a language model: what a listener takes, and whom it may call.

Takes an outline, gives a short text: what the listener does, the fields, one on a line and indented as they are
nested, and the shortest valid message. At most `MAX_CARD` characters whatever the outline: what finds no room is left
out, the deepest first, and the card says so. No text from a contract can begin a line of its own, so none can pass
for an instruction of the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.example import example_text
from agentserver.xmlable.outline import Field, Record, Variants
from agentserver.xmlable.outline_walk import prefixes
from agentserver.xmlable.prompt_fields import FieldLines
from agentserver.xmlable.wording import one_line

MAX_CARD: Final = 8_000
"""Longest card, in characters."""

_MAX_DESCRIPTION: Final = 1_000
_MAX_EXAMPLE: Final = 2_000
_MAX_CALLS: Final = 1_000
_MAX_NAME: Final = 200
_REMARK: Final = 100
_DETAILS: Final = ((12, 300), (6, 300), (4, 200), (2, 200), (1, 150), (0, 150), (0, 60), (0, 0))
"""How many levels of fields, and how many characters of their docs, are tried until the card is short enough."""


def prompt_card(
    root: Field,
    listener: str,
    description: str,
    may_call: Sequence[str],
    schema: etree.XMLSchema | None = None,
) -> str:
    """Write the card of one contract.

    Args:
        root: The outline of the message.
        listener: Who takes it.
        description: What the listener does.
        may_call: Whom the listener may address.
        schema: What the example must be allowed by, where it is more than the outline says.
    """
    doc = root.doc or (root.content.doc if isinstance(root.content, Record | Variants) else "")
    head = [
        f"Listener {one_line(listener, _MAX_NAME)}",
        f"What it does: {one_line(description, _MAX_DESCRIPTION) or 'not said'}",
        f"To use it, send one XML element {_start_tag(root)}. {one_line(doc, _MAX_DESCRIPTION)}".rstrip(),
    ]
    calls = one_line(", ".join(may_call), _MAX_CALLS) or "nobody"
    tail = [*_example(root, schema), f"It may itself call: {calls}"]
    room = MAX_CARD - sum(len(line) + 1 for line in (*head, *tail)) - _REMARK
    return "\n".join([*head, *_fields(root, room), *tail]) + "\n"


def _start_tag(root: Field) -> str:
    declared = prefixes(root)
    names = " ".join(
        f'xmlns{f":{prefix}" if prefix else ""}="{one_line(namespace, _MAX_NAME)}"'
        for prefix, namespace in declared.items()
    )
    return f"<{'tns:' if 'tns' in declared else ''}{root.local_name}{names and ' '}{names}>"


def _example(root: Field, schema: etree.XMLSchema | None) -> list[str]:
    try:
        text = example_text(root, required_only=True, schema=schema)
    except ContractError:
        return []
    if len(text) > _MAX_EXAMPLE:
        return ["The shortest message is too long to be shown here; ask for the example."]
    return ["The shortest valid message:", text]


def _fields(root: Field, room: int) -> list[str]:
    """Write the fields in at most `room` characters."""
    for levels, doc_characters in _DETAILS:
        writer = FieldLines(root, levels, doc_characters)
        lines, left = [], room
        for line in writer.lines():
            left -= len(line) + 1
            if left < 0:
                break
            lines.append(line)
        if left >= 0:
            break
    if not lines:
        return ["It has no fields."]
    title = "Its fields, elements in this order:"
    if left < 0:
        return [title, *lines, "(More fields are left out here; ask for the schema.)"]
    if writer.unopened:
        return [
            title,
            *lines,
            f"(What is in {writer.unopened} of them is left out here; ask for the schema.)",
        ]
    return [title, *lines]
