"""What the docstring of a dataclass says of the class and its fields.

The first paragraph is the class's; a section `Attributes:` or `Args:` in Google's style has a line for each field. The
docstring that `@dataclass` makes up from the signature does not count. Texts are the same for every Python version,
whichever way it keeps the indentation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Final

_SECTION: Final = re.compile(r"(Attributes|Args|Arguments):\s*")
_ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^()]*\))?:\s*(.*)")
_NOT_FOR_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def class_doc(cls: type) -> str:
    """Give the first paragraph of the class's own docstring, on one line."""
    paragraph = _docstring(cls).split("\n\n", 1)[0]
    return "" if _SECTION.match(paragraph) else plain(" ".join(paragraph.split()))


def field_docs(cls: type) -> dict[str, str]:
    """Give what the docstrings of the class and its bases say of fields, the nearest docstring first."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        docs |= {name: plain(text) for name, text in _entries(_docstring(base).split("\n"))}
    return docs


def plain(text: str) -> str:
    """Replace the characters that XML does not allow."""
    return _NOT_FOR_XML.sub("\ufffd", text)


def _docstring(cls: type) -> str:
    text = cls.__dict__.get("__doc__")
    if not isinstance(text, str) or _is_made_up(cls, text):
        return ""
    begins_with_section = _SECTION.fullmatch(text.partition("\n")[0]) is not None
    return inspect.cleandoc(
        "\n" + text if begins_with_section else text
    )  # or its entries lose their indentation


def _is_made_up(cls: type, text: str) -> bool:
    return (
        "__dataclass_fields__" in cls.__dict__ and text.startswith(f"{cls.__name__}(") and text.endswith(")")
    )


def _entries(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    inside, indent = False, 0
    name, words = "", []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if inside and line.strip() and depth > 0:
            indent = indent or depth
            found = _ENTRY.fullmatch(line.strip()) if depth == indent else None
            if found is None:
                words.append(line.strip())
                continue
            yield from [(name, " ".join(words).strip())] if name else []
            name, words = found[1], [found[2]]
        elif line.strip():
            yield from [(name, " ".join(words).strip())] if name else []
            inside, indent, name, words = bool(_SECTION.fullmatch(line)), 0, "", []
    if name:
        yield name, " ".join(words).strip()
