"""What an author writes beside a type to say more than the type does.

`Doc`, `Pattern` and `Secret` go into `Annotated[...]`, next to the constraints of the annotated-types package;
`xml(...)` goes into a field's metadata; `RawXml` is the type of a field that keeps an element as it is. These
are plain marks: what they mean for reading, writing and the schema is decided by the planner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

RawXml: TypeAlias = etree._Element  # noqa: SLF001  # lxml's class of elements has no other name
"""The type of a field that holds one XML element of any name and content, kept as it is."""

XML_METADATA = "agentserver.xml"
"""The key under which `xml` stands in a field's metadata."""


@dataclass(frozen=True, slots=True)
class Doc:
    """Say what a field means: `Annotated[int, Doc("In cents.")]`.

    Args:
        documentation: Plain text.
    """

    documentation: str


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""Hold the whole text of a str to a regular expression: `Annotated[str, Pattern(r"[A-Z]{2}\d+")]`.

    Args:
        regex: In the syntax that Python and XSD share: characters, classes, groups, alternatives and greedy
            quantifiers.
    """

    regex: str


@dataclass(frozen=True, slots=True)
class Secret:
    """Keep a field's value out of every log, error and view: `Annotated[str, Secret]`."""


@dataclass(frozen=True, slots=True)
class XmlForm:
    """How a field stands in XML, where it is not as usual.

    Attributes:
        name: Name of the element or attribute; empty for the usual one.
        attribute: Whether it is an attribute.
        namespace: The element's namespace, empty for none; None for that of its class.
    """

    name: str = ""
    attribute: bool = False
    namespace: str | None = None


def xml(*, name: str = "", attribute: bool = False, namespace: str | None = None) -> dict[str, XmlForm]:
    """Give the metadata of a field that does not stand in XML as usual: `field(metadata=xml(name="ID"))`.

    Args:
        name: Name of the element or attribute; empty for the usual one, which is the field's own in PascalCase for
            an element, and as it is for an attribute.
        attribute: Whether the field is an attribute. Its type must then be a simple one.
        namespace: The element's namespace, empty for none; None for that of its class. Attributes have none.
    """
    return {XML_METADATA: XmlForm(name, attribute, namespace)}
