"""Whether each text of an old type is one of a new type, and what changed.

Takes two `Text`s, gives what changed in words, each as compatible or breaking. It is careful: what it cannot tell, such
as whether one regular expression covers another, is breaking. The members of a closed set are tried out by libxml2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeAlias

from lxml import etree

from agentserver.errors import AgentServerError
from agentserver.xmlable.codec import quote
from agentserver.xmlable.outline import Field, Text
from agentserver.xmlable.xsd import built_in_types
from agentserver.xmlable.xsd.bounds import is_equal, is_less
from agentserver.xmlable.xsd_writer import schema_documents

Difference: TypeAlias = tuple[bool, str]
"""Whether it breaks documents, and what it is."""

_LISTED: Final = 8
_UNITS: Final = MappingProxyType({"base64Binary": "octets", "hexBinary": "octets", "anySimpleType": "words"})


def differences(old: Text, new: Text) -> list[Difference]:
    """Say what changed from `old` to `new`."""
    if _unnamed(old) == _unnamed(new):
        return []
    if _is_free(new):
        return [(False, f"was {_described(old)}, may be any text")]
    if old.values:
        return list(_closed_set(old, new))
    if old.any_of or new.any_of or old.item or new.item:
        return _combined(old, new)
    return list(_facets(old, new))


def is_within(old: Text, new: Text) -> bool:
    """Tell whether each text of `old` is one of `new`."""
    return not any(breaks for breaks, _ in differences(old, new))


def _unnamed(text: Text) -> Text:
    """Give what counts in documents: a named type is no other than the same one in place."""
    return replace(
        text,
        noun="",
        name="",
        lexical="",
        patterns=tuple(sorted(_all_patterns(text))),
        any_of=tuple(map(_unnamed, text.any_of)),
        item=None if text.item is None else _unnamed(text.item),
    )


def _is_free(text: Text) -> bool:
    bare = Text("", text.base)
    return built_in_types.is_any_text(text.base) and _unnamed(text) == bare


def _described(text: Text) -> str:
    return text.noun or text.name or text.base


def _closed_set(old: Text, new: Text) -> Iterator[Difference]:
    lost = _rejected(new, old.values)
    if lost:
        yield True, f"{_listed(lost)} {'is' if len(lost) == 1 else 'are'} no longer allowed"
    elif not _reads_alike(old, new):
        yield (
            True,
            f"was {_described(old)}, is {_described(new)}: the same value may be written in other ways",
        )
    gained = [value for value in new.values if value not in old.values]
    if gained:
        yield False, f"may now be {_listed(gained)}, too"
    if not new.values:
        yield False, f"was one of {_listed(old.values)}, is {_described(new)}"
    if _blanks(old) > _blanks(new):
        yield True, f"blanks around it no longer go away: was {old.base}, is {new.base}"


def _reads_alike(old: Text, new: Text) -> bool:
    """Tell whether each way to write a value of `old`, such as 1, 01 and +1, is one in `new`, if any is."""
    if built_in_types.restricts(old.base, "string"):
        return True
    kin = built_in_types.restricts(new.base, "decimal") and built_in_types.fits(old.base, new.base)
    if (old.any_of, old.item) != (new.any_of, new.item) or not (kin or old.base == new.base):
        return False
    return set(_all_patterns(new)) <= set(_all_patterns(old))


def _blanks(text: Text) -> int:
    return ("preserve", "replace", "collapse").index(built_in_types.white_space(text.base))


def _rejected(text: Text, values: Sequence[str]) -> list[str]:
    """Let libxml2 tell which of the values are no texts of the type."""
    try:
        (document,) = schema_documents(Field("v", text)).values()
        schema = etree.XMLSchema(document)
    except (AgentServerError, etree.XMLSchemaParseError):  # facets that contradict each other
        return list(values)
    return [value for value in values if not schema.validate(_holding(value))]


def _holding(value: str) -> etree._Element:
    element = etree.Element("v")
    element.text = value
    return element


def _combined(old: Text, new: Text) -> list[Difference]:
    """Compare unions and lists."""
    said = f"was {_described(old)}, is {_described(new)}"
    if old.item and new.item:
        own = list(_facets(replace(old, item=None), replace(new, item=None)))
        same = _unnamed(old.item) == _unnamed(new.item)
        return own if same else [*own, (not is_within(old.item, new.item), said)]
    if new.any_of and _outside(new) == Text("", new.base) and _is_in_one(old, new):
        return [(False, said)]
    if old.item or new.item or _outside(new) != replace(_outside(old), base=new.base):
        return [(True, said)]
    lost = [member for member in old.any_of if not _is_in_one(member, new)] if old.any_of else [old]
    if lost:
        return [
            (True, f"{_described(member)} is no longer allowed: it is {_described(new)}") for member in lost
        ]
    return [(False, said)]


def _outside(text: Text) -> Text:
    """Give the facets around a union or list."""
    return replace(_unnamed(text), any_of=(), item=None)


def _is_in_one(member: Text, text: Text) -> bool:
    return any(is_within(member, other) for other in text.any_of or (text,))


def _facets(old: Text, new: Text) -> Iterator[Difference]:
    if not built_in_types.fits(old.base, new.base):
        yield True, f"was {_described(old)}, is {_described(new)}"
        return
    if old.base != new.base:
        yield _counts_otherwise(old, new), f"was {_described(old)}, is {_described(new)}"
    yield from _bounds(old, new)
    yield from _counts(old, new)
    yield from _patterns(old, new)
    if new.values:
        yield True, f"was {_described(old)}, must now be one of {_listed(new.values)}"


def _counts_otherwise(old: Text, new: Text) -> bool:
    """Tell whether the facets of `new` look at something else than those of `old`: other blanks, or rounded values."""
    looks = bool(_all_patterns(new)) or new.min_length is not None or new.max_length is not None
    is_bounded = any((new.at_least, new.above, new.at_most, new.below))
    return (looks and _blanks(old) != _blanks(new)) or (is_bounded and new.base in ("float", "double"))


def _patterns(old: Text, new: Text) -> Iterator[Difference]:
    before, after = _all_patterns(old), _all_patterns(new)
    for pattern in after:
        if pattern not in before:
            yield True, f"must now match the pattern {quote(pattern)}"
    for pattern in before:
        if pattern not in after:
            yield False, f"need no longer match the pattern {quote(pattern)}"


def _all_patterns(text: Text) -> list[str]:
    return [pattern for pattern in (text.lexical, *text.patterns) if pattern]


def _counts(old: Text, new: Text) -> Iterator[Difference]:
    unit = _UNITS.get(new.base, "characters")
    whole = 0 if built_in_types.is_integer(old.base) else None
    tightest = [number for number in (old.fraction_digits, whole) if number is not None]
    implied = min(tightest, default=None)
    yield from _count("most digits behind the point", old.fraction_digits, new.fraction_digits, implied)
    yield from _count("most digits", old.total_digits, new.total_digits)
    yield from _count(f"most {unit}", old.max_length, new.max_length)
    yield from _count(f"fewest {unit}", _negative(old.min_length), _negative(new.min_length))


def _negative(number: int | None) -> int | None:
    return -number if number else None


def _count(
    what: str, before: int | None, after: int | None, implied: int | None = None
) -> Iterator[Difference]:
    """Compare a limit that is the wider the greater it is; `implied` is one that holds in any case."""
    if before != after:
        known = before if implied is None else implied
        breaks = after is not None and (known is None or known > after)
        yield breaks, f"{what}: was {_number(before)}, is {_number(after)}"


def _number(number: int | None) -> str:
    return "not limited" if number is None else str(abs(number))


def _bounds(old: Text, new: Text) -> Iterator[Difference]:
    for lower in (True, False):
        before, after = _bound(old, lower), _bound(new, lower)
        if before == after:
            continue
        said = f"was {_bound_text(before, lower)}, is {_bound_text(after, lower)}"
        yield not _is_tighter(before, after, lower), said


_Bound: TypeAlias = tuple[str, bool]
"""A value, and whether it is itself within; an empty value for none."""


def _bound(text: Text, lower: bool) -> _Bound:
    """Give the tightest bound of a type, its built-in base's own included; inclusive for whole numbers."""
    inclusive, exclusive = (text.at_least, text.above) if lower else (text.at_most, text.below)
    found: list[_Bound] = [(inclusive, True)] if inclusive else []
    if exclusive and built_in_types.is_integer(text.base) and exclusive.strip().lstrip("+-").isdigit():
        found.append((str(int(exclusive) + (1 if lower else -1)), True))
    elif exclusive:
        found.append((exclusive, False))
    own = built_in_types.bounds(text.base)[0 if lower else 1]
    found += [(own, True)] if own else []
    return _tightest(found, lower)


def _tightest(found: Iterable[_Bound], lower: bool) -> _Bound:
    best: _Bound = ("", True)
    for bound in found:
        if not best[0] or _is_tighter(bound, best, lower):
            best = bound
    return best


def _is_tighter(bound: _Bound, other: _Bound, lower: bool) -> bool:
    """Tell whether what is within `bound` is within `other`."""
    if not other[0]:
        return True
    if not bound[0]:
        return False
    if is_equal(bound[0], other[0]):
        return other[1] or not bound[1]
    return is_less(other[0], bound[0]) if lower else is_less(bound[0], other[0])


def _bound_text(bound: _Bound, lower: bool) -> str:
    if not bound[0]:
        return "unbounded below" if lower else "unbounded above"
    words = ("at least", "above") if lower else ("at most", "below")
    return f"{words[0 if bound[1] else 1]} {bound[0]}"


def _listed(values: Iterable[str]) -> str:
    texts = [quote(value) for value in values]
    return ", ".join(islice(texts, _LISTED)) + (", …" if len(texts) > _LISTED else "")
