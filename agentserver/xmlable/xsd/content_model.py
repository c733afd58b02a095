"""A tree of particles as a plain sequence of elements, as far as it is one.

An outline has elements in a fixed order, or one of several. Where a schema says more, the elements are given with
how often each may stand there at all, in the order of the schema; and `notation` says the rest, as a DTD would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agentserver.xmlable.xsd.particles import Compound, Leaf, Particle, Wildcard


@dataclass(frozen=True, slots=True)
class Slot:
    """An element of the content, and how often it may stand there."""

    leaf: Leaf
    least: int
    most: int | None


def simplified(made: Particle) -> Particle:
    """Give a particle that allows the same, without levels that say nothing."""
    if not isinstance(made, Compound):
        return made
    parts: list[Particle] = []
    optional = False
    for part in map(simplified, made.parts):
        if part.most == 0 or (isinstance(part, Compound) and not part.parts):
            optional = True  # an alternative that is nothing at all
        elif isinstance(part, Compound) and part.kind == made.kind and _once(part):
            parts += part.parts
        else:
            parts.append(part)
    least = 0 if made.kind == "choice" and optional else made.least
    made = replace(made, parts=tuple(parts), least=least)
    if len(parts) == 1 and (merged := _merged(made, parts[0])) is not None:
        return merged
    if made.kind != "choice" and made.most == 1 and all(part.least == 0 for part in parts):
        made = replace(made, least=1)
    return replace(made, kind="sequence") if len(parts) == 1 else made


def _once(made: Particle) -> bool:
    return made.least == 1 and made.most == 1


def _merged(outer: Compound, inner: Particle) -> Particle | None:
    """Give the one part with the occurrences of both, unless these leave gaps: pairs are no even number up to 9."""
    if _once(outer) or inner.least <= 1 or outer.least == outer.most:
        return replace(inner, least=outer.least * inner.least, most=_times(outer.most, inner.most))
    return None


def _times(left: int | None, right: int | None) -> int | None:
    if left == 0 or right == 0:
        return 0
    return None if left is None or right is None else left * right


def is_sequence(made: Particle) -> bool:
    """Tell whether a simplified particle is different elements in a fixed order, and no more."""
    if isinstance(made, Leaf):
        return True
    if not isinstance(made, Compound) or (made.parts and not (made.kind == "sequence" and _once(made))):
        return False
    return all(isinstance(part, Leaf) for part in made.parts) and _distinct(made)


def is_choice(made: Particle) -> bool:
    """Tell whether a simplified particle is exactly one of several different elements."""
    if not isinstance(made, Compound) or made.kind != "choice" or not _once(made):
        return False
    return all(isinstance(part, Leaf) and _once(part) for part in made.parts) and _distinct(made)


def _distinct(made: Compound) -> bool:
    tags = [part.tag for part in made.parts if isinstance(part, Leaf)]
    return len(tags) == len(set(tags))


def slots(made: Particle) -> list[Slot]:
    """Give every element once, with the fewest and the most times that it may stand there."""
    return list(_slots(made).values())


def _slots(made: Particle) -> dict[str, Slot]:
    if isinstance(made, Leaf):
        return {made.tag: Slot(made, made.least, made.most)}
    if isinstance(made, Wildcard):
        return {}
    found: dict[str, Slot] = {}
    parts = [_slots(part) for part in made.parts]
    for part in parts:
        for tag, slot in part.items():
            found[tag] = slot if tag not in found else _joined(found[tag], slot, made.kind == "choice")
    if made.kind == "choice":
        found = {tag: _absent(slot) if _missing(tag, parts) else slot for tag, slot in found.items()}
    return {
        tag: replace(slot, least=slot.least * made.least, most=_times(slot.most, made.most))
        for tag, slot in found.items()
    }


def _missing(tag: str, parts: Iterable[dict[str, Slot]]) -> bool:
    return any(tag not in part for part in parts)


def _absent(slot: Slot) -> Slot:
    return replace(slot, least=0)


def _joined(first: Slot, second: Slot, either: bool) -> Slot:
    if first.most is None or second.most is None:
        most = None
    else:
        most = max(first.most, second.most) if either else first.most + second.most
    least = min(first.least, second.least) if either else first.least + second.least
    return replace(first, least=least, most=most)


def notation(made: Particle) -> str:
    """Write a particle as a DTD would, with local names, and `&` between what may come in any order."""
    if isinstance(made, Leaf):
        text = made.tag.rpartition("}")[2]
    elif isinstance(made, Wildcard):
        text = " ".join(["ANY", *([] if made.namespaces == "##any" else ["of", made.namespaces]), made.check])
    else:
        sign = {"sequence": ", ", "choice": " | ", "all": " & "}[made.kind]
        text = f"({sign.join(map(notation, made.parts))})"
    return text + _occurrences(made.least, made.most)


def _occurrences(least: int, most: int | None) -> str:
    known = {(1, 1): "", (0, 1): "?", (0, None): "*", (1, None): "+"}
    return known.get((least, most), f"{{{least},{'' if most is None else most}}}")
