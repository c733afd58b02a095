"""What is wrong with bytes that are no XML, by libxml2's type of error, in words that quote nothing of them.

libxml2's own words may hold names of elements, attributes and entities, and pieces of text: `CData section not
finished` quotes what is in it. Takes the type and those words; gives plain words, and the names of the tags that the
error is about, where it is about tags. A type that is not listed here is `not well-formed`.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from lxml.etree import ErrorTypes

NOT_WELL_FORMED: Final = "not well-formed"

_TAGS: Final = re.compile(
    r"Opening and ending tag mismatch: (\S+) line \d+ and (\S+)|(?:Premature end of data in tag|"
    r"Couldn't find end of Start Tag) (\S+) line \d+"
)
_WORDS: Final = MappingProxyType(
    {
        ErrorTypes.ERR_DOCUMENT_EMPTY: "the document is empty",
        ErrorTypes.ERR_DOCUMENT_END: "extra content at the end of the document",
        ErrorTypes.ERR_INVALID_HEX_CHARREF: "a character reference that is no number",
        ErrorTypes.ERR_INVALID_DEC_CHARREF: "a character reference that is no number",
        ErrorTypes.ERR_INVALID_CHARREF: "a reference to no character",
        ErrorTypes.ERR_INVALID_CHAR: "a character that XML does not allow",
        ErrorTypes.ERR_ENTITYREF_NO_NAME: "'&' without the name of an entity",
        ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING: "entity reference without ';'",
        ErrorTypes.ERR_UNDECLARED_ENTITY: "undefined entity",
        ErrorTypes.WAR_UNDECLARED_ENTITY: "undefined entity",
        ErrorTypes.ERR_LT_IN_ATTRIBUTE: "unescaped '<' in the value of an attribute",
        ErrorTypes.ERR_ATTRIBUTE_NOT_STARTED: "value of an attribute without quotes",
        ErrorTypes.ERR_ATTRIBUTE_NOT_FINISHED: "value of an attribute without its closing quote",
        ErrorTypes.ERR_ATTRIBUTE_WITHOUT_VALUE: "attribute without a value",
        ErrorTypes.ERR_ATTRIBUTE_REDEFINED: "attribute given twice",
        ErrorTypes.ERR_COMMENT_NOT_FINISHED: "comment not finished",
        ErrorTypes.ERR_HYPHEN_IN_COMMENT: "'--' within a comment",
        ErrorTypes.ERR_PI_NOT_STARTED: "processing instruction without a name",
        ErrorTypes.ERR_PI_NOT_FINISHED: "processing instruction not finished",
        ErrorTypes.ERR_RESERVED_XML_NAME: "XML declaration that is not at the start of the document",
        ErrorTypes.ERR_XMLDECL_NOT_FINISHED: "XML declaration not finished",
        ErrorTypes.ERR_MISPLACED_CDATA_END: "']]>' in a text",
        ErrorTypes.ERR_CDATA_NOT_FINISHED: "CDATA section not finished",
        ErrorTypes.ERR_SPACE_REQUIRED: "a blank is missing",
        ErrorTypes.ERR_NAME_REQUIRED: "'<' without the name of an element",
        ErrorTypes.ERR_GT_REQUIRED: "tag without its '>'",
        ErrorTypes.ERR_LTSLASH_REQUIRED: "missing end tag",
        ErrorTypes.ERR_TAG_NAME_MISMATCH: "mismatched tag",
        ErrorTypes.ERR_TAG_NOT_FINISHED: "premature end of the document",
        ErrorTypes.NS_ERR_XML_NAMESPACE: "namespace declaration that is not allowed",
        ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE: "undefined namespace prefix",
        ErrorTypes.NS_ERR_QNAME: "a colon in the wrong place of a name",
        ErrorTypes.NS_ERR_COLON: "a colon in the wrong place of a name",
        ErrorTypes.NS_ERR_ATTRIBUTE_REDEFINED: "attribute given twice",
        ErrorTypes.WAR_NS_URI: "namespace that is no URI",
        ErrorTypes.WAR_NS_URI_RELATIVE: "namespace that is a relative URI",
    }
)


def plain_words(kind: int | None) -> str:
    """Say what is wrong, by libxml2's number for the type of error."""
    return _WORDS.get(kind, NOT_WELL_FORMED) if kind is not None else NOT_WELL_FORMED


def tags_in(message: str) -> tuple[str, ...]:
    """Give the names of the tags that libxml2's words are about; none where they are about something else."""
    found = _TAGS.fullmatch(message)
    return tuple(filter(None, found.groups())) if found else ()
