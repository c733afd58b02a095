"""Complex types of a schema, with all that they inherit.

Takes an `xs:complexType`, gives its content model, attributes and text as one `Shape`: the particles of what it
extends come before its own, what it restricts is replaced by its own, attribute groups are resolved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agentserver.xmlable.outline import Text
from agentserver.xmlable.schema_document import XML, XS
from agentserver.xmlable.xsd.definitions import Component, Definitions
from agentserver.xmlable.xsd.particles import EMPTY, MODELS, Compound, Particle, Particles
from agentserver.xmlable.xsd.simple_types import SimpleTypes, built_in, narrowed


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute called `tag`. `place` is where it is used, `declaration` where it is declared, if that is known."""

    tag: str
    place: Component
    declaration: Component


@dataclass(slots=True)
class Shape:
    """What a complex type holds.

    Attributes:
        model: Its elements.
        attributes: Its attributes, by name in Clark notation.
        text: Its text, for simple content.
        mixed: Whether text stands between its elements.
        any_attribute: Of which namespaces it takes attributes that it does not name; empty for none.
        anything: Whether it takes all there is, as `xs:anyType`.
    """

    model: Particle = EMPTY
    attributes: dict[str, Attribute] = field(default_factory=dict)
    text: Text | None = None
    mixed: bool = False
    any_attribute: str = ""
    anything: bool = False


class ComplexTypes:
    """Reads complex types, each once.

    Args:
        definitions: What they may refer to.
        simple_types: Reads the simple types among these.
    """

    __slots__ = ("_definitions", "_known", "_particles", "_simple_types")

    def __init__(self, definitions: Definitions, simple_types: SimpleTypes) -> None:
        self._definitions, self._simple_types = definitions, simple_types
        self._particles = Particles(definitions)
        self._known: dict[Component, Shape] = {}

    def shape(self, component: Component) -> Shape:
        """Read an `xs:complexType`."""
        if component not in self._known:
            self._known[component] = Shape()  # should it, against all rules, derive from itself
            self._known[component] = self._read(component)
        return self._known[component]

    def _read(self, component: Component) -> Shape:
        content = component.child("simpleContent", "complexContent")
        mixed = _is_true(component, "mixed")
        if content is None:
            made = Shape(self._model(component), mixed=mixed)
            self._add_attributes(made, component)
            return made
        derivation = content.child("extension", "restriction")
        if derivation is None:
            return Shape(mixed=mixed)
        base = self._base(derivation)
        if content.name == "simpleContent":
            made = Shape(attributes=dict(base.attributes), any_attribute=base.any_attribute)
            made.text = self._text(base, derivation)
        else:
            made = self._derived(base, derivation)
            made.mixed = _is_true(content, "mixed") if "mixed" in content.node.attrib else mixed
        self._add_attributes(made, derivation)
        return made

    def _derived(self, base: Shape, derivation: Component) -> Shape:
        own = self._model(derivation)
        made = Shape(own, dict(base.attributes), mixed=base.mixed)
        if derivation.name == "extension":
            made.model = Compound("sequence", (base.model, own))
            made.any_attribute, made.anything = base.any_attribute, base.anything
        return made

    def _base(self, derivation: Component) -> Shape:
        clark = derivation.clark(derivation.node.get("base", ""))
        if clark == f"{{{XS}}}anyType":
            return Shape(anything=derivation.name == "extension")
        if clark.startswith(f"{{{XS}}}"):
            return Shape(text=self._simple_types.named(derivation, "base"))
        found = self._definitions.get(["complexType", "simpleType"], derivation, "base")
        if found.name == "simpleType":
            return Shape(text=self._simple_types.text(found))
        return self.shape(found)

    def _text(self, base: Shape, derivation: Component) -> Text:
        inner = derivation.child("simpleType")
        text = self._simple_types.text(inner) if inner is not None else base.text
        if text is None:  # a restriction of mixed content that must say its type, but does not
            return built_in("string")
        return narrowed(text, derivation) if derivation.name == "restriction" else text

    def _model(self, holder: Component) -> Particle:
        model = holder.child(*MODELS)
        return EMPTY if model is None else self._particles.of(model)

    def _add_attributes(self, made: Shape, holder: Component) -> None:
        holders = [holder]
        for each in holders:
            self._add_own_attributes(made, each, holders)

    def _add_own_attributes(self, made: Shape, holder: Component, holders: list[Component]) -> None:
        """Add the attributes of a type or group, and to `holders` the groups that it refers to."""
        for child in holder.children():
            if child.name == "anyAttribute":
                made.any_attribute = _wildcard(child)
            elif child.name == "attributeGroup":
                group = self._definitions.get(["attributeGroup"], child, "ref")
                if group not in holders:
                    holders.append(group)
            elif child.name == "attribute":
                self._add_attribute(made, child)

    def _add_attribute(self, made: Shape, place: Component) -> None:
        declaration, tag = place, place.tag
        if "ref" in place.node.attrib:
            tag = place.clark(place.node.get("ref", ""))
            known = self._definitions.find(["attribute"], tag)
            if known is None and not tag.startswith(f"{{{XML}}}"):  # xml:lang may go without a definition
                known = self._definitions.require(["attribute"], tag)
            declaration = known or place
            tag = known.tag if known else tag
        if place.node.get("use") == "prohibited":
            made.attributes.pop(tag, None)
        else:
            made.attributes[tag] = Attribute(tag, place, declaration)


def _is_true(component: Component, attribute: str) -> bool:
    return component.node.get(attribute, "").strip() in ("true", "1")


def _wildcard(any_attribute: Component) -> str:
    namespaces = " ".join(any_attribute.node.get("namespace", "##any").split())
    own = f" than {any_attribute.namespace or 'none'}" if namespaces == "##other" else ""
    return f"{namespaces}{own}, {any_attribute.node.get('processContents', 'strict')}"
