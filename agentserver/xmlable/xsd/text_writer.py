"""Texts of an outline as simple types of a schema.

A text's named type carries what is the same wherever it is used: its base, its lexical space and its closed set.
Bounds, lengths and further patterns are written where it is used, around that type. Several patterns must all
match, so each gets a restriction of its own: within one, XSD takes any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

from agentserver.xmlable.outline import Text
from agentserver.xmlable.schema_document import SchemaDocument, append
from agentserver.xmlable.xsd.bounds import is_less

_Facets: TypeAlias = list[tuple[str, str]]


def declare_text(text: Text, declaration: etree._Element, document: SchemaDocument) -> None:
    """Give the type of `text` to `declaration`, an `xs:element` or `xs:attribute`."""
    steps = _steps(text)
    if _needs_a_place(text, steps):
        _define(append(declaration, "simpleType"), text, steps, document)
    else:
        declaration.set("type", _base(text, document))


def type_name_of(text: Text, wish: str, document: SchemaDocument) -> str:
    """Give the qualified name of the type of `text`, called as `wish` when it has no name of its own."""
    steps = _steps(text)
    if not _needs_a_place(text, steps):
        return _base(text, document)
    name, definition = document.open_type((wish, text), wish, "simpleType")
    if definition is not None:
        _define(definition, text, steps, document)
    return document.refer(document, name)


def _needs_a_place(text: Text, steps: list[_Facets]) -> bool:
    return bool(steps) or (not text.name and (text.item is not None or bool(text.any_of)))


def _steps(text: Text) -> list[_Facets]:
    """Give the facets of each restriction around the base, the innermost first."""
    step: _Facets = [(facet, value) for facet, value in _bounds(text) if value]
    further: list[_Facets] = []
    patterns = list(text.patterns)
    if not text.name:
        patterns = ([text.lexical] if text.lexical else []) + patterns
        step += [("enumeration", value) for value in text.values]
    if patterns:
        step.append(("pattern", patterns[0]))
    further += [[("pattern", pattern)] for pattern in patterns[1:]]
    return [facets for facets in (step, *further) if facets]


def _bounds(text: Text) -> Iterator[tuple[str, str]]:
    # XSD forbids an inclusive and an exclusive bound side by side: the tighter one says it all.
    exclusive = bool(text.above) and (not text.at_least or not is_less(text.above, text.at_least))
    yield ("minExclusive", text.above) if exclusive else ("minInclusive", text.at_least)
    exclusive = bool(text.below) and (not text.at_most or not is_less(text.at_most, text.below))
    yield ("maxExclusive", text.below) if exclusive else ("maxInclusive", text.at_most)
    for facet, number in (
        ("totalDigits", text.total_digits),
        ("fractionDigits", text.fraction_digits),
        ("minLength", text.min_length),
        ("maxLength", text.max_length),
    ):
        yield facet, "" if number is None else str(number)


def _base(text: Text, document: SchemaDocument) -> str:
    """Give the name of the named or built-in type below the facets, defining it where need be."""
    if not text.name:
        return f"xs:{text.base}"
    key = (text.name, text.base, text.lexical, text.values, text.any_of, text.item)
    name, definition = document.open_type(key, text.name, "simpleType")
    if definition is not None:
        closed = [("enumeration", value) for value in text.values]
        core = [("pattern", text.lexical), *closed] if text.lexical else closed
        bare = Text(text.noun, text.base, any_of=text.any_of, item=text.item)
        plain = not (text.any_of or text.item)
        _define(definition, bare, [core] if core or plain else [], document)
    return document.refer(document, name)


def _define(simple_type: etree._Element, text: Text, steps: list[_Facets], document: SchemaDocument) -> None:
    """Fill `simple_type` with restrictions, the last step outermost."""
    if not steps:
        _combine(simple_type, text, document)
        return
    *inner, outermost = steps
    restriction = append(simple_type, "restriction")
    if inner or _needs_a_place(text, []):
        _define(append(restriction, "simpleType"), text, inner, document)
    else:
        restriction.set("base", _base(text, document))
    for facet, value in outermost:
        append(restriction, facet, value=value)


def _combine(simple_type: etree._Element, text: Text, document: SchemaDocument) -> None:
    """Fill `simple_type` with a union or a list."""
    if text.item is not None:
        declare = append(simple_type, "list")
        _define_member(declare, text.item, "itemType", document)
    else:
        union = append(simple_type, "union")
        for member in text.any_of:
            _define_member(union, member, "", document)


def _define_member(holder: etree._Element, text: Text, attribute: str, document: SchemaDocument) -> None:
    steps = _steps(text)
    if attribute and not _needs_a_place(text, steps):
        holder.set(attribute, _base(text, document))
        return
    # A union names its members in an attribute before those in place, which would change their order.
    _define(append(holder, "simpleType"), text, steps or [[]], document)
