"""The defaults of fields: how they are made, what their text is, and whether they fit.

A default that its own field does not take would make a message that nobody may send; it is refused where the class is
decorated. What a `default_factory` makes is not tried, since it may do anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sized
from typing import Any, Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.codec import Codec, Misfit
from agentserver.xmlable.simple import Simple
from agentserver.xmlable.slots import Default, Slot, none

_EMPTY: Final = (list, tuple, set, frozenset, dict)
"""Factories that are known to make nothing but an empty collection."""


def default_of(field: dataclasses.Field[Any]) -> Default | None:
    """Give what makes the field's default, or None when it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is dataclasses.MISSING:
        return None
    default = field.default
    return none if default is None else lambda: default


def default_text(field: dataclasses.Field[Any], codec: Codec) -> str | None:
    """Give the text of a default that is always the same and has one."""
    if field.default is dataclasses.MISSING or not isinstance(codec, Simple):
        return None
    try:
        return codec.text(field.default)
    except ValueError:
        return None  # `check_default` refuses it, with its reason


def check_default(cls: type, field: dataclasses.Field[Any], slot: Slot) -> None:
    """Raise `ContractError` if the field's default does not fit it."""
    default: Any = field.default
    if slot.collection is not None:
        if field.default_factory in _EMPTY:
            default = ()
        _check_count(cls, field, slot, default)
        return
    if default is dataclasses.MISSING or (default is None and slot.omits_none):
        return
    try:
        slot.codec.write(default, etree.Element("default"))
    except Misfit as misfit:
        found = "it" if slot.secret else misfit.found
        reason = f"its default is refused: found {found}, expected {misfit.expected}"
        raise ContractError(cls.__name__, field.name, reason) from None


def _check_count(cls: type, field: dataclasses.Field[Any], slot: Slot, default: Any) -> None:
    if default is dataclasses.MISSING or not isinstance(default, Sized):
        return
    if len(default) < slot.least or (slot.most is not None and len(default) > slot.most):
        expected = f"at least {slot.least}" if len(default) < slot.least else f"at most {slot.most}"
        reason = f"its default has {len(default)} items, expected {expected}; give it another, or none"
        raise ContractError(cls.__name__, field.name, reason)
