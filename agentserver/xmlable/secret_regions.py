"""Whether a tag stands outside of whatever is secret, in bytes that are no XML.

A password with a `<` in it that nobody escaped looks like a tag: `<Password>abc<def</Password>`. Takes names of tags,
the names of secret fields, and the bytes. What counts as secret is what stands between the tags of a secret field, or
behind one that is never closed, and in a tag that has an attribute of such a name. Never raises; takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from agentserver.xmlable.near_names import folded
from agentserver.xmlable.scrubbing import Scrubber

_TAG: Final = re.compile(r"<(/?)([^\s<>/!?'\"=&]+)([^<>]*)>?([^<]*)")
_ATTRIBUTE: Final = re.compile(r"([^\s='\"]+)\s*=")
_VALUE: Final = re.compile(r"[^\s='\"]+")


def stand_outside(tags: Iterable[str], names: Iterable[str], data: bytes) -> bool:
    """Tell whether tags of these names stand outside of what is secret, and nowhere in it.

    Args:
        tags: The names of the tags.
        names: The names of secret fields, as `secret_names` gives them.
        data: The bytes.
    """
    secret, outside, inside = frozenset(names), set[str](), ""
    hidden: list[str] = []
    for closing, name, rest, text in _TAG.findall(data.decode("utf-8", "replace")):
        bare = folded(name.rpartition(":")[2])
        if inside and not (closing and bare == inside):
            hidden += name, rest, text
            continue
        inside = ""
        outside.add(name)
        if any(folded(each.rpartition(":")[2]) in secret for each in _ATTRIBUTE.findall(rest)):
            hidden += _VALUE.findall(rest)
        if bare in secret and not closing and not rest.endswith("/"):
            inside = bare
            hidden.append(text)
    scrubber = Scrubber(hidden)
    return all(tag in outside and not scrubber.finds_in(tag) for tag in tags)
