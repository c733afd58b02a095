"""What a document breaks: the place, what was found there, and what was expected.

Takes a fault and the tree that it was found in; gives a `Violation`. The place is a path of local names,
`Invoice/InvoiceLine[3]/Price/@currencyID`, with a number where there are several of a name. What was found may quote
the document, what was expected never does. How libxml2 is asked is in `faults.py`, its words are in
`violation_words.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from agentserver.errors import shorten
from agentserver.wire.faults import Fault, element_at
from agentserver.wire.structure import Element
from agentserver.wire.value_type import ValueType
from agentserver.wire.violation_words import words_of

_SHOWN_STEPS: Final = 8
_NAME_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that a schema does not allow.

    Args:
        path: Where, as `Invoice/InvoiceLine[3]/Price`; cut in the middle where it is long.
        found: What stands there. The only text that may quote a value of the document.
        expected: What the schema wants there.
        element: The element itself, or the one that lacks something.
        attribute: The attribute that it is about, in Clark notation; empty when it is about the element.
        of_value: Whether it is about a value: a text that is not of its type.
    """

    path: str
    found: str
    expected: str
    element: Element = field(compare=False, repr=False)
    attribute: str = ""
    of_value: bool = False

    @property
    def line(self) -> int:
        """The element's line in what the tree was parsed from, 1-based; 0 when unknown."""
        line: int | None = self.element.sourceline  # type: ignore[assignment]  # the stub lacks it
        return line or 0

    def __str__(self) -> str:
        return shorten(f"{self.path}: found {self.found}, expected {self.expected}")


TypeOf: TypeAlias = Callable[[Sequence[str], str], "ValueType | None"]
"""Tell what is known of the type of the text of an element or of its attribute; None when nothing is.
Takes the names of the elements from the root down, and the name of the attribute or an empty one."""


def violation_of(fault: Fault, root: Element, type_of: TypeOf | None = None) -> Violation:
    """Describe a fault.

    Args:
        fault: What libxml2 found.
        root: The root of what was validated; it may stand inside a larger tree.
        type_of: Knows the schema's types. Asked only where libxml2 says too little.
    """
    element = element_at(root, fault.index)
    if type_of is not None and fault.kind.endswith(("DATATYPE_VALID_1_2_1", "PATTERN_VALID")):
        tags = [str(each.tag) for each in reversed(_way(element, root))]
        fault = replace(fault, value_type=type_of(tags, fault.attribute))
    found, expected = words_of(fault, element)
    return Violation(
        path_of(element, root, fault.attribute),
        found,
        expected,
        element,
        fault.attribute,
        "_VALID" in fault.kind,
    )


def path_of(element: Element, root: Element, attribute: str = "") -> str:
    """Name the place of `element` below `root`, as `Invoice/InvoiceLine[3]/Price`.

    Args:
        element: The element.
        root: An element above it, or itself: the first step.
        attribute: Name of an attribute of it, which is the last step then; empty for none.
    """
    steps = [_local(root), *(_step(node) for node in reversed(_way(element, root)[:-1]))]
    if len(steps) > _SHOWN_STEPS:
        steps[_SHOWN_STEPS // 2 : -_SHOWN_STEPS // 2] = ["…"]
    if attribute:
        steps.append(f"@{shorten(attribute.rpartition('}')[2], _NAME_CHARS)}")
    return "/".join(steps)


def _way(element: Element, root: Element) -> list[Element]:
    """Return the elements from `element` up to `root`."""
    nodes = [element]
    while nodes[-1] is not root and (parent := nodes[-1].getparent()) is not None:
        nodes.append(parent)
    return nodes


def _local(element: Element) -> str:
    return shorten(str(element.tag).rpartition("}")[2], _NAME_CHARS)


def _step(element: Element) -> str:
    tag = str(element.tag)
    before = sum(1 for _ in element.itersiblings(tag, preceding=True))
    if before or next(element.itersiblings(tag), None) is not None:
        return f"{_local(element)}[{before + 1}]"
    return _local(element)
