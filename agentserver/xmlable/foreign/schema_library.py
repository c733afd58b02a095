"""Foreign schemas, each compiled once: from the path of an XSD to a `ForeignSchema`.

Every document of a schema is read and checked here, before libxml2 may compile them; what libxml2 then asks for,
it gets from those bytes alone. So nothing is fetched, nothing is read outside the schema's folder
(`schema_folder`), and nothing twice. Raises `SchemaError`, which names the chain of files that led to the fault.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from lxml import etree

from agentserver.errors import SchemaError, shorten
from agentserver.xmlable.foreign.compile_cost import TooMuchError, require_compilable
from agentserver.xmlable.foreign.foreign_schema import ForeignSchema
from agentserver.xmlable.foreign.schema_document import XS, Document, parse_document, schema_parser
from agentserver.xmlable.foreign.schema_folder import ForbiddenError, SchemaFolder, name_of, url_of

MAX_DOCUMENTS: Final = 1_000
"""Most documents of one schema."""
MAX_SCHEMA_BYTES: Final = 67_108_864
"""Most bytes of one schema, all documents together."""

_SHOWN_LINKS: Final = 6
_SHOWN_CHARS: Final = 300

_Link: TypeAlias = tuple[str, int, str]
"""Which document refers to another, on which line, and the verb."""


@dataclass(slots=True)
class _Set:
    """The documents of one schema while they are gathered."""

    folder: SchemaFolder
    documents: dict[str, Document]
    links: dict[str, _Link]
    imported: dict[str, None]
    digests: list[tuple[str, bytes]]
    size: int = 0


class SchemaLibrary:
    """Load schemas; two that are the same files are the same object."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, bytes], Document] = {}
        self._schemas: dict[tuple[Path, tuple[tuple[str, bytes], ...]], ForeignSchema] = {}

    def load(self, path: Path) -> ForeignSchema:
        """Give the schema whose main document is at `path`, compiling it when it is new or was changed.

        Args:
            path: The main document.

        Raises:
            SchemaError: It cannot be used.
        """
        try:
            found = _Set(SchemaFolder(path), {}, {}, {}, [])
        except ForbiddenError as exc:
            raise SchemaError(path.name or str(path), str(exc)) from None
        self._gather(found)
        key = (path.resolve(), tuple(found.digests))
        if key not in self._schemas:
            try:
                require_compilable([document.root for document in found.documents.values()])
            except TooMuchError as exc:
                raise SchemaError(found.folder.main, str(exc)) from None
            compiled = _Compiler(found).compile()
            documents: Mapping[str, Document] = MappingProxyType(found.documents)
            self._schemas[key] = ForeignSchema(found.folder.main, documents, compiled)
        return self._schemas[key]

    def _gather(self, found: _Set) -> None:
        """Read all that the main document refers to, breadth first; what refers in a circle is read once."""
        waiting = deque([found.folder.main])
        while waiting:
            name = waiting.popleft()
            try:
                document = self._read(found, name)
            except ForbiddenError as exc:
                raise SchemaError(_chain(found, name), str(exc)) from None
            found.documents[name] = document
            for reference in document.references:
                link = (name, reference.line, reference.verb)
                try:
                    target = found.folder.follow(name, reference.location)
                except ForbiddenError as exc:
                    chain = f"{_chain(found, name)} line {reference.line} {reference.verb}"
                    raise SchemaError(f"{chain} {shorten(reference.location, 100)}", str(exc)) from None
                if reference.verb == "imports":
                    found.imported[target] = None
                if target != found.folder.main and target not in found.links:
                    found.links[target] = link
                    waiting.append(target)

    def _read(self, found: _Set, name: str) -> Document:
        if len(found.documents) >= MAX_DOCUMENTS:
            raise ForbiddenError(f"more than {MAX_DOCUMENTS} documents")
        data = found.folder.read(name)
        found.size += len(data)
        if found.size > MAX_SCHEMA_BYTES:
            raise ForbiddenError(f"with it the schema has more than {MAX_SCHEMA_BYTES} bytes")
        key = (name, sha256(data).digest())
        found.digests.append(key)
        if key not in self._documents:
            self._documents[key] = parse_document(data, url_of(name))
        return self._documents[key]


class _Compiler(etree.Resolver):
    """Compile a gathered set: answer libxml2's questions from it, and refuse all others.

    libxml2 imports one file for each namespace, and leaves out the others, as XSD 1.0 lets it. So each file that is
    imported is given as if it included the others of its namespace that are.
    """

    def __init__(self, found: _Set) -> None:
        self._found = found
        self._given = {found.folder.main}
        self._by_namespace: dict[str, list[str]] = {}
        for name in dict.fromkeys([found.folder.main, *found.imported]):
            self._by_namespace.setdefault(found.documents[name].namespace, []).append(name)
        self._beside = {found.folder.main, *found.imported}
        self._refused: list[str] = []

    def compile(self) -> etree.XMLSchema:
        """Compile.

        Raises:
            SchemaError: libxml2 does not take it, or would have left a document out.
        """
        main = self._found.folder.main
        root = etree.fromstring(self._data(main), schema_parser(self), base_url=url_of(main))
        try:
            compiled = etree.XMLSchema(root)
        except etree.XMLSchemaParseError as exc:
            raise self._fault(exc) from exc
        if self._refused:
            raise SchemaError(main, f"it would need {self._refused[0]!r}, which none of its documents names")
        for name in self._found.documents:
            if name not in self._given:
                raise self._left_out(name)
        return compiled

    def resolve(self, system_url: str, public_id: str, context: Any = None) -> Any:
        """Give a document of the set. Never None: libxml2 would look for itself then."""
        name = name_of(system_url or "")
        document = self._found.documents.get(name)
        if document is None:
            self._refused.append(shorten(name, _SHOWN_CHARS))
            raise ForbiddenError(name)
        self._given.add(name)
        return self.resolve_string(self._data(name), context, base_url=system_url)

    def _data(self, name: str) -> bytes:
        """Give the bytes of a document, with what is imported beside it as what it includes."""
        document = self._found.documents[name]
        beside = self._by_namespace[document.namespace] if name in self._beside else []
        others = [url_of(other) for other in beside if other != name]
        return document.including(others) if others else document.data

    def _fault(self, exc: etree.XMLSchemaParseError) -> SchemaError:
        if self._refused:
            return SchemaError(
                self._found.folder.main, f"it would need {self._refused[0]!r}, which is not looked up"
            )
        errors = [entry for entry in exc.error_log if entry.message]
        if not errors:
            return SchemaError(self._found.folder.main, shorten(str(exc), _SHOWN_CHARS))
        first = errors[0]
        name = name_of(str(first.filename or ""))
        chain = _chain(self._found, name) if name in self._found.documents else self._found.folder.main
        text = first.message.replace(f"{{{XS}}}", "xs:").rstrip(".")
        line = f" line {first.line}" if first.line else ""
        return SchemaError(f"{chain}{line}", shorten(text, _SHOWN_CHARS))

    def _left_out(self, name: str) -> SchemaError:
        namespace = self._found.documents[name].namespace
        others = [
            other
            for other, document in self._found.documents.items()
            if other in self._given and document.namespace == namespace
        ]
        also = f", and {others[0]} has it, too" if others else ""
        return SchemaError(
            _chain(self._found, name),
            f"one file is imported for each namespace{also} ({namespace or 'none'}); "
            "let that one include this one, and import it alone",
        )


def _chain(found: _Set, name: str) -> str:
    """Tell how the document `name` was come to: `a.xsd line 12 imports b.xsd`."""
    steps = [name]
    while name in found.links:
        name, line, verb = found.links[name]
        steps.append(f"{name} line {line} {verb}")
    steps.reverse()
    if len(steps) > _SHOWN_LINKS:
        steps[_SHOWN_LINKS // 2 : -_SHOWN_LINKS // 2] = ["…"]
    return " ".join(steps)
