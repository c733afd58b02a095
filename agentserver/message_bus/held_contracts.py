"""Contracts that handlers get at through the classes of their payloads: nobody changes them, or puts others there.

Takes contracts and classes; gives the contract that a class had when it was first seen. An assignment to a contract
raises, and one that was put in its place counts as little: the first is put back. The audit is told of both. It is no
prison: `object.__setattr__` is open to all code of one Python process, and so are the other attributes of a class.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from agentserver.message_bus.audit import audit_tampering
from agentserver.message_bus.sealed import refuse_change
from agentserver.xmlable import Contract
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.planner import CONTRACT

MAX_KNOWN: Final = 1_024
"""Classes whose contracts are remembered: a handler may make a class for each of its answers."""


class HeldContract(Contract[Any]):
    """A contract whose attributes nobody assigns to."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        refuse_change(f"the contract of {self.cls.__name__}, {name}")

    def __delattr__(self, name: str) -> NoReturn:
        refuse_change(f"the contract of {self.cls.__name__}, {name}")


def hold(contract: AnyContract) -> AnyContract:
    """Let a contract be changed no more, for whoever has it already, too; return it."""
    if type(contract) is Contract:
        object.__setattr__(contract, "__class__", HeldContract)
    return contract


class HeldContracts:
    """The contracts that classes had when they were first seen."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[type[Any], AnyContract] = {}

    def get(self, cls: type[Any]) -> AnyContract | None:
        """Return the contract of a class that was seen before, which it has again from now on."""
        known = self._known.get(cls)
        if known is not None and cls.__dict__.get(CONTRACT) is not known:
            audit_tampering(f"the contract of {cls.__name__} was replaced; the old one is put back")
            type.__setattr__(cls, CONTRACT, known)
        return known

    def keep(self, cls: type[Any], contract: AnyContract) -> None:
        """Remember the contract of a class, where it is the class's own."""
        if isinstance(contract, Contract) and contract.cls is cls:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[cls] = hold(contract)
