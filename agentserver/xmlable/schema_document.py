"""The XSD in the making.

Collects the global elements, attributes and named types of one namespace, each defined once, in the order of first
use, so that the same contract always gives the same bytes. It knows how XSD is written, and neither Python types
nor outlines.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import quote

from lxml import etree

XS = "http://www.w3.org/2001/XMLSchema"
"""The namespace of XSD itself."""

XML = "http://www.w3.org/XML/1998/namespace"
"""The namespace of `xml:lang` and its kin."""

TypeKind: TypeAlias = Literal["complexType", "simpleType"]


def append(parent: etree._Element, local_name: str, **attributes: str) -> etree._Element:
    """Add an XSD element called `local_name` to `parent`, and give it."""
    return etree.SubElement(parent, f"{{{XS}}}{local_name}", attributes)


class SchemaDocument:
    """The schema of one namespace, or of none.

    Args:
        namespace: Its target namespace; empty for none.
        file_name: What other documents import it as.
        number: Its place among the documents of one contract, from 1, of which its prefix there is made.

    Attributes:
        root: The `xs:schema` element, without what `finished` adds.
        namespace: Its target namespace.
        file_name: What other documents import it as.
        number: Its place among the documents.
    """

    __slots__ = ("_imported", "_names", "file_name", "namespace", "number", "root")

    def __init__(self, namespace: str = "", file_name: str = "", number: int = 1) -> None:
        self.root = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS})
        self.namespace = namespace
        self.file_name, self.number = file_name, number
        self._names: dict[object, str] = {}
        self._imported: dict[str, SchemaDocument] = {}

    def open_type(self, key: object, name: str, kind: TypeKind) -> tuple[str, etree._Element | None]:
        """Give the name of a type, and at the first call its definition, to be filled.

        Args:
            key: What the type stands for; one key has one type.
            name: The wished name; a number is added when another key has it.
            kind: Which of the two sorts of type it is.
        """
        if key in self._names:
            return self._names[key], None
        self._names[key] = unique = self._unique(name)
        return unique, append(self.root, kind, name=unique)

    def unique_name(self, key: object, name: str) -> str:
        """Give `name`, with a number when another key has it: for what is no type, but may not be doubled."""
        return self._names.setdefault(key, self._unique(name))

    def _unique(self, name: str) -> str:
        taken, unique, count = set(self._names.values()), name, 1
        while unique in taken:
            count += 1
            unique = f"{name}{count}"
        return unique

    def refer(self, other: SchemaDocument, local_name: str) -> str:
        """Give the qualified name, for use in this document, of what `other` defines."""
        prefix = self._prefix(other)
        return f"{prefix}:{local_name}" if prefix else local_name

    def _prefix(self, other: SchemaDocument) -> str:
        if other is not self:
            self._imported[other.namespace] = other
        if other.namespace in ("", XML):
            return other.namespace and "xml"
        return "tns" if other is self else f"ns{other.number}"

    def finished(self) -> etree._Element:
        """Give the whole `xs:schema` element, with its namespaces and imports."""
        if not self.namespace and not self._imported:
            return self.root
        others = sorted(self._imported.values(), key=lambda other: other.number)
        prefixes = {"xs": XS}
        for document in (self, *others):
            if prefix := self._prefix(document) if document.namespace != XML else "":
                prefixes[prefix] = document.namespace
        schema = etree.Element(f"{{{XS}}}schema", nsmap=prefixes)
        if self.namespace:
            schema.attrib.update({"targetNamespace": self.namespace, "elementFormDefault": "qualified"})
        for other in others:
            named = {"namespace": other.namespace} if other.namespace else {}
            append(schema, "import", **named, schemaLocation=quote(other.file_name))
        schema.extend(list(self.root))
        return schema
