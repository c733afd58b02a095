"""Mend XML that a language model wrote, by rules that say what they changed.

Takes bytes that a strict parse refused, gives bytes for another strict parse and the names of the repairs made. Two
policies: *safe* never changes which fields exist (a byte-order mark, prose and fences around the XML, a lone `&`, a
`<` that starts no name); *recover* is libxml2's recovering parser, which may drop and invent fields, so it is
opt-in and its result is marked. Never for what comes from outside the organism, unless the operator says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agentserver.errors import WireError
from agentserver.wire.parser import Element, ParseLimits, canonical

_BOM: Final = b"\xef\xbb\xbf"
_TOKEN: Final = re.compile(  # what is never closed runs to the end: looking again from each start would be quadratic
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|[&<]", re.DOTALL
)
_REFERENCE: Final = re.compile(rb"&(?:#[0-9]+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);")
_MARKUP: Final = re.compile(rb"<(?:/?[A-Za-z_:\x80-\xff]|!--|!\[CDATA\[|\?)")
_FIRST_TAG: Final = re.compile(rb"<(?:\?xml\b|!--|[A-Za-z_])")
_FENCE: Final = re.compile(rb"```[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair made.

    Args:
        data: Bytes for another strict parse.
        repairs: What was changed, in order: `bom`, `prose`, `fence`, `ampersand`, `less-than`, `recovered`.
    """

    data: bytes
    repairs: tuple[str, ...]


def repair_safely(data: bytes) -> Repaired:
    """Make the changes that cannot alter which fields exist. Gives `data` as it was when none applies."""
    repairs: list[str] = []
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
        repairs.append("bom")
    data = _cut_surroundings(data, repairs)
    return Repaired(_escape_strays(data, repairs), tuple(repairs))


def recover(data: bytes, limits: ParseLimits) -> Repaired:
    """Parse as libxml2 recovers, dropping what it cannot place, and write that down again.

    Raises:
        WireError: Nothing could be recovered, or a resource limit was met: behind one, the rest is silently cut.
    """
    if len(data) > limits.message_bytes:
        raise WireError(f"{len(data)} bytes, the limit is {limits.message_bytes}", code="too-large")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise WireError("a DOCTYPE is not recovered", code="doctype")
    parser = etree.XMLParser(
        encoding="utf-8", recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, decompress=False, collect_ids=False,
    )  # fmt: skip
    try:
        root: Element | None = etree.fromstring(data, parser)
    except etree.LxmlError as exc:
        raise WireError(f"nothing could be recovered: {exc}") from None
    if root is None:
        raise WireError("nothing could be recovered")
    if any(error.type in _RESOURCE_ERRORS or "limit" in error.message for error in parser.error_log):
        raise WireError("a resource limit was met, so the rest would be cut", code="too-large")
    return Repaired(canonical(root), ("recovered",))


_RESOURCE_ERRORS: Final = frozenset(
    (
        etree.ErrorTypes.ERR_INTERNAL_ERROR,
        etree.ErrorTypes.ERR_NO_MEMORY,
        etree.ErrorTypes.ERR_NAME_TOO_LONG,
    )
)


def _cut_surroundings(data: bytes, repairs: list[str]) -> bytes:
    """Drop prose and Markdown fences before the first tag and behind the last."""
    first, end = _FIRST_TAG.search(data), data.rfind(b">") + 1
    if first is None or end <= first.start():
        return data
    before, after = data[: first.start()].strip(), data[end:].strip()
    if not before and not after:
        return data
    if _FENCE.search(before) or _FENCE.search(after):
        repairs.append("fence")
    if _FENCE.sub(b"", before).strip() or _FENCE.sub(b"", after).strip():
        repairs.append("prose")
    return data[first.start() : end]


def _escape_strays(data: bytes, repairs: list[str]) -> bytes:
    """Escape each `&` that starts no reference and each `<` that starts no markup; CDATA and comments stay."""

    def mend(match: re.Match[bytes]) -> bytes:
        token = match[0]
        if token == b"&" and not _REFERENCE.match(data, match.start()):
            found.add("ampersand")
            return b"&amp;"
        if token == b"<" and not _MARKUP.match(data, match.start()):
            found.add("less-than")
            return b"&lt;"
        return token

    found: set[str] = set()
    mended = _TOKEN.sub(mend, data)
    repairs.extend(sorted(found))
    return mended
