"""What changed of an element or attribute as such, and which of them are new or gone; not what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from agentserver.xmlable.outline import Field
from agentserver.xmlable.xsd.change import Change, below, changed, namespace_of

Name: TypeAlias = tuple[bool, str]
"""Whether it is an attribute, and its name."""


def removed(path: str, before: dict[Name, Field], after: dict[Name, Field]) -> Iterator[Change]:
    """Say which elements and attributes are gone, or have become others of one local name."""
    for (attribute, tag), field in before.items():
        if (attribute, tag) in after or field.most == 0:
            continue
        what = "was removed"
        if (not attribute, tag) in after:
            what = "was an attribute, is an element" if attribute else "was an element, is an attribute"
        elif others := [
            other
            for name, other in after.items()
            if other.local_name == field.local_name and name not in before
        ]:
            what = f"was in {namespace_of(field)}, is in {namespace_of(others[0])}"
        yield changed(below(path, field), True, what)


def added(path: str, before: dict[Name, Field], after: dict[Name, Field]) -> Iterator[Change]:
    """Say which are new."""
    renamed = {field.local_name for name, field in before.items() if name not in after and field.most != 0}
    for name, field in after.items():
        if name not in before and field.local_name not in renamed:
            what = "was added, and is required" if field.least else "was added, and may be absent"
            yield changed(below(path, field), field.least > 0, what)


def occurrences(path: str, old: Field, new: Field) -> Iterator[Change]:
    """Say how often it may stand there."""
    if old.least != new.least:
        if (old.least, new.least) == (0, 1):
            what = "was optional, is required"
        elif (old.least, new.least) == (1, 0):
            what = "was required, is optional"
        else:
            what = f"stood there at least {_times(old.least)}, must at least {_times(new.least)}"
        yield changed(path, new.least > old.least, what)
    if old.most != new.most:
        breaks = new.most is not None and (old.most is None or old.most > new.most)
        yield changed(path, breaks, f"stood there at most {_times(old.most)}, may at most {_times(new.most)}")


def _times(number: int | None) -> str:
    if number is None:
        return "any number of times"
    return "once" if number == 1 else f"{number} times"


def remarks(path: str, old: Field, new: Field) -> Iterator[Change]:
    """Say what else an element or attribute says of itself."""
    if old.nillable != new.nillable:
        what = "may be xsi:nil" if new.nillable else "may no longer be xsi:nil"
        yield changed(path, old.nillable, what)
    if old.attribute and old.default != new.default and old.least == new.least == 0:
        yield changed(path, False, f"when absent it meant {old.default!r}, and means {new.default!r}")
    if old.secret != new.secret:
        what = "is secret now: it will be masked" if new.secret else "is no longer secret: it will be shown"
        yield changed(path, False, what)
    if _doc(old) != _doc(new):
        yield changed(path, False, "documentation changed")


def _doc(field: Field) -> str:
    """Give what it means, or else what its type does: when both say the same, a schema says it once."""
    return field.doc or str(getattr(field.content, "doc", ""))
