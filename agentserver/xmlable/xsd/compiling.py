"""Schema documents, compiled without a file.

Takes documents that import one another by file name, as `schema_documents` gives them, and gives libxml2's schema.
Nothing is read from disk or net: a name that is not among the documents is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from lxml import etree

_BASE: Final = "contract:/"
"""Before each file name, so that none is taken for a path on this machine."""


def compiled(documents: Mapping[str, etree._Element]) -> etree.XMLSchema:
    """Compile a schema.

    Args:
        documents: `xs:schema` elements by file name, the main document first.

    Raises:
        etree.XMLSchemaParseError: They are no valid schema, or import what is not there.
    """
    return etree.XMLSchema(linked(documents))


def linked(documents: Mapping[str, etree._Element]) -> etree._Element:
    """Give the main document, such that `etree.XMLSchema` finds the others when it compiles it.

    Args:
        documents: `xs:schema` elements by file name, the main document first.
    """
    main, *others = documents
    if not others:
        return documents[main]
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Documents({_BASE + name: etree.tostring(documents[name]) for name in documents}))
    return etree.fromstring(etree.tostring(documents[main]), parser, base_url=_BASE + quote(main))


class _Documents(etree.Resolver):
    """Finds documents by their URL."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def resolve(  # type: ignore[override]  # lxml calls it with a context
        self, system_url: str, public_id: str, context: Any
    ) -> Any:
        """Give the document of `system_url`, or an empty one, which no schema can use."""
        return self.resolve_string(self._texts.get(unquote(system_url), b""), context, base_url=system_url)
