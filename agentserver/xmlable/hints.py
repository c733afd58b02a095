"""The fields of a dataclass, with their types resolved.

Takes a class, gives the fields that make up its XML: those of `__init__`, inherited ones included. `ClassVar`
is no field; `field(init=False)` is for what the class works out itself and stays out of the XML; `InitVar` is
refused, since its value cannot be had back. Names in annotations are looked up where the decorator stands and
in the module; what is there not yet is refused. Type variables are replaced by what they stand for.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Mapping
from typing import Any

from agentserver.errors import ContractError
from agentserver.xmlable.generics import bindings_of, substitute


def require_dataclass(cls: type) -> None:
    """Raise `ContractError` unless `cls` itself, not only a base of it, is a dataclass."""
    if not isinstance(cls, type):
        raise ContractError(getattr(cls, "__name__", str(cls)), "", "is no class; decorate a dataclass")
    if "__dataclass_fields__" not in cls.__dict__:
        raise ContractError(cls.__name__, "", "is no dataclass; put @dataclass under @xmlify")


def field_types(
    cls: type, names: Mapping[str, Any], arguments: tuple[Any, ...] = ()
) -> list[tuple[dataclasses.Field[Any], Any]]:
    """Give the fields of `cls` that `__init__` takes, each with its type.

    Args:
        cls: A dataclass.
        names: What annotations may refer to besides the globals of the module.
        arguments: What a generic class was given in brackets.

    Raises:
        ContractError: An annotation cannot be resolved, or a field has no value to write.
    """
    hints = _resolve(cls, names, arguments)
    pseudo_fields = set(cls.__dict__["__dataclass_fields__"]) - {f.name for f in dataclasses.fields(cls)}
    for name in sorted(pseudo_fields):
        if isinstance(hints.get(name), dataclasses.InitVar):
            reason = "an InitVar is not kept, so it cannot be written; make it a field"
            raise ContractError(cls.__name__, name, reason)
    return [(field, hints[field.name]) for field in dataclasses.fields(cls) if field.init]


def _resolve(cls: type, names: Mapping[str, Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    bound = bindings_of(cls, arguments)
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations = inspect.get_annotations(base)
        local_names = {**names, cls.__name__: cls}
        local_names |= {p.__name__: p for p in getattr(base, "__type_params__", ())}
        own = _evaluated(cls, base, annotations, local_names)
        hints |= {name: substitute(hint, bound.get(base, {})) for name, hint in own.items()}
    return hints


def _evaluated(cls: type, base: type, annotations: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Evaluate the annotations of one base alone, since each may have type variables of one name."""
    stand_in = type(base.__name__, (), {"__annotations__": annotations, "__module__": base.__module__})
    module_names = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
    try:
        return typing.get_type_hints(stand_in, module_names, names, include_extras=True)
    except NameError as exc:
        reason = f"the name {exc.name!r} means nothing here yet; define it above the decorated class"
        raise ContractError(cls.__name__, _mentions(cls, str(exc.name)), reason) from exc
    except (AttributeError, SyntaxError, TypeError) as exc:
        raise ContractError(cls.__name__, "", f"an annotation cannot be evaluated: {exc}") from exc


def _mentions(cls: type, name: str) -> str:
    for base in cls.__mro__:
        for field, annotation in inspect.get_annotations(base).items():
            if name in str(annotation):
                return str(field)
    return ""


def constructor_call(cls: type, fields: list[str]) -> str:
    """Write the call that makes an instance of `kind` from `v0`, `v1` and so on.

    Raises:
        ContractError: The constructor does not take the fields, or wants more.
    """
    parameters = inspect.signature(cls).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, parameter in parameters.items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if name not in fields and parameter.default is parameter.empty and not variadic:
            raise ContractError(cls.__name__, name, "the constructor wants it, but it is no field")
    for name in fields:
        if name not in parameters and not takes_any:
            raise ContractError(
                cls.__name__, name, "the constructor does not take it; let @dataclass write it"
            )
    positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if positional != [name for name in fields if name in positional]:
        positional = []
    numbered = {name: f"v{number}" for number, name in enumerate(fields)}
    keywords = [f"{name}={value}" for name, value in numbered.items() if name not in positional]
    return f"kind({', '.join([numbered[name] for name in positional] + keywords)})"
