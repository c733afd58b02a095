"""In what two payloads differ, in words with a path to each place; secrets are told apart, and not shown.

Takes what was expected and what was found, as elements or in the JSON notation; gives `Difference`s, none when they
are alike. Blanks between elements do not count, nor do prefixes, comments and the order of attributes. In JSON, only
the keys that are expected are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from agentserver.errors import shorten
from agentserver.wire import Element
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.near_names import folded
from agentserver.xmlable.secrets import secret_names

MAX_DIFFERENCES: Final = 20
"""Most differences that are told of one payload."""
MAX_SHOWN: Final = 200
"""Longest piece of a payload that is shown."""
NOTHING: Final = "nothing"


class Difference(NamedTuple):
    """One place at which two payloads differ."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


def element_differences(expected: Element, found: Element, contract: AnyContract | None) -> list[Difference]:
    """Compare two elements.

    Args:
        expected: What was expected.
        found: What was found.
        contract: Tells what in them is secret; None when that is not known.
    """
    return _told(_elements(expected, found, _local(expected)), contract)


def value_differences(expected: Any, found: Any, root: str, contract: AnyContract | None) -> list[Difference]:
    """Compare what was expected of a payload in JSON notation, which may be a part of it, with the whole.

    Args:
        expected: What was expected.
        found: What was found.
        root: Name of the payload's root.
        contract: Tells what in them is secret.
    """
    return _told(_values(expected, found, root), contract)


def _elements(expected: Element, found: Element, path: str) -> Iterator[Difference]:
    if expected.tag != found.tag:
        yield Difference(path, f"<{expected.tag}>", f"<{found.tag}>")
        return
    for name in sorted({*map(str, expected.attrib), *map(str, found.attrib)}):
        wanted, there = expected.get(name), found.get(name)
        if wanted != there:
            yield Difference(f"{path}/@{name.rpartition('}')[2]}", _quoted(wanted), _quoted(there))
    pairs = list(zip_longest(_children(expected), _children(found)))
    if not pairs or _text(expected) or _text(found):
        wanted, there = expected.text or "", found.text or ""
        if wanted != there:
            yield Difference(path, _quoted(wanted), _quoted(there))
    for index, (wanted_child, child) in enumerate(pairs):
        either = wanted_child if wanted_child is not None else child
        step = f"{path}/{_local(either)}" + (f"[{index + 1}]" if _repeats(pairs, either) else "")
        if wanted_child is None or child is None:
            yield Difference(step, _named(wanted_child), _named(child))
        else:
            yield from _elements(wanted_child, child, step)


def _values(expected: Any, found: Any, path: str) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, wanted in expected.items():
            if key not in found and wanted is not None:
                yield Difference(f"{path}/{key}", _shown(wanted), NOTHING)
            elif key in found:
                yield from _values(wanted, found[key], f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield Difference(path, f"{len(expected)} items", f"{len(found)}")
        for index, (wanted, there) in enumerate(zip(expected, found, strict=False)):
            yield from _values(wanted, there, f"{path}[{index + 1}]")
    elif expected != found and (_is_tree(expected) or _is_tree(found) or _plain(expected) != _plain(found)):
        yield Difference(path, _shown(expected), _shown(found))


def _told(differences: Iterator[Difference], contract: AnyContract | None) -> list[Difference]:
    """Keep the first differences, and take out the texts of those that are secret."""
    secret = secret_names(contract.outline) if contract is not None else frozenset()
    told: list[Difference] = []
    for each in differences:
        if len(told) == MAX_DIFFERENCES:
            told.append(Difference("...", "no more differences", "more"))
            break
        steps = (folded(step.partition("[")[0].lstrip("@")) for step in each.path.split("/"))
        hides = any(step in secret for step in steps)
        told.append(Difference(each.path, "a secret", "another, or none") if hides else each)
    return told


def _children(element: Element) -> list[Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _repeats(pairs: list[tuple[Any, Any]], child: Element) -> bool:
    return sum(1 for pair in pairs for each in pair if each is not None and each.tag == child.tag) > 2


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _named(element: Element | None) -> str:
    return NOTHING if element is None else f"<{_local(element)}>"


def _quoted(text: str | None) -> str:
    return NOTHING if text is None else repr(shorten(text, MAX_SHOWN))


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict | list)


def _plain(value: Any) -> str:
    """Write a value of YAML as JSON notation has it: `5` for a number that is written as text there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _shown(value: Any) -> str:
    if _is_tree(value):
        return "an object" if isinstance(value, dict) else "a list"
    return NOTHING if value is None else repr(shorten(str(value), MAX_SHOWN))
