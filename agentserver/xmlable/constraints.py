"""What a type is held to by `Annotated`, brought into a codec.

Takes a codec and constraints, gives the narrowed codec or the number of items, or raises `Unmappable` with the
remedy: a constraint that does not suit the type, that contradicts another, or that an XSD cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import annotated_types as at

from agentserver.xmlable.bounds import interval_of, narrowings_of
from agentserver.xmlable.exact_numbers import exactly
from agentserver.xmlable.markers import Pattern
from agentserver.xmlable.multiples import multiples_of
from agentserver.xmlable.narrowing import Narrowing, narrowed
from agentserver.xmlable.pattern import lengths, proven
from agentserver.xmlable.refusals import Unmappable, constraint_text
from agentserver.xmlable.simple import Simple

MAX_LENGTH: Final = 1_000_000_000
"""Longest length that may be asked for: libxml2 counts no further than this order."""

_UNITS: Final = MappingProxyType({"string": "characters", "base64Binary": "bytes"})


def constrained(codec: Simple, constraints: Sequence[Any]) -> Simple:
    """Hold a simple type to constraints.

    Raises:
        Unmappable: They cannot be held.
    """
    if not constraints:
        return codec
    if codec.content.values:
        raise Unmappable(
            f"{codec.noun} is a closed set; leave out {constraint_text(constraints[0])} and list fewer members"
        )
    interval = interval_of(codec, constraints)
    narrowings = narrowings_of(codec, interval)
    narrowings += multiples_of(codec, constraints, interval)
    narrowings += _lengths(codec, constraints)
    patterns = [each for each in constraints if isinstance(each, Pattern)]
    narrowings += [_pattern(codec, each) for each in patterns]
    if patterns:
        _require_one_length(constraints, patterns)
    return narrowed(codec, narrowings)


def refuse_constraints(noun: str, constraints: Sequence[Any]) -> None:
    """Raise `Unmappable` if there are any."""
    if constraints:
        raise Unmappable(
            f"{constraint_text(constraints[0])} says nothing of {noun}; put it on the type of a part, or leave it out"
        )


def length_range(constraints: Sequence[Any], unit: str) -> tuple[int, int | None]:
    """Give the least and the most items that `MinLen` and `MaxLen` among the constraints allow.

    Args:
        constraints: They.
        unit: What is counted: items, characters, bytes.

    Raises:
        Unmappable: They contradict each other, or are no lengths.
    """
    least, most = 0, MAX_LENGTH
    for constraint in constraints:
        if isinstance(constraint, at.MinLen):
            least = max(least, _length(constraint, constraint.min_length))
        elif isinstance(constraint, at.MaxLen):
            most = min(most, _length(constraint, constraint.max_length))
    if least > most:
        raise Unmappable(f"nothing has at least {least} and at most {most} {unit}; widen the lengths")
    bounded = any(isinstance(constraint, at.MaxLen) for constraint in constraints)
    return least, most if bounded else None


def item_range(noun: str, constraints: Sequence[Any]) -> tuple[int, int | None]:
    """Give the least and the most items of a collection.

    Raises:
        Unmappable: As `length_range`, or something else than a length is asked for.
    """
    others = [each for each in constraints if not isinstance(each, (at.MinLen, at.MaxLen))]
    if others:
        raise Unmappable(
            f"{constraint_text(others[0])} says nothing of a {noun}; put it on the type of its items"
        )
    least, most = length_range(constraints, "items")
    if most == 0:
        raise Unmappable(f"a {noun} of at most 0 items is always empty; leave the field out")
    return least, most


def _length(constraint: Any, length: object) -> int:
    number = exactly("integer", length, constraint)
    if not isinstance(number, int) or not 0 <= number <= MAX_LENGTH:
        raise Unmappable(f"{constraint_text(constraint)} is no length; write an int from 0 to {MAX_LENGTH:,}")
    return number


def _lengths(codec: Simple, constraints: Sequence[Any]) -> list[Narrowing]:
    asked = [each for each in constraints if isinstance(each, (at.MinLen, at.MaxLen))]
    unit = _UNITS.get(codec.content.base)
    if not asked:
        return []
    if unit is None:
        raise Unmappable(f"{codec.noun} has no length; leave out {constraint_text(asked[0])}")
    least, most = length_range(asked, unit)
    facets: dict[str, int] = {"min_length": least} if least else {}
    phrases = [f"at least {least}"] if least else []
    if most is not None:
        facets["max_length"] = most
        phrases.append(f"at most {most}")
    if not facets:
        return []

    def holds(value: Any) -> bool:
        return least <= len(value) and (most is None or len(value) <= most)

    return [Narrowing(f"{' and '.join(phrases)} {unit}", holds, facets)]


def _pattern(codec: Simple, constraint: Pattern) -> Narrowing:
    if codec.content.base != "string":
        raise Unmappable(f"{codec.noun} has a text of its own; Pattern is for str")
    try:
        xsd, matches = proven(constraint.regex)
    except ValueError as exc:
        raise Unmappable(str(exc)) from None
    return Narrowing(f"like {constraint.regex}", matches, patterns=(xsd,))


def _require_one_length(constraints: Sequence[Any], patterns: Sequence[Pattern]) -> None:
    """Raise `Unmappable` if no length of a text is allowed by all patterns and by the lengths that are asked for."""
    fewest, most = length_range(constraints, "characters")
    for pattern in patterns:
        least, longest = lengths(pattern.regex)
        fewest = max(fewest, least)
        most = longest if most is None else min(most, most if longest is None else longest)
        if most is not None and fewest > most:
            raise Unmappable(
                f"no text has at least {fewest} and at most {most} characters, as {constraint_text(pattern)} "
                "and what stands beside it want; widen the lengths"
            )
