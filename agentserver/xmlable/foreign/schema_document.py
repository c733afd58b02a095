"""One document of a foreign schema: parsed without looking at anything outside of it, and what it refers to.

Takes bytes; gives the `xs:schema` element, the bytes that libxml2 may compile, and the locations in it. Raises
`ForbiddenError` for what is not well-formed, no XSD, or asks for an external entity. An internal DTD subset is
read, since real schemas have one, and is gone from the bytes that are given on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from agentserver.errors import shorten
from agentserver.xmlable.foreign.schema_folder import MAX_DOCUMENT_BYTES, ForbiddenError

XS: Final = "http://www.w3.org/2001/XMLSchema"
_VERBS: Final = MappingProxyType(
    {f"{{{XS}}}import": "imports", f"{{{XS}}}include": "includes", f"{{{XS}}}redefine": "redefines"}
)
_UNDEFINED: Final = "not defined"  # what libxml2 says of an entity
_SHOWN_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Reference:
    """What one document says of another.

    Attributes:
        verb: `imports`, `includes` or `redefines`.
        location: Where the other is, as written.
        line: The line that says so.
    """

    verb: str
    location: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One parsed document.

    Attributes:
        root: Its `xs:schema` element.
        data: What to compile: the document without a DOCTYPE.
        references: The other documents that it names, in order.
    """

    root: etree._Element
    data: bytes
    references: tuple[Reference, ...]

    def including(self, urls: Sequence[str]) -> bytes:
        """Give what to compile, such that it includes further documents of its namespace."""
        root = deepcopy(self.root)
        for url in reversed(urls):
            root.insert(0, etree.Element(f"{{{XS}}}include", schemaLocation=url))
        return _written(root, self.root)

    @property
    def namespace(self) -> str:
        """Its target namespace; empty for none."""
        return self.root.get("targetNamespace", "")

    @property
    def root_tags(self) -> tuple[str, ...]:
        """The global elements that it declares, in Clark notation."""
        names = [child.get("name", "") for child in self.root.iterchildren(f"{{{XS}}}element")]
        return tuple(f"{{{self.namespace}}}{name}" if self.namespace else name for name in names)


def parse_document(data: bytes, url: str) -> Document:
    """Parse one schema document.

    Args:
        data: Its bytes.
        url: What libxml2 is to call it.

    Raises:
        ForbiddenError: It cannot be used.
    """
    asked: list[str] = []
    parser = schema_parser(_Refusing(asked))
    try:
        root = etree.fromstring(data, parser, base_url=url)
    except etree.LxmlError as exc:
        text = shorten((getattr(exc, "msg", None) or str(exc)).partition("\n")[0], _SHOWN_CHARS)
        also = "; entities of other files are not read" if _UNDEFINED in text else ""
        raise ForbiddenError(f"not well-formed XML: {text}{also}") from None
    except (LookupError, ValueError) as exc:  # an encoding that is unknown
        raise ForbiddenError(f"not readable as XML: {shorten(str(exc), _SHOWN_CHARS)}") from None
    if asked:
        raise ForbiddenError(f"it asks for the external entity {asked[0]!r}; write it into the document")
    if root.tag != f"{{{XS}}}schema":
        raise ForbiddenError(
            f"no XSD: its root is <{etree.QName(root).localname}>, expected <schema> of {XS}"
        )
    if _collapse_locations(root):
        data = _written(root, root)
    return Document(root, _without_doctype(root, data), tuple(_references(root)))


def schema_parser(resolver: etree.Resolver) -> etree.XMLParser:
    """Give a parser that loads nothing but what `resolver` gives, and only entities of the document itself."""
    options: dict[str, Any] = {"resolve_entities": "internal"}  # which the stubs do not know
    parser = etree.XMLParser(
        no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, **options
    )
    parser.resolvers.add(resolver)
    return parser


class _Refusing(etree.Resolver):
    """Refuses every external entity, and notes which was asked for."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def resolve(self, system_url: str, public_id: str, context: object = None) -> Any:
        """Refuse."""
        self._asked.append(shorten(str(system_url or public_id), _SHOWN_CHARS))
        raise ForbiddenError(system_url)


def _without_doctype(root: etree._Element, data: bytes) -> bytes:
    docinfo: Any = root.getroottree().docinfo
    if docinfo.internalDTD is None and docinfo.externalDTD is None:
        return data
    written = _written(root, root)
    if len(written) > MAX_DOCUMENT_BYTES:
        raise ForbiddenError(f"longer than {MAX_DOCUMENT_BYTES} bytes once its entities are written out")
    return written


def _written(root: etree._Element, original: etree._Element) -> bytes:
    """Write a document so that what libxml2 says of a line is true, as far as start tags stand on one."""
    written: bytes = etree.tostring(root, encoding="utf-8", with_tail=False)
    return b"\n" * max(_line_of(original) - 1, 0) + written


def _collapse_locations(root: etree._Element) -> bool:
    """Take the blanks around locations away, as `xs:anyURI` has it and libxml2 has not; tell whether there were any."""
    found = False
    for child in root.iterchildren(*_VERBS):
        location = child.get("schemaLocation", "")
        if location != location.strip():
            child.set("schemaLocation", location.strip())
            found = True
    return found


def _references(root: etree._Element) -> Iterator[Reference]:
    for child in root.iterchildren(*_VERBS):
        location = child.get("schemaLocation")
        if location is not None:
            yield Reference(_VERBS[str(child.tag)], location, _line_of(child))


def _line_of(element: etree._Element) -> int:
    line: Any = element.sourceline  # which the stubs do not know
    return int(line or 0)
