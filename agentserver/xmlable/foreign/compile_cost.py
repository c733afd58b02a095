"""How much work a schema is for libxml2, counted before libxml2 begins.

A small file can take libxml2 for hours: groups that refer to groups twice each, forty deep; thousands of elements in
a row that may all be absent; long chains of types that extend one another. libxml2 makes an automaton of each content
model, of one state between two elements, and its work grows with the square of the elements that may come next at
each. That sum is found here without writing the model out: each group is counted once.

Takes the `xs:schema` elements of a schema; raises `TooMuchError`. What is wrong with the schema otherwise is for
libxml2 to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.schema_document import XS
from agentserver.xmlable.xsd.definitions import Component, Definitions, component_of
from agentserver.xmlable.xsd.particles import MODELS

MAX_PARTS: Final = 1_000_000
"""Most elements, wildcards and attributes of all types together, groups and inherited ones written out."""

MAX_STEPS: Final = 300_000_000
"""Most looks at what may come next: libxml2 takes about 200 million in a second."""

_DERIVATIONS: Final = ("extension", "restriction")
_PARTICLES: Final = ("element", "any", *MODELS)


class TooMuchError(Exception):
    """A schema would take libxml2 too long; the text says why."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a content model costs.

    Attributes:
        parts: Its elements and wildcards, and the groups among them.
        first: How many elements may begin it.
        empty: Whether it may be empty.
        steps: The sum of squares at the states behind which something must come.
        open: How many states there are behind which nothing need come, so that what comes next adds to them.
        reach: The sum of what may come next at these.
        squares: The sum of the squares of that.
    """

    parts: int = 0
    first: int = 0
    empty: bool = True
    steps: int = 0
    open: int = 0
    reach: int = 0
    squares: int = 0

    def before(self, following: int) -> _Cost:
        """Give the same, with so many elements that may come next."""
        reach = self.reach + self.open * following
        squares = self.squares + 2 * following * self.reach + self.open * following**2
        return _Cost(self.parts, self.first, self.empty, self.steps, self.open, reach, squares)

    @property
    def total(self) -> int:
        """All steps, when nothing comes next."""
        return self.steps + self.squares + self.first**2


_NOTHING: Final = _Cost()


def require_compilable(documents: Sequence[etree._Element]) -> None:
    """Raise `TooMuchError` if a schema would take libxml2 too long.

    Args:
        documents: The `xs:schema` elements of the schema, all of them.
    """
    counter = _Counter(Definitions(documents, "schema"))
    try:
        counter.count(documents)
    except RecursionError:
        raise TooMuchError("its types or groups refer to one another too deeply; take out levels") from None


class _Counter:
    """Counts one schema."""

    __slots__ = ("_definitions", "_known", "_parts", "_steps", "_substitutes")

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._known: dict[Component, _Cost] = {}
        self._substitutes: dict[str, int] = {}
        self._parts = self._steps = 0

    def count(self, documents: Iterable[etree._Element]) -> None:
        """Add up the types."""
        for document in documents:
            holder = component_of(document)
            for node in document.iter(f"{{{XS}}}pattern"):
                self._add_steps(_pattern_steps(node.get("value", "")), "a pattern")
            for node in document.iter(f"{{{XS}}}complexType"):
                cost = self._type(holder.within(node))
                self._parts += cost.parts
                name = node.get("name") or "a type without a name"
                if self._parts > MAX_PARTS:
                    reason = f"with {name} its types have more than {MAX_PARTS:,} elements and attributes"
                    raise TooMuchError(f"{reason}, groups written out; let fewer groups refer to groups")
                self._add_steps(cost.total, name)

    def _add_steps(self, steps: int, name: str) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            reason = f"with {name} its content models and patterns take too long to compile"
            raise TooMuchError(f"{reason}; let fewer parts in a row be optional")

    def _type(self, component: Component) -> _Cost:
        """Count a complex type, with what it inherits."""
        if component in self._known:
            return self._known[component]
        self._known[component] = _NOTHING  # should it derive from itself, which libxml2 will say
        content = component.child("simpleContent", "complexContent")
        derivation = content.child(*_DERIVATIONS) if content is not None else None
        own = self._own(derivation or component)
        if derivation is not None and derivation.name == "extension":
            own = _row([self._referred(["complexType"], derivation, "base"), own])
        self._known[component] = own
        return own

    def _own(self, holder: Component) -> _Cost:
        models = [self._particle(child) for child in holder.children() if child.name in MODELS]
        return _row([*models, _Cost(parts=self._attributes(holder))])

    def _attributes(self, holder: Component) -> int:
        own = 0
        for child in holder.children():
            if child.name == "attributeGroup":
                own += 1 + self._referred(["attributeGroup"], child, "ref").parts
            own += child.name == "attribute"
        return own

    def _referred(self, kinds: Sequence[str], place: Component, attribute: str) -> _Cost:
        """Count the type or group that an attribute of `place` refers to; nothing when there is none."""
        try:
            found = self._definitions.get(kinds, place, attribute)
        except ContractError:
            return _NOTHING
        if found.name == "complexType":
            return self._type(found)
        if found not in self._known:
            self._known[found] = _NOTHING
            self._known[found] = self._own(found)
        return self._known[found]

    def _particle(self, component: Component) -> _Cost:
        if component.name == "element":
            count = 1 + self._substitutes_of(component)
            made = _Cost(parts=count, first=count, empty=False)
        elif component.name == "any":
            made = _Cost(parts=1, first=1, empty=False)
        elif component.name == "group":
            found = self._referred(["group"], component, "ref")
            made = _row([found, _Cost(parts=1)])
        else:
            parts = [self._particle(part) for part in component.children() if part.name in _PARTICLES]
            made = _row(parts) if component.name == "sequence" else _fork(parts, component.name == "all")
        return _repeated(made, component)

    def _substitutes_of(self, component: Component) -> int:
        if "ref" not in component.node.attrib:
            return 0
        clark = component.clark(component.node.get("ref", ""))
        if clark not in self._substitutes:
            self._substitutes[clark] = sum(1 for _ in self._definitions.substitutes(clark))
        return self._substitutes[clark]


def _pattern_steps(pattern: str) -> int:
    """Count what a pattern costs whose parts may all be absent; each state of it looks at all that come behind."""
    return (pattern.count("?") + pattern.count("*") + pattern.count("{0")) ** 3


def _row(parts: Sequence[_Cost]) -> _Cost:
    """Count parts after one another, from the last to the first."""
    whole = _NOTHING
    for part in reversed(parts):
        if part.first == 0:
            whole = _sum([whole, part], whole.first, whole.empty)
            continue
        following = whole.first
        behind = _Cost(open=1, reach=following, squares=following**2) if whole.parts else _NOTHING
        states = _sum([part.before(following), behind], part.first, part.empty)
        if not whole.empty:
            states = _closed(states)
        first = part.first + (following if part.empty else 0)
        whole = _sum([states, whole], first, part.empty and whole.empty)
    return whole


def _fork(parts: Sequence[_Cost], in_any_order: bool) -> _Cost:
    first = sum(part.first for part in parts)
    empties = [part.empty for part in parts]
    made = _sum(parts, first, all(empties) if in_any_order else any(empties) or not parts)
    return _sum([made, _Cost(steps=first**2)], first, made.empty) if in_any_order else made


def _sum(parts: Iterable[_Cost], first: int, empty: bool) -> _Cost:
    rows = list(parts)
    return _Cost(
        sum(part.parts for part in rows),
        first,
        empty,
        sum(part.steps for part in rows),
        sum(part.open for part in rows),
        sum(part.reach for part in rows),
        sum(part.squares for part in rows),
    )


def _closed(made: _Cost) -> _Cost:
    return _Cost(made.parts, made.first, made.empty, made.steps + made.squares)


def _repeated(made: _Cost, component: Component) -> _Cost:
    """Count how often it stands there: what comes next at its end is then its own beginning, too."""
    least, most = component.node.get("minOccurs", "1").strip(), component.node.get("maxOccurs", "1").strip()
    if most not in ("0", "1"):
        end = _Cost(open=1, reach=made.first, squares=made.first**2)
        made = _sum([made.before(made.first), end], made.first, made.empty)
    return _sum([made], made.first, made.empty or least.strip("0") == "")
