"""Bytes to a tree, strictly, and a tree to its canonical bytes.

Takes what anybody may have sent; gives an lxml element whose size, depth and names are within `ParseLimits`, or
raises `WireError` with a code that is the same for the same bytes. Well-formedness is XML 1.0 (5th ed.) with
Namespaces 1.0, in UTF-8 alone. No DOCTYPE is let in, so no entity is ever declared and no DTD code is reached.
Nothing is mended here (`repair.py` does that), nothing is looked up outside the bytes, and what a tree may look like
is in `structure.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from agentserver.errors import WireError
from agentserver.name_dictionary import NameDictionary, with_own_names
from agentserver.wire.structure import Element, ParseLimits, StructureCheck
from agentserver.wire.syntax_faults import plain_words, tags_in

_DECLARED_ENCODING: Final = re.compile(rb"<\?xml\s[^>]*?(?<=\s)encoding\s*=\s*[\"']([^\"']*)")
_DECLARED_VERSION: Final = re.compile(rb"<\?xml\s+version\s*=\s*[\"']([^\"']*)")
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_PLACE: Final = re.compile(r"\s*, line \d+, column \d+$")  # libxml2's, which the error says by itself
_REFERENCE_IN_NAMESPACE: Final = re.compile(rb"xmlns(?::[^\s=<>]*+)?\s*+=\s*+(?:\"[^\"<&]*+&|'[^'<&]*+&)")
_BOM: Final = b"\xef\xbb\xbf"
_PARSER_OPTIONS: Final = MappingProxyType(
    {
        "encoding": "utf-8",  # overrides what the document claims: UTF-7 makes markup out of plain ASCII text
        "recover": False,
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "dtd_validation": False,
        "attribute_defaults": False,
        "huge_tree": False,
        "decompress": False,
        "remove_comments": True,  # `ad<!-- -->min` would read as `ad`
        "remove_pis": True,
        "strip_cdata": True,
        "collect_ids": False,
    }
)


class StrictParser:
    """Parse messages under `limits`. One at a time: not for use by several threads at once.

    The lxml parser inside is reused from message to message, and so is the dictionary of their names. After every
    failure both are replaced, so that no message meets what a bad one left behind; and when there are too many names.
    """

    __slots__ = ("_harmless_bytes", "_names", "_parser", "_structure", "limits")

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self.limits = limits or ParseLimits()
        self._harmless_bytes = self.limits.harmless_bytes()
        self._structure = StructureCheck(self.limits)
        self._names = NameDictionary()
        self._parser = new_parser()

    def parse(self, data: bytes) -> Element:
        """Return the root element of `data`.

        Raises:
            WireError: With one of the codes `too-large`, `not-utf8`, `encoding`, `xml-version`, `doctype`, `syntax`,
                `namespace-uri`, `too-deep`, `too-many-elements`, `too-many-attributes`,
                `too-many-namespaces`, `name-too-long`.
        """
        if len(data) > self.limits.message_bytes:
            raise WireError(f"{len(data)} bytes, the limit is {self.limits.message_bytes}", code="too-large")
        _check_encoding(data)
        doctype_named = b"<!DOCTYPE" in data  # it may stand in CDATA or in a comment
        if doctype_named:
            _refuse_leading_doctype(data)
        parser = self._parser
        try:
            root, crowded = self._names.read(parser, data)
        except etree.LxmlError as exc:
            self._begin_anew()
            raise _syntax_error(exc, data, parser.feed_error_log) from None
        try:
            if doctype_named:  # what the parser found decides
                _refuse_doctype(root)
            if b"&" in data:
                check_namespaces(root, data)
            if len(data) > self._harmless_bytes:
                self._structure.check(root, data)
        except WireError:
            self._begin_anew()
            raise
        if crowded:
            self._begin_anew()
        return root

    def _begin_anew(self) -> None:
        self._names.give_up()
        self._parser = new_parser()


def parse_again(data: bytes) -> Element:
    """Return the root of bytes that a strict parser let in before, under no limits but those of libxml2.

    Raises:
        WireError: `syntax`, for bytes that it did not.
    """
    try:
        return with_own_names(lambda: etree.fromstring(data, new_parser()))
    except etree.LxmlError as exc:
        raise _syntax_error(exc, data) from None


def canonical(element: Element) -> bytes:
    """Return the Exclusive XML Canonicalization 1.0 of `element`, without comments.

    Raises:
        WireError: `namespace-uri`, for a relative namespace URI, for which C14N defines no form.
    """
    try:
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError as exc:
        raise WireError(f"no canonical form: {exc}", code="namespace-uri") from None


def new_parser() -> etree.XMLParser:
    """Return the lxml parser that takes XML as strictly as it can, whatever the limits."""
    return etree.XMLParser(**_PARSER_OPTIONS)  # type: ignore[arg-type]  # one dict of mixed values


def _check_encoding(data: bytes) -> None:
    """Refuse what is not UTF-8, and what says that it is something else: such labels change the markup."""
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise WireError(f"byte {exc.start} is not UTF-8", code="not-utf8") from None
        if data.startswith(_BOM):
            data = data[len(_BOM) :]
    if not data.startswith(b"<?xml"):
        return
    declared = _DECLARED_ENCODING.match(data)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        label = declared[1][:40].decode("ascii", "replace")
        plain = "declared as another encoding, only UTF-8 is taken"
        raise WireError(f"declared as {label!r}, only UTF-8 is taken", code="encoding", plain=plain)
    version = _DECLARED_VERSION.match(data)
    if version and version[1] != b"1.0":
        raise WireError("only XML 1.0 is taken", code="xml-version")


def _refuse_leading_doctype(data: bytes) -> None:
    """Keep a DOCTYPE from the parser, which would read its declarations."""
    prolog = _PROLOG.match(data)
    if prolog and data.startswith(b"<!DOCTYPE", prolog.end()):
        raise _doctype()


def _refuse_doctype(root: Element) -> None:
    docinfo: Any = root.getroottree().docinfo  # the stubs know no document without a DTD
    if docinfo.internalDTD is not None or docinfo.externalDTD is not None:
        raise _doctype()


def _syntax_error(exc: etree.LxmlError, data: bytes, log: Sequence[Any] = ()) -> WireError:
    line, kind = getattr(exc, "lineno", None) or 0, getattr(exc, "code", None)
    text = _PLACE.sub("", getattr(exc, "msg", None) or str(exc)) or "not well-formed"
    if not line and len(log):  # of an undefined entity the exception says only that there is no element
        text, line, kind = str(log[0].message).strip(), log[0].line, log[0].type
    if not data.strip():
        text = "no XML: the message is empty"
    elif b"<" not in data:
        text = "no XML: there is no element"
    else:
        return WireError(text, line=line, plain=plain_words(kind), tags=tags_in(text))
    return WireError(text, line=line, plain=text)


def _doctype() -> WireError:
    return WireError("a DOCTYPE is not taken; send the document without it", code="doctype")


def check_namespaces(root: Element, data: bytes) -> None:
    """Look for URIs that libxml2 does not escape: their canonical form would be another document, or none.

    Raises:
        WireError: `namespace-uri`, for a URI with an `&` in it.
    """
    if not _REFERENCE_IN_NAMESPACE.search(data):
        return
    # it may stand in text, so the tree decides
    if any("&" in uri for _, (_, uri) in etree.iterwalk(root, events=("start-ns",))):
        plain = "a namespace URI with '&' in it has no canonical form"
        raise WireError(plain, code="namespace-uri", plain=plain)
