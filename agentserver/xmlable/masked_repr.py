"""The `repr` of a dataclass that has secrets: it names them, and shows `***` instead.

Replaces the `__repr__` that `@dataclass` wrote, and none that an author wrote. Takes classes and outlines; what is
secret in another dataclass is left to that class's own `repr`.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Iterable
from typing import Final

from agentserver.xmlable.concealment import holds_secrets_itself
from agentserver.xmlable.outline import Record

MASK: Final = "***"


def mask_repr(cls: type, content: Record) -> None:
    """Give `cls` a `repr` that masks what is secret in it, if anything is and the one it has is not its author's."""
    secret = {field.name for field in content.fields if holds_secrets_itself(field)}
    previous: frozenset[str] = getattr(cls.__repr__, "masked_fields", frozenset())
    if secret and (previous or _is_made_up(cls)) and not secret <= previous:
        cls.__repr__ = _masking(secret | previous)  # type: ignore[method-assign, assignment]


def _is_made_up(cls: type) -> bool:
    written = getattr(cls.__repr__, "__wrapped__", None)
    return getattr(getattr(written, "__code__", None), "co_filename", "") == "<string>"


def _masking(secret: Iterable[str]) -> object:
    masked = frozenset(secret)

    @reprlib.recursive_repr()
    def __repr__(self: object) -> str:  # noqa: N807  # its name is seen in tracebacks
        shown = [
            f"{field.name}={MASK if field.name in masked else repr(getattr(self, field.name))}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]  # it is a dataclass
            if field.repr
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    __repr__.masked_fields = masked  # type: ignore[attr-defined]
    return __repr__
