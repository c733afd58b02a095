"""An example document, made from an outline: one that the contract allows, and that shows what it can hold.

Optional fields are there once, lists have one item or as many as they must, unions are their first member. Where a
record would hold itself without end, what is optional is left out from there on, and the union takes its shortest
member. Values are plain, checked, and the same in every run. A class may still refuse them by checks of its own. What
would be larger than `MOST_ELEMENTS`, or deeper than `MOST_LEVELS`, is refused. Knows outlines, and nothing of what they
were made from; who gives the schema has the whole document checked by it.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.example_check import require_valid
from agentserver.xmlable.example_ends import heights_of
from agentserver.xmlable.example_model import chosen_names
from agentserver.xmlable.example_texts import ExampleTexts
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.outline_walk import prefixes

MAX_ELEMENTS: Final = 400
"""How many elements an example has before what is optional is left out: a foreign outline has no end of them."""

MOST_ELEMENTS: Final = 10_000
"""Most elements of an example: some forty records that each hold the one before twice would be a million millions."""

MOST_LEVELS: Final = 200
"""Most levels that an example must have: libxml2 reads 256 of them, and a message is within an envelope."""

_MAX_LEVELS: Final = 24
_ANY_NAMESPACES: Final = ("urn:example", "urn:example:other")
_DISTINCT: Final = ("set", "frozenset", "dict")


def example(
    root: Field, *, required_only: bool = False, schema: etree.XMLSchema | None = None
) -> etree._Element:
    """Make an example document.

    Args:
        root: The outline of the document.
        required_only: Whether to leave out all that may be absent.
        schema: What the document must be allowed by; None for that of the outline, which allows it anyway.

    Returns:
        A new element, not indented, that the schema allows.

    Raises:
        ContractError: No example is found for a field, or none that the schema allows, or every document would be
            endless, or beyond reason.
    """
    element = _Maker(root, required_only).document()
    if schema is not None:
        require_valid(element, schema)
    return element


def example_text(root: Field, *, required_only: bool = False, schema: etree.XMLSchema | None = None) -> str:
    """Make an example document, as an indented text that ends without a line break; see `example`."""
    element = example(root, required_only=required_only, schema=schema)
    if not any("\n" in (each.text or "") for each in element.iter()):
        etree.indent(element)
        return etree.tostring(element, encoding="unicode")
    # A line break that is a value must not look like one of the layout.
    return etree.tostring(element, encoding="unicode").replace("\n", "&#10;")


class _Maker:
    """Makes one document."""

    __slots__ = ("_count", "_heights", "_ids", "_open", "_required_only", "_root", "_texts")

    def __init__(self, root: Field, required_only: bool) -> None:
        self._root, self._required_only = root, required_only
        self._heights = heights_of(root)
        self._texts = ExampleTexts()
        self._open: list[Content] = []
        self._count = self._ids = 0

    def document(self) -> etree._Element:
        """Make the document."""
        element = etree.Element(self._root.tag, nsmap=prefixes(self._root))
        if not self._ends(self._root.content):
            reason = "it holds itself without end; make one of its fields optional"
            raise ContractError(self._root.local_name, "", reason)
        if self._heights.get(self._root.content, 0) > MOST_LEVELS:
            reason = f"an example needs more than {MOST_LEVELS} levels of elements; make one of them optional"
            raise ContractError(self._root.local_name, "", reason)
        self._fill(self._root, element, 0, closing=False)
        return element

    def _ends(self, content: Content) -> bool:
        return content in self._heights or isinstance(content, Text | Anything)

    def _fill(self, field: Field, element: etree._Element, turn: int, closing: bool) -> None:
        """Fill an element; `closing` says that it shall end as soon as it can."""
        content = field.content
        if isinstance(content, Text):
            element.text = self._text(field, content, turn)
        elif isinstance(content, Anything):
            _add_anything(element, content)
        else:
            closing = closing or content in self._open or len(self._open) > _MAX_LEVELS
            self._open.append(content)
            if isinstance(content, Variants):
                self._add(self._member(content, closing), element, turn, closing)
            else:
                self._fill_record(content, field, element, turn, closing)
            self._open.pop()

    def _text(self, field: Field, text: Text, turn: int) -> str:
        if text.base == "ID":  # no two of them in a document may be the same
            turn, self._ids = self._ids, self._ids + 1
        try:
            return self._texts.text(
                text, turn, word="secret" if field.secret else "text", default=field.default
            )
        except ValueError as exc:
            raise ContractError(self._root.local_name, field.name or field.local_name, str(exc)) from None

    def _member(self, variants: Variants, closing: bool) -> Field:
        """Choose the first member that ends, outside what is open already; the shortest one where there is none."""
        ending = [member for member in variants.members if self._ends(member.content)]
        shortest = min(ending, key=lambda member: self._heights.get(member.content, 0))
        if closing:
            return shortest
        return next((member for member in ending if member.content not in self._open), shortest)

    def _fill_record(
        self, record: Record, field: Field, element: etree._Element, turn: int, closing: bool
    ) -> None:
        if record.text is not None:
            element.text = self._text(field, record.text, turn)
        attributes = [field for field in record.fields if field.attribute]
        elements = [field for field in record.fields if not field.attribute]
        for attribute in attributes:
            if isinstance(attribute.content, Text) and self._times(attribute, closing):
                element.set(attribute.tag, self._text(attribute, attribute.content, turn))
        if record.model:
            minimal = closing or self._required_only
            elements = chosen_names(record.model, elements, minimal, self._goes_on_to, MOST_ELEMENTS + 1)
        for child in elements:
            for number in range(1 if record.model else self._times(child, closing)):
                inner = number if child.many in _DISTINCT else turn
                self._add(child, element, inner, closing)

    def _goes_on_to(self, field: Field) -> bool:
        return self._ends(field.content) and field.content not in self._open

    def _times(self, field: Field, closing: bool) -> int:
        if field.least:
            return field.least
        endless = field.content in self._open or not self._ends(field.content)
        return int(
            not (closing or endless or self._required_only or self._count > MAX_ELEMENTS) and field.most != 0
        )

    def _add(self, field: Field, parent: etree._Element, turn: int, closing: bool) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            remedy = "ask for fewer items, or make fields optional"
            reason = f"an example needs more than {MOST_ELEMENTS:,} elements; {remedy}"
            raise ContractError(self._root.local_name, field.name or field.local_name, reason)
        self._fill(field, etree.SubElement(parent, field.tag), turn, closing)


def _add_anything(element: etree._Element, content: Anything) -> None:
    """Add an element of a namespace that is allowed, in which no schema knows it."""
    listed = content.namespaces.split()
    if listed[:1] == ["##other"]:
        namespace = next(each for each in _ANY_NAMESPACES if each not in listed)
    else:
        namespace = _ANY_NAMESPACES[0] if listed == ["##any"] or not listed else listed[0]
    if namespace == "##local":
        etree.SubElement(element, "example")
    else:
        etree.SubElement(element, f"{{{namespace}}}example", nsmap={None: namespace})  # type: ignore[dict-item]
