"""XML that travels as a string within JSON: from the string to an element, strictly.

The same language as on the wire: UTF-8 in effect whatever the declaration claims, XML 1.0, no DOCTYPE and so no
entities, no recovery, nothing fetched, no comments or processing instructions kept. Bounded in length and depth.
Raises `ValueError` with what is expected.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from agentserver.name_dictionary import with_own_names

MAX_RAW_XML: Final = 1_048_576
"""Longest string of XML, in characters: as long as a message may be by default."""

_PROLOG: Final = re.compile(r"\ufeff?(?:[ \t\r\n]+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_OPTIONS: Final = MappingProxyType(
    {
        "encoding": "utf-8",
        "recover": False,
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "dtd_validation": False,
        "attribute_defaults": False,
        "huge_tree": False,
        "decompress": False,
        "remove_comments": True,
        "remove_pis": True,
        "strip_cdata": True,
        "collect_ids": False,
    }
)


def parse_raw_xml(text: str, most_levels: int) -> etree._Element:
    """Give the root element of `text`.

    Args:
        text: A document.
        most_levels: How deep it may be.

    Raises:
        ValueError: It is no such document; the text of the error says what is expected, and quotes nothing.
    """
    if len(text) > MAX_RAW_XML:
        raise ValueError(f"XML of at most {MAX_RAW_XML} characters")
    prolog = _PROLOG.match(text)
    if prolog is not None and text.startswith("<!DOCTYPE", prolog.end()):
        raise ValueError("XML without a DOCTYPE")
    try:
        parser = etree.XMLParser(**_OPTIONS)  # type: ignore[arg-type]  # one dict of mixed values
        root = with_own_names(etree.fromstring, text.encode("utf-8"), parser)
    except (etree.LxmlError, UnicodeEncodeError):
        raise ValueError("well-formed XML, one element in all") from None
    info: Any = root.getroottree().docinfo  # the stubs know no document without a DTD
    if info.internalDTD is not None or info.externalDTD is not None or info.xml_version != "1.0":
        raise ValueError("XML 1.0 without a DOCTYPE")
    if _depth(root) > most_levels:
        raise ValueError(f"at most {most_levels} levels of elements")
    return root


def _depth(root: etree._Element) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest
