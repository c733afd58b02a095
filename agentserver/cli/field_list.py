"""What is in a document, on one line, in the notation of a DTD: `Name, Street?, Line*, @id`.

Takes the outline of a document; looks at its first level alone.
"""

from __future__ import annotations

from agentserver.errors import shorten
from agentserver.xmlable.outline import Field, Record, Variants


def field_list(root: Field, max_chars: int) -> str:
    """Return the fields of a document, cut to `max_chars`; `-` when it has none."""
    content = root.content
    if isinstance(content, Record) and not content.fields and content.text is None:
        return "-"
    if isinstance(content, Record) and content.text is None:
        return shorten(", ".join(map(_short, content.fields)), max_chars)
    if isinstance(content, Variants):
        return shorten(" | ".join(field.local_name for field in content.members), max_chars)
    return shorten("text" if isinstance(content, Record) else content.noun, max_chars)


def _short(field: Field) -> str:
    if field.attribute:
        return f"@{field.local_name}{'' if field.least else '?'}"
    if field.most == 1:
        return f"{field.local_name}{'' if field.least else '?'}"
    return f"{field.local_name}{'+' if field.least else '*'}"
