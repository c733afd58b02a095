"""Classes that handlers are given, and that nobody changes: all handlers of a process share them.

Takes a class; gives it back with every attribute that it has from its bases put into itself, so that changing a base
changes nothing of it. From then on an assignment to the class raises, and the audit is told who tried. It stops
mistakes and makes attempts seen; it is no prison: `type.__setattr__` is open to all code of one Python process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeVar

from agentserver.message_bus.audit import audit_tampering

C = TypeVar("C", bound=type[Any])

_SEAL: Final = "__sealed__"
_BUILT_IN: Final = (object, tuple)


class Sealed(type):
    """The metaclass of such classes; `seal` ends the time in which they can be changed."""

    def __setattr__(cls, name: str, value: Any) -> None:
        if _SEAL in vars(cls):
            refuse_change(f"{cls.__name__}.{name}")
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        if _SEAL in vars(cls):
            refuse_change(f"{cls.__name__}.{name}")
        super().__delattr__(name)


def seal(cls: C) -> C:
    """Let a class whose metaclass is `Sealed` be changed no more. Use as a decorator, above all others."""
    for base in cls.__mro__[1:]:
        if base not in _BUILT_IN:
            members: Mapping[str, Any] = vars(base)
            for name in members.keys() - vars(cls).keys() - {"__dict__", "__weakref__"}:
                setattr(cls, name, members[name])
    setattr(cls, _SEAL, True)
    return cls


def refuse_change(what: str) -> NoReturn:
    """Tell the audit that somebody tried to change something, and raise.

    Raises:
        AttributeError: Always.
    """
    audit_tampering(f"tried to change {what}")
    raise AttributeError(f"{what} cannot be changed")
