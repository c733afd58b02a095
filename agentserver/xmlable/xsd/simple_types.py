"""Simple types of a schema as texts of an outline.

A chain of restrictions becomes one `Text`: the tightest of each facet, one pattern for each link of the chain. The
name is that of the last named type of the chain; what the chain says up to a type that restricts a built-in one by
one pattern or to a closed set is that type's own, as `text_writer` writes it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from agentserver.xmlable.codec import quote
from agentserver.xmlable.outline import Text
from agentserver.xmlable.schema_document import XS
from agentserver.xmlable.xsd.definitions import Component, Definitions

_NOUNS: Final = MappingProxyType({"string": "str", "boolean": "bool", "anySimpleType": "any text"})
_BOUNDS: Final = MappingProxyType(
    {
        "minInclusive": ("at_least", "above"),
        "minExclusive": ("above", "at_least"),
        "maxInclusive": ("at_most", "below"),
        "maxExclusive": ("below", "at_most"),
    }
)
_COUNTS: Final = MappingProxyType(
    {
        "length": ("min_length", "max_length"),
        "minLength": ("min_length",),
        "maxLength": ("max_length",),
        "totalDigits": ("total_digits",),
        "fractionDigits": ("fraction_digits",),
    }
)
_WHITE_SPACE: Final = MappingProxyType({"collapse": "token", "replace": "normalizedString"})
_LISTED_VALUES: Final = 8


def built_in(name: str) -> Text:
    """Give the text of an XSD built-in type, by its local name."""
    return Text(_NOUNS.get(name, name), name)


class SimpleTypes:
    """Reads simple types, each once.

    Args:
        definitions: What they may refer to.
    """

    __slots__ = ("_definitions", "_known")

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._known: dict[Component, Text] = {}

    def named(self, place: Component, attribute: str) -> Text:
        """Read the type that an attribute of `place` names."""
        clark = place.clark(place.node.get(attribute, ""))
        if clark.startswith(f"{{{XS}}}"):
            return built_in(clark[len(XS) + 2 :])
        return self.text(self._definitions.get(["simpleType"], place, attribute))

    def text(self, component: Component) -> Text:
        """Read an `xs:simpleType`."""
        if component not in self._known:
            self._known[component] = built_in("anySimpleType")  # should it, against all rules, contain itself
            self._known[component] = self._read(component)
        return self._known[component]

    def _read(self, component: Component) -> Text:
        name = component.node.get("name", "")
        content = component.child("restriction", "list", "union")
        if content is None:
            return built_in("anySimpleType")
        if content.name == "restriction":
            inner = content.child("simpleType")
            base = self.text(inner) if inner is not None else self.named(content, "base")
            return narrowed(base, content, name)
        if content.name == "list":
            inner = content.child("simpleType")
            item = self.text(inner) if inner is not None else self.named(content, "itemType")
            return Text(name or f"words, each {item.noun}", "anySimpleType", name=name, item=item)
        members = self._members(content)
        noun = name or " or ".join(member.noun for member in members)
        return Text(noun, "anySimpleType", name=name, any_of=members)

    def _members(self, union: Component) -> tuple[Text, ...]:
        names = union.node.get("memberTypes", "").split()
        inner = [self.text(child) for child in union.children() if child.name == "simpleType"]
        return (*(self._member(union, name) for name in names), *inner)

    def _member(self, union: Component, name: str) -> Text:
        clark = union.clark(name)
        if clark.startswith(f"{{{XS}}}"):
            return built_in(clark[len(XS) + 2 :])
        return self.text(self._definitions.require(["simpleType"], clark))


def narrowed(base: Text, restriction: Component, name: str = "") -> Text:
    """Give `base` with the facets of an `xs:restriction`, as the type called `name`, if it has a name."""
    patterns: list[str] = []
    values: list[str] = []
    facets: dict[str, Any] = {}
    for child in restriction.children():
        value = child.node.get("value", "")
        if child.name == "pattern":
            patterns.append(value)
        elif child.name == "enumeration":
            values.append(value)
        elif child.name == "whiteSpace":
            facets |= _white_space(base, value)
        else:
            facets |= _facet(child.name, value)
    pattern = patterns[0] if len(patterns) == 1 else "|".join(f"({pattern})" for pattern in patterns)
    is_first = bool(name) and base == built_in(base.base)
    if is_first and not facets:
        made = replace(base, name=name, lexical=pattern, values=tuple(values))
    else:
        made = _further(base, name, pattern, tuple(values), facets)
    return replace(made, noun=_noun(made))


def _further(base: Text, name: str, pattern: str, values: tuple[str, ...], facets: dict[str, Any]) -> Text:
    """Give `base` with more facets: what changes a named type's own takes its name away."""
    own = name != "" or values != ()
    patterns = base.patterns + ((pattern,) if pattern else ())
    if own:
        patterns = ((base.lexical,) if base.lexical else ()) + patterns
        return replace(base, name=name, lexical="", values=values or base.values, patterns=patterns, **facets)
    return replace(base, patterns=patterns, **facets)


def _facet(name: str, value: str) -> dict[str, Any]:
    if name in _BOUNDS:
        bound, other = _BOUNDS[name]
        return {bound: value, other: ""}
    return {attribute: int(value) for attribute in _COUNTS.get(name, ())}


def _white_space(base: Text, value: str) -> dict[str, Any]:
    """Give the built-in type that has this white space, for a string: no other type can choose."""
    return {"base": _WHITE_SPACE.get(value, base.base)} if base.base in ("string", "normalizedString") else {}


def _noun(text: Text) -> str:
    name = text.name or ("Literal" if text.values else "")
    if text.values:
        listed = ", ".join(quote(value) for value in islice(text.values, _LISTED_VALUES))
        return f"{name} (one of {listed}{', …' if len(text.values) > _LISTED_VALUES else ''})"
    if text.item is not None or text.any_of:
        return name or text.noun
    return name or built_in(text.base).noun
