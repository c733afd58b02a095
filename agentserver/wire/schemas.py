"""Compiled XSDs: finding the envelope's, and saying what a document breaks.

Takes elements, gives the first violation in words or None. The schema files ship inside the package; in a checkout
they stand beside it. Validation errors of a large invalid document take quadratic time in libxml2 (it writes each
node's path), so a large one is parsed again with the schema in the parser, which is linear.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, TypeAlias

from lxml import etree

from agentserver.errors import shorten
from agentserver.wire.structure import Element

Schema: TypeAlias = etree.XMLSchema

LARGE_BYTES: Final = 8_192
"""From this size on, a document is validated by the parser: 2,000 errors, the most that fit below, take 20 ms."""

_NAMESPACE_IN_TEXT: Final = re.compile(r"\{[^{}]*\}")


def schema_file(name: str) -> Path:
    """Return the path of a schema that ships with AgentServer.

    Raises:
        FileNotFoundError: The installation is incomplete.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"schema {name} is missing from this installation of agentserver")


def envelope_schema() -> Schema:
    """Compile the envelope's XSD, `schemas/envelope.xsd`."""
    return etree.XMLSchema(etree.parse(schema_file("envelope.xsd")))


def first_violation(schema: Schema, element: Element, data: bytes | None = None) -> tuple[str, int] | None:
    """Validate `element`, and say what it breaks first.

    Args:
        schema: A compiled schema.
        element: The root of what is validated; it may stand inside a larger tree.
        data: The canonical bytes of `element`, where it may be large: they are parsed again under the schema.

    Returns:
        None when it is valid; else the violation in words and its line (0 when unknown).
    """
    if data is not None and len(data) > LARGE_BYTES:
        return _violation_by_parser(schema, data)
    try:
        if schema.validate(element):
            return None
    except etree.LxmlError as exc:  # e.g. a pattern that exceeds libxml2's step limit
        return shorten(str(exc)), 0
    return _words(schema.error_log)


def _violation_by_parser(schema: Schema, data: bytes) -> tuple[str, int] | None:
    parser = etree.XMLParser(
        schema=schema, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False
    )
    try:
        etree.fromstring(data, parser)
    except etree.LxmlError as exc:
        log = getattr(exc, "error_log", None)
        return _words(log) if log is not None and len(log) else (shorten(str(exc)), 0)
    return None


def _words(log: etree._ListErrorLog) -> tuple[str, int]:
    """Turn libxml2's first error into words without the namespaces that it repeats."""
    if not len(log):
        return "it does not fit its schema", 0
    first = log[0]
    text = _NAMESPACE_IN_TEXT.sub("", first.message[:2_000])
    return shorten(text), max(first.line, 0)
