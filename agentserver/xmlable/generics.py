"""What the type variables of generic dataclasses stand for.

Takes a class and the types that it was given, `Page[Item]`; tells what each variable stands for in it and in
every base of it, puts that in the place of the variable, and names the whole for the schema.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, NewType, TypeAlias, TypeVar

from agentserver.xmlable.annotations import is_union

Bindings: TypeAlias = Mapping[Any, Any]
"""What each variable stands for."""


def bindings_of(cls: type, arguments: tuple[Any, ...]) -> dict[type, Bindings]:
    """Tell for a class and each of its bases what its own variables stand for.

    Args:
        cls: The class.
        arguments: What it was given in brackets, in order; empty for none.
    """
    bound: dict[type, Bindings] = {}
    _collect(cls, arguments, bound)
    return bound


def _collect(cls: type, arguments: tuple[Any, ...], bound: dict[type, Bindings]) -> None:
    parameters = getattr(cls, "__parameters__", ())
    mapping = dict(zip(parameters, arguments, strict=False)) or {p: _default(p) for p in parameters}
    bound.setdefault(cls, mapping)
    generic_bases = cls.__dict__.get("__orig_bases__", ())
    origins = [typing.get_origin(base) or base for base in generic_bases]
    for base, origin in zip(generic_bases, origins, strict=True):
        if isinstance(origin, type) and origin is not typing.Generic:
            _collect(origin, tuple(substitute(each, mapping) for each in typing.get_args(base)), bound)
    for base in cls.__bases__:
        if base not in origins:
            _collect(base, (), bound)


def _default(parameter: Any) -> Any:
    """Give what a variable stands for when nobody says: its default of Python 3.13, or itself."""
    has_default = getattr(parameter, "has_default", None)
    return parameter.__default__ if has_default is not None and has_default() else parameter


def substitute(hint: Any, bound: Bindings) -> Any:
    """Put into a hint what its variables stand for."""
    if isinstance(hint, TypeVar):
        return bound.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if (isinstance(hint, type) and not typing.get_args(hint)) or not parameters:
        return hint
    return hint[tuple(bound.get(parameter, parameter) for parameter in parameters)]


def type_name(hint: Any) -> str:
    """Give the name of a type in the schema: `PageOfItem` for `Page[Item]`."""
    if isinstance(hint, NewType):
        return hint.__name__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return str(getattr(hint, "__name__", "None" if hint is None else _letters(repr(hint))))
    if origin is typing.Annotated or origin is typing.Literal:
        return (
            type_name(arguments[0])
            if origin is typing.Annotated
            else "Literal" + _joined(map(repr, arguments))
        )
    members = [_capital(type_name(each)) for each in arguments if each is not Ellipsis]
    if is_union(hint):
        return "Or".join(members)
    return f"{origin.__name__}Of{_joined(members)}"


def _joined(names: typing.Iterable[str]) -> str:
    return "And".join(_capital(_letters(name)) for name in names)


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
