"""Compiled XSDs: finding the envelope's, and saying what a document breaks.

Takes elements, gives the first violations, if there are any. The schema files ship inside the package; in a checkout
they stand beside it. Validation errors of a large invalid document take quadratic time in libxml2 (it writes each
node's path), so a large one is parsed again with the schema in the parser, which is linear.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

from lxml import etree

from agentserver.name_dictionary import with_own_names
from agentserver.wire.faults import faults_of
from agentserver.wire.structure import Element
from agentserver.wire.violations import TypeOf, Violation, path_of, violation_of

Schema: TypeAlias = etree.XMLSchema

LARGE_BYTES: Final = 8_192
"""From this size on, a document is validated by the parser: 2,000 errors, the most that fit below, take 20 ms."""

MAX_TOLD: Final = 5
"""How many faults of one document are told: more help nobody at once."""


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


def first_violation(
    schema: Schema, element: Element, data: bytes | None = None, type_of: TypeOf | None = None
) -> Violation | None:
    """Validate `element`, and say what it breaks first; takes and gives what `violations_of` does."""
    found = violations_of(schema, element, data, type_of, most=1)
    return found[0] if found else None


def violations_of(
    schema: Schema,
    element: Element,
    data: bytes | None = None,
    type_of: TypeOf | None = None,
    most: int = MAX_TOLD,
) -> list[Violation]:
    """Validate `element`, and say what it breaks, in the order of the document.

    Args:
        schema: A compiled schema.
        element: The root of what is validated; it may stand inside a larger tree.
        data: The canonical bytes of `element`, where it may be large: they are parsed again under the schema.
        type_of: Knows the schema's types, for better words.
        most: How many violations are enough.

    Returns:
        None of them when it is valid.
    """
    if _is_valid(schema, element, data):
        return []
    if data is None:
        data = etree.tostring(element, encoding="utf-8", with_tail=False)
    faults = faults_of(schema, data, most)
    if not faults:  # e.g. a pattern that exceeds libxml2's step limit
        place = path_of(element, element)
        return [Violation(place, "what cannot be validated", "what its schema allows", element)]
    return [violation_of(fault, element, type_of) for fault in faults]


def _is_valid(schema: Schema, element: Element, data: bytes | None) -> bool:
    try:
        if data is None or len(data) <= LARGE_BYTES:
            return schema.validate(element)
        parser = etree.XMLParser(
            schema=schema, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False
        )
        with_own_names(etree.fromstring, data, parser)
    except etree.LxmlError:
        return False
    return True
