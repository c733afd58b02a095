"""The `repr` of a dataclass that has secrets: it names them, and shows `***` instead.

Replaces the `__repr__` that `@dataclass` wrote, and none that an author wrote. Takes classes and outlines; what is
secret in another dataclass is left to that class's own `repr`. Where something else stands in the place of such a
dataclass, as a text that nobody read yet, it is not shown either: it may hold the secret.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from agentserver.xmlable.concealment import holds_secrets, holds_secrets_itself
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants

MASK: Final = "***"


def mask_repr(cls: type, content: Record) -> None:
    """Give `cls` a `repr` that masks what is secret in it, if anything is and the one it has is not its author's."""
    secret = {field.name for field in content.fields if holds_secrets_itself(field)}
    previous: frozenset[str] = getattr(cls.__repr__, "masked_fields", frozenset())
    around = {field.name: field for field in content.fields if holds_secrets(field.content)}
    known: Mapping[str, Field] = getattr(cls.__repr__, "masked_places", MappingProxyType({}))
    wanted = not secret <= previous or not around.keys() <= known.keys()
    if wanted and (previous or known or _is_made_up(cls)):
        cls.__repr__ = _masking(secret | previous, {**known, **around})  # type: ignore[method-assign, assignment]


def _is_made_up(cls: type) -> bool:
    written = getattr(cls.__repr__, "__wrapped__", None)
    return getattr(getattr(written, "__code__", None), "co_filename", "") == "<string>"


def _masking(secret: Iterable[str], around: Mapping[str, Field]) -> object:
    masked = frozenset(secret)

    def shown(field: dataclasses.Field[Any], value: Any) -> str:
        place = around.get(field.name)
        if field.name in masked or (place is not None and not _fits(place, value)):
            return MASK
        return repr(value)

    @reprlib.recursive_repr()
    def __repr__(self: object) -> str:  # noqa: N807  # its name is seen in tracebacks
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # it is a dataclass
        parts = [f"{field.name}={shown(field, getattr(self, field.name))}" for field in fields if field.repr]
        return f"{type(self).__qualname__}({', '.join(parts)})"

    __repr__.masked_fields = masked  # type: ignore[attr-defined]
    __repr__.masked_places = MappingProxyType(dict(around))  # type: ignore[attr-defined]
    return __repr__


def _fits(field: Field, value: Any) -> bool:
    """Tell whether a value is built as a field says, as far as its secrets: then those hide themselves."""
    if field.many:
        return isinstance(value, (list, tuple, set, frozenset)) and all(
            _fits_content(field.content, item) for item in value
        )
    return (value is None and field.least == 0) or _fits_content(field.content, value)


def _fits_content(content: Content, value: Any) -> bool:
    if isinstance(content, Text):
        return type(value).__name__ == content.noun.partition(",")[0].partition(" ")[0]
    if isinstance(content, Anything):
        return False
    if isinstance(content, Variants):
        return any(_fits_content(member.content, value) for member in content.members)
    if content.kind == "class":
        own = getattr(type(value), "__dataclass_fields__", {})
        return all(field.name in own for field in content.fields)
    if content.kind == "tuple":
        return (
            isinstance(value, tuple)
            and len(value) == len(content.fields)
            and all(_fits(field, item) for field, item in zip(content.fields, value, strict=True))
        )
    if content.kind == "entries":
        entry = content.fields[0].content
        return isinstance(value, dict) and all(_fits_content(entry, pair) for pair in value.items())
    if content.kind == "entry":
        return all(_fits(field, item) for field, item in zip(content.fields, value, strict=True))
    return _fits(content.fields[0], value)
