"""Plain text within Markdown: escaped, so that it is shown as it is and never taken for markup.

Takes any text, whoever wrote it; gives Markdown (GitHub's, and so CommonMark with tables) for one line: no table
cell, link, code span, heading or HTML begins or ends in it. Knows nothing of contracts.
"""

from __future__ import annotations

import re
from typing import Final

from agentserver.xmlable.wording import one_line

_MARKS: Final = re.compile(r"[\\`*_\[\]|~]")
_BLOCK_START: Final = re.compile(r"([#+\-=:]|[0-9]+(?=[.)]))")
_HTML: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def escaped(text: str, limit: int = 10_000) -> str:
    """Escape a text, put on one line and cut to `limit` characters."""
    found = _MARKS.sub(r"\\\g<0>", one_line(text, limit))
    for char, entity in _HTML:
        found = found.replace(char, entity)
    return found


def paragraphs(text: str, limit: int = 4_000) -> str:
    """Escape a text of several paragraphs, which empty lines part."""
    parts = (escaped(part) for part in re.split(r"\n\s*\n", text[:limit]))
    return "\n\n".join(
        _BLOCK_START.sub(_escape_first, part, count=1) if part else "" for part in parts
    ).strip()


def _escape_first(match: re.Match[str]) -> str:
    if match.start():
        return match[0]
    return f"{match[0]}\\" if match[0].isdecimal() else f"\\{match[0]}"


def code(text: str) -> str:
    """Show a name as code. In a table, too: what code spans have no escape for is written as HTML."""
    found = one_line(text)
    if re.search(r"[`|\\]", found) or not found:
        inner = "".join(char if char.isalnum() or char in " -." else f"&#{ord(char)};" for char in found)
        return f"<code>{inner}</code>"
    return f"`{found}`"


def fenced(text: str, language: str) -> str:
    """Put a text of several lines into a fence that is longer than any in it."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def slug(heading: str) -> str:
    """Give the anchor that GitHub makes of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")
