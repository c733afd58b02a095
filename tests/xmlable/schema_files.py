"""Compiles a schema of several documents that import one another by file name."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from lxml import etree


def compiled(documents: Mapping[str, etree._Element]) -> etree.XMLSchema:
    """Compile the first of the documents, with the others beside it."""
    if len(documents) == 1:
        return etree.XMLSchema(next(iter(documents.values())))
    with tempfile.TemporaryDirectory() as folder:
        for name, document in documents.items():
            Path(folder, name).write_bytes(etree.tostring(document))
        return etree.XMLSchema(etree.parse(Path(folder, next(iter(documents)))))
