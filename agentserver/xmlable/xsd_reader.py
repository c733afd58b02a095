"""From an XSD to an outline: our own schemas and those that nobody here wrote.

Takes `xs:schema` elements that together are one schema, gives the `Field` of one of its global elements. Each type is
read once, and all that refer to it share its record. Names of fields are local names; repeated ones are lists.

What an outline cannot say exactly is described as near as possible, and `Record.model` says the rest: a choice beside
other elements, a repeated group, `xs:all`, an element in two places of a sequence (their elements become fields, in
the order of the schema, optional where they may be absent); a choice that several elements hold, since whoever words
unions in place would never end; mixed content; wildcards among elements, and attributes
of any name (left out). An abstract type is read as it stands; `xsi:type`, `xs:key`, `xs:keyref` and the default of an
element are not looked at. A fixed value is a closed set of one. Knows no dataclasses, and opens no files.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.codec import quote
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.schema_document import XS
from agentserver.xmlable.xsd import shorthand
from agentserver.xmlable.xsd.annotations import documentation, is_secret
from agentserver.xmlable.xsd.complex_types import Attribute, ComplexTypes, Shape
from agentserver.xmlable.xsd.content_model import is_choice, is_sequence, notation, simplified, slots
from agentserver.xmlable.xsd.definitions import Component, Definitions
from agentserver.xmlable.xsd.particles import Leaf, Particle, Wildcard
from agentserver.xmlable.xsd.recursion import recursive_contents
from agentserver.xmlable.xsd.simple_types import SimpleTypes, built_in

_LISTED_NAMES: Final = 8


def read_outline(documents: Sequence[etree._Element], root: str) -> Field:
    """Read what an element of a schema looks like.

    Args:
        documents: The `xs:schema` elements of the schema, with all that they include and import.
        root: The global element, in Clark notation.

    Returns:
        Its outline. That of a recursive type refers to itself.

    Raises:
        ContractError: There is no such element, or the schema refers to what none of the documents defines, or it is
            no valid schema, or one beyond reason.
    """
    definitions = Definitions(documents, root.rpartition("}")[2])
    declaration = definitions.find(["element"], root)
    if declaration is None or declaration.tag != root:
        names = definitions.elements()
        listed = ", ".join(names[:_LISTED_NAMES]) + (", …" if len(names) > _LISTED_NAMES else "")
        raise ContractError(root, "", f"is no global element of the schema; it has {listed or 'none'}")
    try:
        return _Reader(definitions).root(declaration)
    except ValueError as exc:
        raise ContractError(root, "", f"its schema is not valid: {exc}") from exc
    except RecursionError:
        reason = "its types derive from one another too deeply; take out levels"
        raise ContractError(root, "", reason) from None


class _Reader:
    """Makes one outline."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._simple_types = SimpleTypes(definitions)
        self._complex_types = ComplexTypes(definitions, self._simple_types)
        self._contents: dict[Component, Record | Variants | Anything] = {}
        self._incomplete: deque[tuple[Record | Variants, Shape, Particle]] = deque()
        self._made: list[Record | Variants] = []
        self._fields: list[Field] = []
        self._unions: dict[Variants, Record] = {}
        self._dicts: set[Content] = set()

    def root(self, declaration: Component) -> Field:
        """Read the outline of a global element, and complete all records that it leads to."""
        field = self._element(Leaf(declaration, declaration))
        while (
            self._incomplete
        ):  # not recursion: the types of a foreign schema refer to each other hundreds deep
            content, shape, model = self._incomplete.popleft()
            if isinstance(content, Variants):
                content.members += [self._element(slot.leaf) for slot in slots(model)]
            else:
                content.fields += [self._element(slot.leaf, slot.least, slot.most) for slot in slots(model)]
                content.fields += map(self._attribute, shape.attributes.values())
            self._made.append(content)
        held = Counter(each.content for each in self._fields if isinstance(each.content, Record | Variants))
        self._open_unions({content for content, count in held.items() if count > 1})
        circular = recursive_contents(field)
        for content in reversed(self._made):  # what is in a record was made after it
            if content not in circular:  # whoever words collections in place would never end
                shorthand.recognise(content, has_unique_keys=content in self._dicts)
        return field

    def _open_unions(self, shared: set[Content]) -> None:
        """Make records of the unions that several elements hold."""
        opened = {union: record for union, record in self._unions.items() if union in shared}
        for union, record in opened.items():
            record.fields += [replace(member, least=0) for member in union.members]
            self._fields += record.fields
        for field in self._fields:
            if isinstance(field.content, Variants) and field.content in opened:
                field.content = opened[field.content]

    def _element(self, leaf: Leaf, least: int = 1, most: int | None = 1) -> Field:
        place, declaration = leaf.place.node, leaf.declaration.node
        content = self._content(leaf.declaration)
        if shorthand.has_unique_keys(declaration):
            self._dicts.add(content)
        made = Field(
            leaf.tag,
            self._fixed(content, declaration.get("fixed")),
            name=leaf.tag.rpartition("}")[2],
            least=least,
            most=most,
            many="" if most == 1 else "list",
            doc=documentation(place) or documentation(declaration),
            secret=is_secret(place) or is_secret(declaration),
            nillable=declaration.get("nillable") in ("true", "1"),
        )
        self._fields.append(made)
        return made

    def _attribute(self, attribute: Attribute) -> Field:
        place, declaration = attribute.place.node, attribute.declaration.node
        fixed = place.get("fixed", declaration.get("fixed"))
        required = place.get("use") == "required"
        content = self._fixed(self._attribute_text(attribute.declaration), fixed)
        return Field(
            attribute.tag,
            content,
            name=attribute.tag.rpartition("}")[2],
            attribute=True,
            least=int(required),
            default=None if required else place.get("default", declaration.get("default", fixed)),
            doc=documentation(place) or documentation(declaration),
            secret=is_secret(place) or is_secret(declaration),
        )

    def _attribute_text(self, declaration: Component) -> Text:
        if "type" in declaration.node.attrib:
            return self._simple_types.named(declaration, "type")
        inner = declaration.child("simpleType")
        if inner is not None:
            return self._simple_types.text(inner)
        return built_in("anySimpleType" if "name" in declaration.node.attrib else "string")

    def _fixed(self, content: Content, fixed: str | None) -> Content:
        """Give `content` with one value alone."""
        if fixed is None:
            return content
        if isinstance(content, Text):
            return replace(content, name="", values=(fixed,), noun=quote(fixed))
        if isinstance(content, Record) and content.text is not None:
            text = replace(content.text, name="", values=(fixed,), noun=quote(fixed))
            return Record(content.kind, "", content.noun, content.fields, content.doc, text, content.model)
        return content

    def _content(self, declaration: Component, heads: tuple[str, ...] = ()) -> Content:
        """Give what is in an element; a record, if it is one, perhaps yet to be completed.

        Args:
            declaration: The element.
            heads: What it stands for, when its type is asked for by what stands for it in turn.
        """
        if "type" in declaration.node.attrib:
            clark = declaration.clark(declaration.node.get("type", ""))
            if clark == f"{{{XS}}}anyType":
                return Record("class", noun="anything", model="ANY")
            if clark.startswith(f"{{{XS}}}"):
                return built_in(clark[len(XS) + 2 :])
            return self._type(self._definitions.get(["complexType", "simpleType"], declaration, "type"))
        inner = declaration.child("complexType", "simpleType")
        if inner is not None:
            return self._type(inner)
        head = declaration.clark(declaration.node.get("substitutionGroup", "").partition(" ")[0])
        if head and head not in heads:
            return self._content(self._definitions.require(["element"], head), (*heads, head))
        return Record("class", noun="anything", model="ANY")

    def _type(self, component: Component) -> Content:
        if component.name == "simpleType":
            return self._simple_types.text(component)
        if component not in self._contents:
            self._contents[component] = self._new(component)
        return self._contents[component]

    def _new(self, component: Component) -> Record | Variants | Anything:
        """Give the content of a complex type, without its fields."""
        shape = self._complex_types.shape(component)
        model = simplified(shape.model)
        is_plain = not (shape.attributes or shape.any_attribute or shape.mixed or shape.anything)
        doc = documentation(component.node)
        if is_plain and isinstance(model, Wildcard) and model.least == model.most == 1 and not doc:
            return Anything(namespaces=model.namespaces, check=model.check)
        name = component.node.get("name", "")
        record = Record(
            "class",
            name,
            name or _holder_name(component),
            doc=doc,
            text=shape.text,
            model=_rest(shape, model),
        )
        made: Record | Variants = record
        if is_plain and is_choice(model):
            made = Variants(doc=doc)
            self._unions[made] = record
        self._incomplete.append((made, shape, model))
        return made


def _holder_name(component: Component) -> str:
    holder = component.node.getparent()
    return "" if holder is None else holder.get("name", "")


def _rest(shape: Shape, model: Particle) -> str:
    """Write what fields cannot say of a complex type; nothing when they say it all."""
    if shape.anything:
        return "ANY"
    if is_sequence(model) and not shape.mixed and not shape.any_attribute:
        return ""
    text = "" if shape.text is not None else notation(model)
    if shape.mixed:
        text = f"text among {text}"
    return f"{text} and attributes of {shape.any_attribute}".strip() if shape.any_attribute else text
