"""Element names: from Python's snake_case to XML's PascalCase.

Takes identifiers, gives names, or raises `ValueError` for those that cannot name an element in no namespace. A
name must do in a document and in its schema, where libxml2 still goes by the letters of XML 1.0's fourth edition.
It knows nothing of the classes and fields that the names come from.
"""

from __future__ import annotations

import re

import humps
from lxml import etree

from agentserver.xmlable.schema_document import SchemaDocument, append

_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


def is_xml_name(name: str) -> bool:
    """Tell whether `name` may be the name of an element in no namespace.

    Raises:
        ValueError: It is no str, whatever its giver's types say.
    """
    given: object = name
    if not isinstance(given, str):
        raise ValueError(f"a name is a str, not {type(given).__name__}")
    if _ASCII_NAME.fullmatch(name):
        return True
    return not name.isascii() and ":" not in name and _is_compiled(name)


def _is_compiled(name: str) -> bool:
    """Ask libxml2, rather than repeat its 200 ranges of letters."""
    schema = SchemaDocument()
    try:
        etree.Element(name)
        append(schema.root, "element", name=name)
        etree.XMLSchema(schema.root)
    except (ValueError, etree.XMLSchemaParseError):
        return False
    return True


def element_name(field_name: str) -> str:
    """Give the element name of a field: `unit_price` becomes `UnitPrice`.

    Raises:
        ValueError: XML does not allow the name.
    """
    name: str = humps.pascalize(field_name)
    if not is_xml_name(name):
        raise ValueError(f"<{name}> is no name that XML schemas allow; rename the field")
    return name


def attribute_name(name: str) -> str:
    """Give the name of an attribute, which is the field's own.

    Raises:
        ValueError: XML does not allow the name.
    """
    if name == "xmlns" or not is_xml_name(name):
        raise ValueError(
            f"{name!r} is no name that XML schemas allow for an attribute; give it another with xml(name=...)"
        )
    return name
