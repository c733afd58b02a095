"""Errors about a secret that do not tell it.

Wraps the readers and writers of secret fields, so that a `Misfit` names the place and what was expected, but never
the value, nor what the class itself said of it. Tells whether an outline has anything secret in it.
"""

from __future__ import annotations

from typing import Any

from agentserver.xmlable.codec import Misfit, describe, kind_of
from agentserver.xmlable.group_faults import Refusal
from agentserver.xmlable.outline import Content, Field, Record, Variants

HIDDEN = "a value that is not shown, as it is secret"


def conceal_reader(read: Any) -> Any:
    """Wrap a reader of an element, or of an attribute."""

    def read_secret(*places: Any) -> Any:
        try:
            return read(*places)
        except Misfit as misfit:
            hidden = _concealed(misfit)
        raise hidden

    return read_secret


def conceal_writer(write: Any) -> Any:
    """Wrap a writer."""

    def write_secret(value: Any, element: Any) -> None:
        try:
            write(value, element)
            return
        except Misfit as misfit:
            hidden = _concealed(misfit)
        raise hidden

    return write_secret


def _concealed(misfit: Misfit) -> Misfit:
    expected = "values that its class takes" if isinstance(misfit, Refusal) else misfit.expected
    found = misfit.found if misfit.found in ("nothing", "None", HIDDEN) else HIDDEN
    return Misfit(misfit.element, found, expected, misfit.below)


def told(value: object, content: Content) -> str:
    """Say what stands where `content` belongs: of what kind alone, if anything in that is secret."""
    return kind_of(value) if holds_secrets(content) else describe(value)


def holds_secrets(content: Content) -> bool:
    """Tell whether anything in an outline is secret."""
    return _any_secret(content, set())


def holds_secrets_itself(field: Field) -> bool:
    """Tell whether a field, or what it is a collection of, is secret, apart from what is in other dataclasses."""
    seen: set[int] = set()
    return field.secret or _any_secret(field.content, seen, classes=False)


def _any_secret(content: Content, seen: set[int], *, classes: bool = True) -> bool:
    if id(content) in seen:
        return False
    seen.add(id(content))
    if isinstance(content, Variants):
        fields = content.members
    elif isinstance(content, Record) and (classes or content.kind != "class"):
        fields = content.fields
    else:
        return False
    return any(field.secret or _any_secret(field.content, seen, classes=classes) for field in fields)
