"""One schema that nobody here wrote: its documents, its global elements, and the compiled whole.

Plain and finished: what made it is `schema_library`. Says which element is the root of a contract, and raises
`SchemaError` when that cannot be told. Shared by all listeners that name the same file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from agentserver.errors import SchemaError, shorten
from agentserver.xmlable.foreign.schema_document import Document

_LISTED_ROOTS = 12


@dataclass(frozen=True, slots=True, eq=False)
class ForeignSchema:
    """A compiled set of documents.

    Attributes:
        name: Name of the main document.
        documents: All of them by name, the main one first.
        compiled: What validates.
    """

    name: str
    documents: Mapping[str, Document]
    compiled: etree.XMLSchema

    @property
    def root_tags(self) -> tuple[str, ...]:
        """The global elements that the main document itself declares, in Clark notation."""
        return self.documents[self.name].root_tags

    def root_tag(self, root: str = "") -> str:
        """Tell which element is the root of a contract.

        Args:
            root: Its local name, or its name in Clark notation; empty for the one that the main document declares.

        Returns:
            Its name in Clark notation.

        Raises:
            SchemaError: There is no such element, or there are several.
        """
        own = self.root_tags
        if not root:
            if len(own) == 1:
                return own[0]
            found = f"it declares {len(own)} elements ({_listed(own)})" if own else "it declares no element"
            remedy = (
                "say with `root:` which one is meant" if own else "name the document that declares the root"
            )
            raise SchemaError(self.name, f"{found}; {remedy}")
        everywhere = {tag for document in self.documents.values() for tag in document.root_tags}
        if root.startswith("{"):
            if root in everywhere:
                return root
        else:
            # an included document without a namespace of its own takes that of who includes it
            namespace = self.documents[self.name].namespace
            tag = f"{{{namespace}}}{root}" if namespace else root
            if tag in everywhere or root in everywhere:
                return tag
        listed = _listed(own) or "none"
        raise SchemaError(self.name, f"no element {shorten(root, 120)!r} is declared; it declares {listed}")


def _listed(tags: tuple[str, ...]) -> str:
    names = [etree.QName(tag).localname for tag in tags]
    return ", ".join(names[:_LISTED_ROOTS]) + (", …" if len(names) > _LISTED_ROOTS else "")
