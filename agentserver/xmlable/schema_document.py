"""The XSD in the making.

Collects one global element and the named types that it needs, each defined once, in the order of first use,
so that the same contract always gives the same bytes. It knows how XSD is written, and no Python types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from lxml import etree

_XS = "http://www.w3.org/2001/XMLSchema"

TypeKind: TypeAlias = Literal["complexType", "simpleType"]


def append(parent: etree._Element, local_name: str, **attributes: str) -> etree._Element:
    """Add an XSD element called `local_name` to `parent`, and give it."""
    return etree.SubElement(parent, f"{{{_XS}}}{local_name}", attributes)


def restrict(
    simple_type: etree._Element, base: str, patterns: Sequence[str] = (), values: Sequence[str] = ()
) -> None:
    """Make `simple_type` a restriction of `base` to texts of one of the `patterns`, or to the `values`."""
    restriction = append(simple_type, "restriction", base=base)
    for pattern in patterns:
        append(restriction, "pattern", value=pattern)
    for value in values:
        append(restriction, "enumeration", value=value)


class Define(Protocol):
    """Fills a new type of the schema."""

    def __call__(self, definition: etree._Element, /) -> None:
        """Fill."""


class SchemaDocument:
    """A schema for one root element in no namespace.

    Attributes:
        root: The `xs:schema` element.
    """

    __slots__ = ("_names", "root")

    def __init__(self) -> None:
        self.root = etree.Element(f"{{{_XS}}}schema", nsmap={"xs": _XS})
        self._names: dict[object, str] = {}

    def named_type(self, key: object, name: str, kind: TypeKind, define: Define) -> str:
        """Give the name of the type of `key`, defining it at the first call.

        Args:
            key: What the type stands for; one key has one type.
            name: The wished name; a number is added when another key has it.
            kind: Which of the two sorts of type it is.
            define: Fills the new type. It may ask for further types, and for this one again.
        """
        if key not in self._names:
            taken, unique, count = set(self._names.values()), name, 1
            while unique in taken:
                count += 1
                unique = f"{name}{count}"
            self._names[key] = unique
            define(append(self.root, kind, name=unique))
        return self._names[key]
