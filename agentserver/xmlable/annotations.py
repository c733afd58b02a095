"""A type, and what is written around it: `Annotated`, `NewType`, aliases, `| None`.

Takes a hint as it was resolved, gives the bare type and all that was said about it, or raises `Unmappable` for
metadata that asks for more than an XSD can hold. What other libraries say in `Annotated` is not heeded.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, NewType, Union

import annotated_types as at

from agentserver.xmlable.markers import XML_METADATA, Doc, Pattern, Secret
from agentserver.xmlable.refusals import Unmappable, constraint_text, type_text

_CONSTRAINTS: Final = (at.Gt, at.Ge, at.Lt, at.Le, at.MultipleOf, at.MinLen, at.MaxLen, Pattern)
_WITH_ARGUMENTS: Final = (*_CONSTRAINTS, Doc)
_MAX_LAYERS: Final = 50


@dataclass(frozen=True, slots=True)
class Annotation:
    """A hint, taken apart.

    Attributes:
        hint: The bare type: a class, a generic alias, a `Literal`, or a union of several members without None.
        name: Name of the `NewType` that it is; empty when it is none.
        optional: Whether None is one of its values.
        constraints: What it is held to, in the order in which it was written.
        doc: What was said of its meaning.
        secret: Whether it was marked as secret.
    """

    hint: Any
    name: str = ""
    optional: bool = False
    constraints: tuple[Any, ...] = ()
    doc: str = ""
    secret: bool = False

    @property
    def members(self) -> tuple[Any, ...]:
        """The members, if it is a union."""
        return typing.get_args(self.hint) if is_union(self.hint) else ()


def is_union(hint: Any) -> bool:
    """Tell whether a hint is `A | B`, however it was written."""
    return typing.get_origin(hint) in (Union, types.UnionType)


def peel(hint: Any) -> Annotation:
    """Take a hint apart.

    Raises:
        Unmappable: It is held to what an XSD cannot say.
    """
    metadata: list[Any] = []
    name, optional = "", False
    for _ in range(_MAX_LAYERS):
        if isinstance(hint, NewType):
            name, hint = name or hint.__name__, hint.__supertype__
        elif typing.get_origin(hint) is Annotated:
            metadata = [*hint.__metadata__, *metadata]
            hint = hint.__origin__
        elif (value := _alias_value(hint)) is not None:
            hint = value
        elif is_union(hint) and type(None) in typing.get_args(hint):
            members = [member for member in typing.get_args(hint) if member is not type(None)]
            optional, hint = True, Union[tuple(members)]  # noqa: UP007  # made of a tuple
        else:
            constraints, doc, secret = _sorted(metadata)
            return Annotation(hint, name, optional, constraints, doc, secret)
    raise Unmappable(f"{type_text(hint)} refers to itself; use a dataclass, which may")


def _alias_value(hint: Any) -> Any:
    """Give what `type X = ...` of Python 3.12 stands for; None for all else."""
    origin = typing.get_origin(hint)
    alias = hint if origin is None else origin
    if type(alias).__name__ != "TypeAliasType":
        return None
    value = alias.__value__
    if origin is None:
        return value
    bound = dict(zip(alias.__type_params__, typing.get_args(hint), strict=True))
    return value[tuple(bound[parameter] for parameter in value.__parameters__)]


def _sorted(metadata: Iterable[Any]) -> tuple[tuple[Any, ...], str, bool]:
    constraints: list[Any] = []
    doc, secret = "", False
    for item in _unpacked(metadata):
        if isinstance(item, _CONSTRAINTS):
            constraints.append(item)
        elif item is Secret or isinstance(item, Secret):
            secret = True
        elif isinstance(getattr(item, "documentation", None), str):
            doc = item.documentation
        else:
            _require_foreign(item)
    return tuple(constraints), doc, secret


def _unpacked(metadata: Iterable[Any]) -> Iterator[Any]:
    for item in metadata:
        if not isinstance(item, type) and isinstance(item, at.GroupedMetadata):
            yield from _unpacked(item)
        else:
            yield item


def _require_foreign(item: Any) -> None:
    """Raise `Unmappable` for what is no other library's, but asks for something."""
    if isinstance(item, type) and issubclass(item, _WITH_ARGUMENTS):
        raise Unmappable(f"{item.__name__} in Annotated needs its argument; write {item.__name__}(...)")
    if isinstance(item, at.Predicate):
        raise Unmappable(
            f"an XSD cannot hold {constraint_text(item)}; check it in __post_init__, or use Pattern or an Enum"
        )
    if isinstance(item, at.Timezone):
        raise Unmappable("an XSD cannot hold Timezone; check it in __post_init__")
    if isinstance(item, at.BaseMetadata):
        raise Unmappable(f"{type(item).__name__} is not mapped; leave it out, or say it in Doc")
    if isinstance(item, dict) and XML_METADATA in item:
        raise Unmappable("xml(...) belongs to the field: field(metadata=xml(...))")
