"""The outlines of the documents that an XSD on disk describes.

Takes a path; reads the file and what it imports from its own folder and those below and beside it, and nothing else.
Raises `SchemaError`. Knows no listeners and no versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agentserver.xmlable.foreign import SchemaLibrary
from agentserver.xmlable.outline import Field
from agentserver.xmlable.xsd_reader import read_outline


def outlines_in(path: Path) -> Mapping[str, Field]:
    """Give the outline of each element that an XSD declares, by the element's name in Clark notation.

    Raises:
        SchemaError: The XSD, or one that it imports, cannot be used.
    """
    schema = SchemaLibrary().load(path)
    documents = [document.root for document in schema.documents.values()]
    return {tag: read_outline(documents, tag) for tag in schema.root_tags}
