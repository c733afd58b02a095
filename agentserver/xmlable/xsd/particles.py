"""The content model of an XSD, as a tree of its own.

Elements, wildcards, and sequences, choices and `xs:all` of these, each with how often it may stand there. References
to groups are resolved, and an element that others may be substituted for becomes a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, cast

from agentserver.xmlable.xsd.definitions import Component, Definitions


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element. `place` is where it is named, `declaration` where it is declared: the same for a local one."""

    place: Component
    declaration: Component
    least: int = 1
    most: int | None = 1

    @property
    def tag(self) -> str:
        """Its name in Clark notation."""
        return self.declaration.tag


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Any element of some namespaces, as `xs:any` says them."""

    namespaces: str
    check: Literal["skip", "lax", "strict"]
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Compound:
    """Several particles: all in this order, one of them, or all in any order."""

    kind: Literal["sequence", "choice", "all"]
    parts: tuple[Particle, ...] = ()
    least: int = 1
    most: int | None = 1


Particle: TypeAlias = Leaf | Wildcard | Compound

EMPTY = Compound("sequence")
"""No elements at all."""

MODELS = ("sequence", "choice", "all", "group")
"""What the content model of a complex type may begin with."""


MAX_PARTICLES: Final = 10_000
"""Most particles of one type: groups that refer to groups twice each are, 30 deep, a billion."""


class Particles:
    """Makes the particles of content models.

    Args:
        definitions: What these may refer to.
    """

    __slots__ = ("_count", "_definitions")

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._count = 0

    def of(self, component: Component) -> Particle:
        """Make the particle of an `xs:element`, `xs:any`, `xs:group`, `xs:sequence`, `xs:choice` or `xs:all`.

        Raises:
            ValueError: It has more than `MAX_PARTICLES`.
        """
        self._count = 0
        return self._make(component, ())

    def _make(self, component: Component, within: tuple[Component, ...]) -> Particle:
        """Make a particle within some groups; a group within itself, which no valid schema has, is left out."""
        self._count += 1
        if self._count > MAX_PARTICLES:
            raise ValueError(f"a content model has more than {MAX_PARTICLES} parts")
        made: Particle = EMPTY
        if component.name == "element":
            made = _element(component, self._definitions)
        elif component.name == "any":
            made = _wildcard(component)
        elif component.name == "group":
            group = self._definitions.get(["group"], component, "ref")
            model = group.child(*MODELS)
            if model is not None and group not in within:
                made = Compound("sequence", (self._make(model, (*within, group)),))
        elif component.name in ("sequence", "choice", "all"):
            kind = cast(Literal["sequence", "choice", "all"], component.name)
            made = Compound(kind, tuple(self._make(part, within) for part in component.children()))
        return _repeated(made, component)


def _wildcard(component: Component) -> Wildcard:
    namespaces = " ".join(component.node.get("namespace", "##any").split())
    if namespaces == "##other":
        namespaces = f"##other {component.namespace}".strip()
    check = component.node.get("processContents", "strict")
    return Wildcard(namespaces, cast(Literal["skip", "lax", "strict"], check))


def _element(component: Component, definitions: Definitions) -> Particle:
    if "ref" not in component.node.attrib:
        return Leaf(component, component)
    declaration = definitions.get(["element"], component, "ref")
    substitutes = [Leaf(other, other) for other in definitions.substitutes(declaration.tag)]
    if not substitutes:
        return Leaf(component, declaration)
    everyone = [Leaf(component, declaration), *substitutes]
    concrete = [leaf for leaf in everyone if leaf.declaration.node.get("abstract") not in ("true", "1")]
    return Compound("choice", tuple(concrete))


def _repeated(made: Particle, component: Component) -> Particle:
    least, most = component.node.get("minOccurs", "1"), component.node.get("maxOccurs", "1")
    return replace(made, least=int(least), most=None if most.strip() == "unbounded" else int(most))
