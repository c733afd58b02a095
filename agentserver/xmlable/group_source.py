"""Source code of a group's reader and writer.

Both run for every message, so each group gets straight-line code of its own, a few lines per slot. The names of
elements, attributes and fields enter the source as literals and identifiers, all else as names that
`Group.complete` binds: `r0`, `w0`, `d0`, `c0` for the codec, default and collection of slot 0, and `t0` for what
copies the empty children of a run that slot 0 begins. This module makes text and runs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentserver.xmlable.slots import Slot, none

_SHORTEST_RUN = 3
"""How many children it takes for copying them all from a template to be faster than making each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the values of the slots are put together and taken apart.

    Attributes:
        kind: The class of the whole, bound to the name `kind`; None when it needs no check.
        exact: Whether a subclass of `kind` is refused.
        length: How many items the whole must have; 0 when that needs no check.
        access: An expression on `value` for each slot.
        build: An expression on `v0`, `v1` and so on.
    """

    kind: type | None
    access: tuple[str, ...]
    build: str
    exact: bool = False
    length: int = 0


def reader_source(slots: Sequence[Slot], shape: Shape) -> str:
    """Write `read(element)`. It hands whatever is not as expected to `bare`, `blank`, `skip` and `astray`."""
    lines = ["def read(element):", *_read_attributes(slots)]
    if all(slot.attribute for slot in slots):
        lines.append("    if len(element) or element.text is not None: empty(element)")
    lines += ["    children = iter(element[:])", "    child = next(children, END)"]
    for number, slot in enumerate(slots):
        if not slot.attribute:
            lines += _read_slot(number, slot)
    lines += [
        "    if child is not END and skip(child, children) is not END: raise astray(element)",
        f"    try: return {shape.build}",
        "    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as exc:",
        "        raise refused(element, exc) from exc",
    ]
    return "\n".join(lines) + "\n"


def _read_attributes(slots: Sequence[Slot]) -> list[str]:
    lines, known = [], "0"
    for number, slot in enumerate(slots):
        if slot.attribute:
            known = "known"
            lines += [
                f"    text = element.get({slot.tag!r})",
                "    if text is not None:",
                f"        v{number} = r{number}(text, element)",
                "        known += 1",
                f"    else: {_default(number, slot)}",
            ]
    if not lines:
        return ["    if element.keys() or element.text is not None: bare(element)"]
    test = f"    if len(element.keys()) != {known} or element.text is not None: bare(element)"
    return ["    known = 0", *lines, test]


def _default(number: int, slot: Slot) -> str:
    if slot.default is None:
        return f"raise absent(element, {number})"
    return f"v{number} = {'None' if slot.default is none else f'd{number}()'}"


def _read_slot(number: int, slot: Slot) -> list[str]:
    tag = repr(slot.tag)
    if slot.collection is not None:
        gather = f"    v{number} = c{number}.gather(v{number}, element, {tag})"
        return [
            f"    v{number} = []",
            "    while True:",
            f"        if child.tag == {tag}:",
            f"            v{number}.append(r{number}(child))",
            *_go_on("            "),
            "        elif type(child.tag) is str: break",
            "        else: child = skip(child, children)",
            *_count(number, slot),
            *([] if slot.collection.kind is list else [gather]),
        ]
    if slot.default is None:
        return [
            f"    if child.tag != {tag}:",
            "        child = skip(child, children)",
            f"        if child.tag != {tag}: raise astray(element)",
            f"    v{number} = r{number}(child)",
            *_go_on("    "),
        ]
    return [
        f"    if child.tag != {tag} and type(child.tag) is not str: child = skip(child, children)",
        f"    if child.tag == {tag}:",
        f"        v{number} = r{number}(child)",
        *_go_on("        "),
        f"    else: {_default(number, slot)}",
    ]


def _count(number: int, slot: Slot) -> list[str]:
    most = "" if slot.most is None else f" <= {slot.most}"
    if not slot.least and not most:
        return []
    return [
        f"    if not {slot.least} <= len(v{number}){most}: raise miscounted(element, len(v{number}), {number})"
    ]


def _count_written(number: int, slot: Slot) -> list[str]:
    return [line.replace(f"v{number}", "v") for line in _count(number, slot)]


def _go_on(indent: str) -> list[str]:
    return [f"{indent}if child.tail is not None: blank(child)", f"{indent}child = next(children, END)"]


def writer_source(slots: Sequence[Slot], shape: Shape, recursive: bool) -> str:
    """Write `write(value, element)`. Where the children are always the same, they may be in the element already.

    Args:
        slots: The slots, in order.
        shape: How to get at their values.
        recursive: Whether the group takes part in itself, so that the depth must be bounded.
    """
    lines = ["def write(value, element):"]
    if shape.kind is not None:
        wrong = "type(value) is not kind" if shape.exact else "not isinstance(value, kind)"
        lines.append(f"    if {wrong}: raise mistyped(element, value)")
    if shape.length:
        lines.append(f"    if len(value) != {shape.length}: raise mistyped(element, value)")
    if recursive:
        lines.append("    if too_deep(element): raise endless(element)")
    runs = {run.start: run for run in runs_of_single_children(slots)}
    made: set[int] = set()
    if is_whole(slots):
        lines += _take_children(slots)
        runs, made = {}, set(range(len(slots)))
    for number, slot in enumerate(slots):
        if number in runs:
            lines += _make_children(runs[number])
            made.update(runs[number])
        if number in made:
            lines.append(f"    w{number}({shape.access[number]}, e{number})")
        else:
            lines.append(f"    v = {shape.access[number]}")
            lines += _write_slot(number, slot)
    if len(lines) == 1:
        lines.append("    pass")
    return "\n".join(lines) + "\n"


def runs_of_single_children(slots: Sequence[Slot]) -> list[range]:
    """Find the slots in a row, at least `_SHORTEST_RUN`, that are always written as one child each."""
    runs, start = [], 0
    for number in range(len(slots) + 1):
        if number == len(slots) or not _is_single(slots[number]):
            if number - start >= _SHORTEST_RUN:
                runs.append(range(start, number))
            start = number + 1
    return runs


def is_whole(slots: Sequence[Slot]) -> bool:
    """Tell whether the content is always the same children, so that the element may be given with them in it."""
    return bool(slots) and all(map(_is_single, slots))


def _is_single(slot: Slot) -> bool:
    return not (slot.attribute or slot.omits_none or slot.collection is not None)


def _make_children(run: range) -> list[str]:
    return [
        f"    children = t{run.start}()[:]",
        "    element.extend(children)",
        f"    {', '.join(f'e{number}' for number in run)} = children",
    ]


def _take_children(slots: Sequence[Slot]) -> list[str]:
    if len(slots) >= _SHORTEST_RUN:
        making = ["        children = t0()[:]", "        element.extend(children)"]
    else:
        made = (f"sub(element, {slot.tag!r})" for slot in slots)
        making = [f"        children = {', '.join(made)},"]
    return [
        "    if len(element): children = element[:]",
        "    else:",
        *making,
        f"    {', '.join(f'e{number}' for number in range(len(slots)))}, = children",
    ]


def _write_slot(number: int, slot: Slot) -> list[str]:
    tag = repr(slot.tag)
    condition = "if v is not None: " if slot.omits_none else ""
    if slot.attribute:
        return [f"    {condition}w{number}(v, element)"]
    if slot.collection is None:
        return [f"    {condition}w{number}(v, sub(element, {tag}))"]
    kind = slot.collection.name
    items = "v.items()" if slot.collection.kind is dict else "v"
    return [
        f"    if not isinstance(v, {kind}): raise misplaced(element, v, {number})",
        *_count_written(number, slot),
        f"    for item in {items}: w{number}(item, sub(element, {tag}))",
        *([f"    arrange(element, {tag})"] if slot.collection.sorted else []),
    ]
