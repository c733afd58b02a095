"""Whether documents that fitted an old contract fit a new one, and what changed.

Takes two outlines, gives the changes, each with its place and whether it is compatible (every document that was valid
still is) or breaking (some document no longer is, or that cannot be told). Looks at documents alone: the names of
fields in Python, and the collections that they are gathered in, do not count. A type that is used in several places
is compared at the first of them. Knows neither XSD nor dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.xsd import built_in_types
from agentserver.xmlable.xsd.change import Change, below, changed, namespace_of
from agentserver.xmlable.xsd.field_comparison import Name, added, occurrences, remarks, removed
from agentserver.xmlable.xsd.order import moved
from agentserver.xmlable.xsd.text_comparison import differences

__all__ = ["Change", "compare"]

_CHECKS: Final = ("skip", "lax", "strict")


def compare(old: Field, new: Field) -> list[Change]:
    """Say what changed from `old` to `new`.

    Args:
        old: The root element of the old contract.
        new: The root element of the new one.

    Returns:
        The changes, from the root down; empty when both allow the same documents and say the same about them. When
        none of them is breaking, every document that was valid under `old` is valid under `new`.
    """
    comparison = _Comparison()
    changes: list[Change] = []
    if old.tag != new.tag:
        changes.append(Change(old.local_name, "breaking", _renamed(old, new)))
    stack = [comparison.fields(old.local_name, old, new)]
    while stack:  # not recursion: the types of a foreign schema refer to each other hundreds deep
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
        elif isinstance(step, Change):
            changes.append(step)
        else:
            stack.append(step)
    return changes


_Steps: TypeAlias = Iterator["Change | _Steps"]
"""Changes, and what gives more of them, to be run before it goes on."""


class _Comparison:
    """Compares contents, each pair once, so that recursive ones end."""

    def __init__(self) -> None:
        self._compared: set[tuple[Content, Content]] = set()

    def fields(self, path: str, old: Field, new: Field) -> _Steps:
        """Compare two elements or attributes of one name."""
        yield from occurrences(path, old, new)
        yield from remarks(path, old, new)
        yield self._contents(path, old.content, new.content)

    def _contents(self, path: str, old: Content, new: Content) -> _Steps:
        if isinstance(old, Text) and isinstance(new, Text):
            yield from _texts(path, old, new)
            return
        if (old, new) in self._compared:
            return
        self._compared.add((old, new))
        is_union = isinstance(old, Variants) or isinstance(new, Variants)
        if isinstance(new, Anything):
            yield from _anything(path, old, new)
        elif is_union and (members := _members(old)) and (others := _members(new)):
            yield from self._variants(path, members, others)
        elif (record := _record(old)) and (other := _record(new)):
            yield from self._records(path, record, other)
        else:
            yield changed(path, True, f"held {_described(old)}, holds {_described(new)}")

    def _variants(self, path: str, old: Sequence[Field], new: Sequence[Field]) -> _Steps:
        others = {member.tag: member for member in new}
        for member in old:
            if member.tag not in others:
                yield changed(path, True, f"may no longer be <{member.local_name}>")
            else:
                yield self.fields(f"{path}/{member.local_name}", member, others[member.tag])
        known = {member.tag for member in old}
        for member in new:
            if member.tag not in known:
                yield changed(path, False, f"may now be <{member.local_name}>, too")

    def _records(self, path: str, old: Record, new: Record) -> _Steps:
        if old.doc != new.doc:
            yield changed(path, False, "documentation of its type changed")
        yield from _unique_keys(path, old, new)
        if new.model == "ANY":
            if old.model != "ANY":
                yield changed(path, False, "may now hold anything")
            return
        if old.model != new.model:
            yield changed(path, True, f"was of the form {_form(old)}, is of the form {_form(new)}")
        if old.text is not None and new.text is not None:
            yield from _texts(path, old.text, new.text)
        elif (old.text is None) != (new.text is None):
            yield changed(path, True, f"held {_described(old)}, holds {_described(new)}")
        yield from self._parts(path, old, new)

    def _parts(self, path: str, old: Record, new: Record) -> _Steps:
        before, after = _by_name(old), _by_name(new)
        yield from removed(path, before, after)
        yield from added(path, before, after)
        both = [name for name in before if name in after]
        elements = [name for name in both if not name[0]]
        for name in moved(elements, [name for name in after if name in elements]):
            yield changed(below(path, before[name]), True, "stands in another place among its neighbours")
        for name in both:
            yield self.fields(below(path, before[name]), before[name], after[name])


def _by_name(record: Record) -> dict[Name, Field]:
    return {(field.attribute, field.tag): field for field in record.fields}


def _texts(path: str, old: Text, new: Text) -> Iterator[Change]:
    for breaks, what in differences(old, new):
        yield changed(path, breaks, what)


def _anything(path: str, old: Content, new: Anything) -> Iterator[Change]:
    if isinstance(old, Anything):
        if (old.namespaces, old.check) != (new.namespaces, new.check):
            wider = new.namespaces in ("##any", old.namespaces)
            looser = _CHECKS.index(new.check) <= _CHECKS.index(old.check)
            yield changed(path, not (wider and looser), f"was {_wildcard(old)}, is {_wildcard(new)}")
    else:
        fits = bool(_members(old)) and (new.namespaces, new.check) == ("##any", "skip")
        yield changed(path, not fits, f"held {_described(old)}, holds {_described(new)}")


def _wildcard(content: Anything) -> str:
    return f"one element of {content.namespaces}, checked: {content.check}"


def _unique_keys(path: str, old: Record, new: Record) -> Iterator[Change]:
    if new.kind != "entries":
        if old.kind == "entries":
            yield changed(path, False, "a key may now stand there more than once")
    elif old.kind != "entries":
        yield changed(path, True, "each key must now stand there once only")
    elif not _tells_apart(_key(old), _key(new)):
        yield changed(path, True, "keys that were different may now be the same")


def _key(entries: Record) -> Content | None:
    entry = entries.fields[0].content
    return entry.fields[0].content if isinstance(entry, Record) else None


def _tells_apart(old: Content | None, new: Content | None) -> bool:
    if not isinstance(old, Text) or not isinstance(new, Text):
        return old == new
    kin = all(built_in_types.restricts(text.base, "decimal") for text in (old, new))
    return kin or new.base in (old.base, "string")


def _members(content: Content) -> Sequence[Field]:
    """Give the elements of which exactly one stands there, if that is what it is."""
    if isinstance(content, Variants):
        return content.members
    if (
        isinstance(content, Record)
        and len(content.fields) == 1
        and not content.model
        and content.text is None
    ):
        field = content.fields[0]
        return [field] if not field.attribute and field.least == field.most == 1 else []
    return []


def _record(content: Content) -> Record | None:
    """Give a text as a record of no attributes, and a record as it is."""
    if isinstance(content, Text):
        return Record("class", noun=content.noun, text=content)
    return content if isinstance(content, Record) else None


def _described(content: Content) -> str:
    if isinstance(content, Variants):
        return f"one of <{'>, <'.join(member.local_name for member in content.members)}>"
    if isinstance(content, Record):
        return (
            "text"
            if content.text is not None
            else f"the elements of {content.noun or content.name or 'a type'}"
        )
    return content.noun or "text"


def _form(record: Record) -> str:
    return (
        record.model or f"({', '.join(field.local_name for field in record.fields if not field.attribute)})"
    )


def _renamed(old: Field, new: Field) -> str:
    if old.local_name == new.local_name:
        return f"was in {namespace_of(old)}, is in {namespace_of(new)}"
    return f"was called {old.local_name}, is called {new.local_name}"
