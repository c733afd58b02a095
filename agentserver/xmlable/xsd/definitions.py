"""What a set of schema documents defines, by kind and name.

Takes `xs:schema` elements that together are one schema, includes and imports being among them. A document without a
target namespace may be included by one that has one, and then counts as that one's; so what is not found in a
namespace is looked for in none. Raises `ContractError` for a name that nothing defines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.schema_document import XS

_REFERABLE: Final = ("element", "attribute", "complexType", "simpleType", "group", "attributeGroup")


def local_name(node: etree._Element) -> str:
    """Give the local name of an XSD element; empty for a comment and for what is of another namespace."""
    tag = node.tag
    return tag[len(XS) + 2 :] if isinstance(tag, str) and tag.startswith(f"{{{XS}}}") else ""


@dataclass(frozen=True, slots=True)
class Component:
    """A declaration or definition, with what it takes from its document.

    Attributes:
        node: The element of the schema.
        namespace: The target namespace.
        elements_qualified: Whether local elements are in it, unless they say otherwise.
        attributes_qualified: Whether local attributes are.
    """

    node: etree._Element
    namespace: str
    elements_qualified: bool
    attributes_qualified: bool

    def within(self, node: etree._Element) -> Component:
        """Give what stands in the same document."""
        return replace(self, node=node)

    def children(self) -> Iterator[Component]:
        """Give the XSD elements directly below, without annotations."""
        for child in self.node:
            if local_name(child) not in ("", "annotation"):
                yield self.within(child)

    def child(self, *names: str) -> Component | None:
        """Give the first child called one of `names`."""
        return next((child for child in self.children() if child.name in names), None)

    @property
    def name(self) -> str:
        """The local name of the XSD element: `complexType`."""
        return local_name(self.node)

    @property
    def tag(self) -> str:
        """The name, in Clark notation, of the element or attribute that is declared here."""
        name = self.node.get("name", "")
        qualified = self.elements_qualified if self.name == "element" else self.attributes_qualified
        form = self.node.get("form")
        parent = self.node.getparent()
        is_global = parent is None or local_name(parent) in ("schema", "redefine")
        if self.namespace and (is_global or form == "qualified" or (form is None and qualified)):
            return f"{{{self.namespace}}}{name}"
        return name

    @property
    def _document(self) -> etree._Element:
        return self.node.getroottree().getroot()

    def clark(self, qualified_name: str) -> str:
        """Give a QName of this place in Clark notation."""
        prefix, _, name = qualified_name.strip().rpartition(":")
        namespace = self.node.nsmap.get(prefix or None)
        if prefix == "xml":
            namespace = "http://www.w3.org/XML/1998/namespace"
        if not prefix and namespace is None and not self._document.get("targetNamespace"):
            namespace = self.namespace  # that of the document which includes this one, if one does
        return f"{{{namespace}}}{name}" if namespace else name


class Definitions:
    """The global components of a schema.

    Args:
        documents: Its `xs:schema` elements.
        subject: What errors call the schema.
    """

    __slots__ = ("_by_name", "_original", "_subject", "_substitutes")

    def __init__(self, documents: Sequence[etree._Element], subject: str) -> None:
        self._subject = subject
        self._by_name: dict[tuple[str, str], Component] = {}
        self._original: dict[tuple[str, str], Component] = {}
        self._substitutes: dict[str, list[Component]] = {}
        for document in documents:
            self._index(component_of(document))
        for document in documents:
            for node in document.iterchildren(f"{{{XS}}}redefine"):
                self._index(component_of(document).within(node))
        for (kind, _), component in self._by_name.items():
            head = component.node.get("substitutionGroup", "") if kind == "element" else ""
            for name in head.split():
                self._substitutes.setdefault(component.clark(name), []).append(component)

    def _index(self, holder: Component) -> None:
        for component in holder.children():
            if component.name in _REFERABLE and "name" in component.node.attrib:
                name = component.node.get("name", "")
                key = component.name, f"{{{holder.namespace}}}{name}" if holder.namespace else name
                if key in self._by_name:
                    self._original[key] = self._by_name[key]
                self._by_name[key] = component

    def find(self, kinds: Sequence[str], clark: str) -> Component | None:
        """Give the component called `clark`, if there is one of one of the `kinds`."""
        namespace, _, name = clark[1:].rpartition("}") if clark.startswith("{") else ("", "", clark)
        for kind in kinds:
            if (kind, clark) in self._by_name:
                return self._by_name[kind, clark]
        for kind in kinds:
            if (kind, name) in self._by_name and namespace:
                return replace(self._by_name[kind, name], namespace=namespace)
        return None

    def get(self, kinds: Sequence[str], place: Component, attribute: str) -> Component:
        """Give what an attribute of `place` refers to.

        Raises:
            ContractError: There is no such component.
        """
        clark = place.clark(place.node.get(attribute, ""))
        found = self.require(kinds, clark)
        if attribute != "type" and found.node in place.node.iterancestors():
            return self._original.get((found.name, clark), found)  # what xs:redefine derives from
        return found

    def require(self, kinds: Sequence[str], clark: str) -> Component:
        """Give the component called `clark`.

        Raises:
            ContractError: There is none of any of the `kinds`.
        """
        found = self.find(kinds, clark)
        if found is None:
            reason = (
                f"the schema refers to {clark}, which none of its documents defines; add the one that does"
            )
            raise ContractError(self._subject, "", reason)
        return found

    def substitutes(self, clark: str) -> Iterator[Component]:
        """Give the elements that may stand for the one called `clark`, and those that may stand for these."""
        seen, names = {clark}, [clark]
        for name in names:
            for component in self._substitutes.get(name, ()):
                if component.tag not in seen:
                    seen.add(component.tag)
                    names.append(component.tag)
                    yield component

    def elements(self) -> list[str]:
        """Give the names of all global elements."""
        return [name for kind, name in self._by_name if kind == "element"]


def component_of(document: etree._Element) -> Component:
    """Give an `xs:schema` element as what its declarations stand in."""
    return Component(
        document,
        document.get("targetNamespace", ""),
        document.get("elementFormDefault") == "qualified",
        document.get("attributeFormDefault") == "qualified",
    )
