"""The text of an element that holds nothing else.

Takes an element, gives its text, or raises `Misfit`. Comments and processing instructions within the text do
not count, as XSD has it: the text around them is joined. Attributes, children and entities are refused, since
each could hide a part of the text; only where a schema lies may be said, which every XSD allows.
"""

from __future__ import annotations

from lxml import etree

from agentserver.xmlable.codec import Misfit, quote

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
SCHEMA_LOCATIONS = frozenset({f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"})
"""The attributes that may stand anywhere, and that nothing here heeds."""

# A tag is a str, say the stubs of lxml; that of a comment is the function that makes comments.
REMARKS: tuple[object, ...] = (etree.Comment, etree.ProcessingInstruction)
"""The tags of what does not count."""


def text_among_markup(element: etree._Element) -> str:
    """Give the text of an element that has attributes or children, if these do not count.

    Raises:
        Misfit: They do.
    """
    for name in element.attrib:
        if name not in SCHEMA_LOCATIONS:
            raise Misfit(element, f"attribute {quote(str(name))}", "no attributes")
    parts = [element.text or ""]
    for child in element:
        if child.tag not in REMARKS:
            found = f"element {quote(child.tag)}" if isinstance(child.tag, str) else "an entity"
            raise Misfit(element, found, "text alone")
        parts.append(child.tail or "")
    return "".join(parts)
