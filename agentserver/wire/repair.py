"""Mend XML that a language model wrote, by rules that say what they changed.

Takes bytes that a strict parse refused, gives bytes for another strict parse and the names of the repairs made. Two
policies: *safe* never changes which fields exist (a byte-order mark, prose and fences around the XML, a lone `&`, a
`<` that starts no name, a `]]>` in text); *recover* is libxml2's recovering parser, which may drop and invent fields,
so it is opt-in and its result is marked. Never for what comes from outside the organism, unless the operator says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lxml import etree

from agentserver.errors import WireError
from agentserver.name_dictionary import with_own_names
from agentserver.wire.parser import canonical, check_namespaces
from agentserver.wire.roots import below_one_root
from agentserver.wire.structure import Element, ParseLimits, StructureCheck

_BOM: Final = b"\xef\xbb\xbf"
_OPAQUE: Final = re.compile(
    # what is never closed runs to the end: looking again from each start would be quadratic
    rb"(<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z))",
    re.DOTALL,
)
_MARKUP: Final = re.compile(rb"<(?:/?[A-Za-z_:\x80-\xff]|!(?:--|\[CDATA\[|[A-Za-z])|\?)")
_STRAYS: Final = (  # the first one first, as the others write references
    ("ampersand", re.compile(rb"&(?!(?:#[0-9]+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)"), b"&amp;"),
    ("cdata-end", re.compile(rb"\]\]>"), b"]]&gt;"),
    (
        "less-than",
        re.compile(rb"(?!" + _MARKUP.pattern + rb")<(?!/?\Z)"),
        b"&lt;",
    ),  # at the end, a tag was cut off
)
_BLANKS_BEFORE_DECLARATION: Final = re.compile(rb"\s+<\?xml\s")
_FENCE: Final = re.compile(rb"```[A-Za-z]*")
_FENCED: Final = re.compile(rb"^[ \t]*```[A-Za-z]*[ \t]*\r?\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_NAMED_TAG: Final = re.compile(rb"`</?[A-Za-z_:\x80-\xff][^<>`\s/]*>`")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair made.

    Args:
        data: Bytes for another strict parse.
        repairs: What was changed, in order: `bom`, `blanks` (before an XML declaration), `fence`, `prose`,
            `ampersand`, `cdata-end`, `less-than`, `recovered`.
    """

    data: bytes
    repairs: tuple[str, ...]


def repair_safely(data: bytes, *, whole: bool = True) -> Repaired:
    """Make the changes that cannot alter which fields exist. Gives `data` as it was when none applies.

    Args:
        data: Bytes that a strict parse refused.
        whole: Whether what stands behind the last tag is prose; else it may be the text of an element that was cut off.
    """
    repairs: list[str] = []
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
        repairs.append("bom")
    data = _cut_surroundings(data, repairs, whole)
    return Repaired(_escape_strays(data, repairs), tuple(repairs))


def fenced_alone(data: bytes) -> Repaired | None:
    """Take what stands in Markdown fences where the prose around them has no markup but tags that it names.

    A tag is named as in "I call `<add>` now": alone, between backticks. None when there is more than that outside.
    """
    blocks = _FENCED.findall(data)
    outside = _NAMED_TAG.sub(b"", _FENCED.sub(b"\n", data))
    if not blocks or _MARKUP.search(outside) or b"```" in outside or data.endswith((b"<", b"</")):
        return None
    repairs = ["fence", "prose"] if outside.removeprefix(_BOM).strip() else ["fence"]
    mended = _escape_strays(b"\n".join(blocks), repairs)
    return Repaired(mended, tuple(repairs))


def recover(data: bytes, limits: ParseLimits) -> Repaired:
    """Parse as libxml2 recovers, dropping what it cannot place, and write that down again.

    Text outside all elements is dropped; of several root elements each is kept.

    Raises:
        WireError: Nothing could be recovered, a limit is broken, or a resource limit of libxml2 was met: behind
            one, the rest is silently cut.
    """
    if len(data) > limits.message_bytes:
        raise WireError(f"{len(data)} bytes, the limit is {limits.message_bytes}", code="too-large")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise WireError("a DOCTYPE is not recovered", code="doctype")
    return with_own_names(_recovered, data, limits)


def _recovered(data: bytes, limits: ParseLimits) -> Repaired:
    parser = etree.XMLParser(**_RECOVERING)  # type: ignore[arg-type]  # one dict of mixed values
    try:
        wrapper: Element | None = etree.fromstring(below_one_root(data), parser)
    except etree.LxmlError as exc:
        raise WireError(f"nothing could be recovered: {exc}", plain=_NOTHING) from None
    if len(parser.error_log) >= _LOGGED_ERRORS:
        raise WireError(_TOO_MANY, plain=_TOO_MANY)
    if any(map(_is_cut, parser.error_log)):
        raise WireError("a resource limit was met, so the rest would be cut", code="too-large")
    if wrapper is None or not len(wrapper):
        raise WireError(_NOTHING, plain=_NOTHING)
    try:
        check_namespaces(wrapper, data)
        StructureCheck(limits.around()).check_thoroughly(
            wrapper, data
        )  # or the canonical form may be many times as long
        return Repaired(b"".join(map(canonical, wrapper)), ("recovered",))
    except UnicodeDecodeError:  # libxml2 lets `&#xD800;` through, into names as well
        raise WireError("a reference to no character", code="not-utf8") from None


_RECOVERING: Final = MappingProxyType(
    {
        "encoding": "utf-8",
        "recover": True,
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
        "decompress": False,
        "collect_ids": False,
    }
)
_NOTHING: Final = "nothing could be recovered"
_TOO_MANY: Final = "too many faults to recover from"
_LOGGED_ERRORS: Final = 100
"""libxml2 reports no more errors than these: what it met behind them, a limit perhaps, is not known."""

_CUTTING_ERRORS: Final = frozenset(
    (
        etree.ErrorTypes.ERR_INTERNAL_ERROR,
        etree.ErrorTypes.ERR_NO_MEMORY,
        etree.ErrorTypes.ERR_ENTITY_LOOP,
        etree.ErrorTypes.ERR_NAME_TOO_LONG,
        etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    )
)


def _is_cut(error: etree._LogEntry) -> bool:
    """Whether libxml2 met a limit; of comments, PIs and CDATA sections it says so in words alone."""
    return error.type in _CUTTING_ERRORS or "too big" in error.message


def _cut_surroundings(data: bytes, repairs: list[str], whole: bool) -> bytes:
    """Drop prose and Markdown fences before the first markup and behind the last."""
    first, end = _MARKUP.search(data), data.rfind(b">") + 1
    if first is None or end <= first.start():
        return data
    if (
        not whole or _MARKUP.search(data, end) or data.endswith((b"<", b"</"))
    ):  # what follows was cut off within a tag: no prose
        end = len(data)
    before, after = data[: first.start()].strip(), data[end:].strip()
    if not before and not after:
        if not _BLANKS_BEFORE_DECLARATION.match(data):
            return data
        repairs.append("blanks")
    if _FENCE.search(before) or _FENCE.search(after):
        repairs.append("fence")
    if _FENCE.sub(b"", before).strip() or _FENCE.sub(b"", after).strip():
        repairs.append("prose")
    return data[first.start() : end]


def _escape_strays(data: bytes, repairs: list[str]) -> bytes:
    """Escape `&` that starts no reference, `<` that starts no markup, `]]>` that ends no CDATA section."""
    pieces = _OPAQUE.split(data)  # every other one is a comment, a PI or a CDATA section
    found: set[str] = set()
    for at in range(0, len(pieces), 2):
        for name, stray, reference in _STRAYS:
            pieces[at], count = stray.subn(reference, pieces[at])
            if count:
                found.add(name)
    repairs.extend(sorted(found))
    return b"".join(pieces)
