"""From an outline to XSD documents.

Takes the root `Field`, gives one `xs:schema` element for each namespace that occurs in it. The documents import one
another by file name. What an XSD has no word for, and a document does not show, stays out: the names of fields in
Python, what repeated elements are gathered in, the default of an element. That a field is secret is said in
`xs:appinfo`. Raises `ContractError` for two global elements of one name. Knows no dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.outline import Anything, Field, Record, Text, Variants
from agentserver.xmlable.schema_document import SchemaDocument, append
from agentserver.xmlable.xsd.annotations import SECRET
from agentserver.xmlable.xsd.recursion import recursive_contents
from agentserver.xmlable.xsd.text_writer import declare_text, type_name_of

_Filling: TypeAlias = Iterator["_Filling"]
"""Fills an element of a schema; gives what fills the types that it has just opened, to be run before it goes on."""


def schema_documents(root: Field) -> dict[str, etree._Element]:
    """Write the schema of a document.

    Args:
        root: The document's root element.

    Returns:
        `xs:schema` elements by file name, new ones at each call: `{LocalName}.xsd`, which declares the root, and
        `{LocalName}.2.xsd` and so on for further namespaces. The same outline gives the same bytes.

    Raises:
        ContractError: Two different global elements or attributes have one name, or a text is not for XML.
    """
    try:
        return _Writer(root).documents()
    except ValueError as exc:
        raise ContractError(root.local_name, "", f"its schema cannot be written: {exc}") from exc


class _Writer:
    """One schema in the making."""

    def __init__(self, root: Field) -> None:
        self._root, self._recursive = root, recursive_contents(root)
        self._documents: dict[str, SchemaDocument] = {}
        self._globals: dict[tuple[bool, str], Field] = {}
        self._homes: dict[Record | Variants, SchemaDocument] = {}

    def documents(self) -> dict[str, etree._Element]:
        """Write the documents, by file name."""
        document = self._document(self._root.namespace)
        declaration = append(document.root, "element", name=self._root.local_name)
        self._globals[False, self._root.tag] = self._root
        stack = [self._declare(self._root, declaration, document)]
        while stack:  # not recursion: the types of a foreign schema refer to each other hundreds deep
            filling = next(stack[-1], None)
            if filling is None:
                stack.pop()
            else:
                stack.append(filling)
        return {self._file_name(n): made.finished() for n, made in enumerate(self._documents.values(), 1)}

    def _file_name(self, number: int) -> str:
        return f"{self._root.local_name}{f'.{number}' if number > 1 else ''}.xsd"

    def _document(self, namespace: str) -> SchemaDocument:
        if namespace not in self._documents:
            number = len(self._documents) + 1
            made = SchemaDocument(namespace, self._file_name(number), number)
            self._documents[namespace] = made
        return self._documents[namespace]

    def _declare(
        self, field: Field, declaration: etree._Element, document: SchemaDocument, *, remarks: bool = True
    ) -> _Filling:
        """Fill the `xs:element` or `xs:attribute` of `field`."""
        if remarks:
            said_by_type = getattr(field.content, "doc", "") == field.doc
            _annotate(declaration, "" if said_by_type else field.doc, field.secret)
        content = field.content
        if isinstance(content, Text):
            declare_text(content, declaration, document)
        elif isinstance(content, Anything):
            _declare_anything(content, declaration)
        else:
            yield from self._declare_type(content, field, declaration, document)
            if isinstance(content, Record) and content.kind == "entries":
                self._declare_unique(content, field, declaration, document)
        if field.nillable:
            declaration.set("nillable", "true")

    def _declare_type(
        self, content: Record | Variants, field: Field, declaration: etree._Element, document: SchemaDocument
    ) -> _Filling:
        home = self._home(content, document)
        name = content.name if isinstance(content, Record) else ""
        if not name and home is document and content not in self._recursive:
            yield from self._fill(content, append(declaration, "complexType"), document)
            return
        self._homes[content] = home
        unique, definition = home.open_type(content, name or field.local_name, "complexType")
        declaration.set("type", document.refer(home, unique))
        if definition is not None:
            yield self._fill(content, definition, home)

    def _home(self, content: Record | Variants, document: SchemaDocument) -> SchemaDocument:
        """Give the document that the type belongs to: where its elements can be its own, rather than global ones.

        A type whose elements are of several namespaces stays where it was met first, so that it is written once.
        """
        fields = content.members if isinstance(content, Variants) else content.fields
        namespaces = {field.namespace for field in fields if not field.attribute and field.namespace}
        if len(namespaces) == 1:
            return self._document(namespaces.pop())
        return self._homes.get(content, document)

    def _fill(
        self, content: Record | Variants, complex_type: etree._Element, document: SchemaDocument
    ) -> _Filling:
        _annotate(complex_type, content.doc)
        if isinstance(content, Variants):
            choice = append(complex_type, "choice")
            for member in content.members:
                yield from self._place(member, choice, document)
            return
        attributes = [field for field in content.fields if field.attribute]
        if content.text is not None:
            wish = f"{complex_type.get('name', 'Value')}Text"
            extension = append(append(complex_type, "simpleContent"), "extension")
            extension.set("base", type_name_of(content.text, wish, document))
            complex_type = extension
        else:
            sequence = append(complex_type, "sequence")
            for field in content.fields:
                if not field.attribute:
                    yield from self._place(field, sequence, document)
        for field in attributes:
            yield from self._place_attribute(field, complex_type, document)

    def _place(self, field: Field, sequence: etree._Element, document: SchemaDocument) -> _Filling:
        """Declare an element of a type, or refer to the global one of its namespace."""
        declaration = append(sequence, "element")
        if field.namespace in ("", document.namespace):
            declaration.set("name", field.local_name)
            if field.namespace != document.namespace:
                declaration.set("form", "unqualified")
            yield from self._declare(field, declaration, document)
        else:
            yield from self._refer(field, declaration, document)
        if field.least != 1:
            declaration.set("minOccurs", str(field.least))
        if field.most != 1:
            declaration.set("maxOccurs", "unbounded" if field.most is None else str(field.most))

    def _place_attribute(
        self, field: Field, complex_type: etree._Element, document: SchemaDocument
    ) -> _Filling:
        declaration = append(complex_type, "attribute")
        if field.namespace in ("", document.namespace):
            declaration.set("name", field.local_name)
            if field.namespace:
                declaration.set("form", "qualified")
            yield from self._declare(field, declaration, document)
        else:
            yield from self._refer(field, declaration, document)
        if field.least:
            declaration.set("use", "required")
        elif field.default is not None:
            declaration.set("default", field.default)

    def _refer(self, field: Field, declaration: etree._Element, document: SchemaDocument) -> _Filling:
        """Refer to the global element or attribute of `field`, making it where need be."""
        home = self._document(field.namespace)
        declaration.set("ref", document.refer(home, field.local_name))
        _annotate(declaration, field.doc, field.secret)
        key = (field.attribute, field.tag)
        known = self._globals.get(key)
        if known is None:
            self._globals[key] = field
            kind = "attribute" if field.attribute else "element"
            made = append(home.root, kind, name=field.local_name)
            yield from self._declare(field, made, home, remarks=False)
        elif (known.content, known.nillable) != (field.content, field.nillable):
            yield from self._require_same(known, field, home)

    def _require_same(self, known: Field, field: Field, home: SchemaDocument) -> _Filling:
        texts = []
        for each in (known, field):
            trial = append(etree.Element("trial"), "element")
            yield from self._declare(each, trial, home, remarks=False)
            texts.append(etree.tostring(trial))
        if texts[0] != texts[1]:
            reason = f"in {field.namespace} it is declared with two types; give one of them another name or namespace"
            raise ContractError(self._root.local_name, field.local_name, reason)

    def _declare_unique(
        self, entries: Record, field: Field, declaration: etree._Element, document: SchemaDocument
    ) -> None:
        """Say that each key of a dict stands there once."""
        entry = entries.fields[0]
        name = document.unique_name((entries, declaration), f"{field.local_name}Keys")
        unique = append(declaration, "unique", name=name)
        key = entry.content.fields[0] if isinstance(entry.content, Record) else entry
        append(unique, "selector", xpath=self._step(entry, document))
        append(unique, "field", xpath=self._step(key, document))

    def _step(self, field: Field, document: SchemaDocument) -> str:
        if not field.namespace:
            return field.local_name
        return document.refer(self._document(field.namespace), field.local_name)


def _declare_anything(content: Anything, declaration: etree._Element) -> None:
    sequence = append(append(declaration, "complexType"), "sequence")
    namespaces = content.namespaces.split(" ")[0] if "##other" in content.namespaces else content.namespaces
    append(sequence, "any", namespace=namespaces, processContents=content.check)


def _annotate(declaration: etree._Element, doc: str, secret: bool = False) -> None:
    """Add the documentation, and that it is secret, before what else is in `declaration`."""
    if not doc and not secret:
        return
    annotation = append(declaration, "annotation")
    if doc:
        append(annotation, "documentation").text = doc
    if secret:
        information = append(annotation, "appinfo")
        namespace, _, name = SECRET[1:].partition("}")
        information.append(etree.fromstring(f'<{name} xmlns="{namespace}"/>'))
