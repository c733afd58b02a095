"""Import what a configuration names, and check that each object can be what it is named as.

A payload class is a class with a contract of its own, which `@xmlify` leaves there, or any class where a `schema` is
named (`schema_check` looks at it then); a handler takes two arguments and a step one. Fills the drafts with what it
imported and puts faults into the log.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from agentserver.config.draft import ContractDraft, Draft, StepDraft
from agentserver.config.fault_log import FaultLog, quote
from agentserver.config.imports import Importer, UnimportableError
from agentserver.config.tree import Document, Path
from agentserver.core import CORE_NS
from agentserver.xmlable import Contract, RawXml


class ImportCheck:
    """Import the classes, handlers and steps of a draft.

    Args:
        document: Gives the places.
        importer: Imports by name.
        faults: Takes what cannot be imported, or used.
    """

    def __init__(self, document: Document, importer: Importer, faults: FaultLog) -> None:
        self._document = document
        self._importer = importer
        self._faults = faults

    def check(self, draft: Draft) -> None:
        """Import everything that `draft` names, and leave the objects in it."""
        for listener in draft.listeners:
            for contract in listener.contracts:
                self._contract(contract)
            path = (*listener.path, "on_refusal")
            name = listener.on_refusal_path
            listener.on_refusal = self._function(path, name, "on_refusal", "payload", "metadata")
        for step in draft.steps:
            self._step(step)

    def _contract(self, contract: ContractDraft) -> None:
        path, name = (*contract.path, "payload_class"), contract.payload_class_path
        found = self._load(path, name)
        if found is not None and not isinstance(found[0], type):
            self._add(
                path, f"{quote(name)} is {_kind(found[0])}; a payload class is a dataclass with @xmlify"
            )
        elif found is not None and isinstance(found[0], type):
            contract.payload_class = found[0]
            if "schema" not in contract.keys:
                self._own_contract(contract, found[0], path)
        path = (*contract.path, "handler")
        contract.handler = self._function(path, contract.handler_path, "a handler", "payload", "metadata")

    def _own_contract(self, contract: ContractDraft, payload_class: type[Any], path: Path) -> None:
        own = vars(payload_class).get("__contract__")
        if "__contract__" not in vars(payload_class):
            is_foreign = payload_class is RawXml or _is_generated(payload_class)
            remedy = "name its XSD under 'schema'" if is_foreign else "put @xmlify above @dataclass"
            self._add(path, f"{quote(contract.payload_class_path)} is no contract; {remedy}")
        elif isinstance(own, Contract):
            contract.contract = own
            if own.outline.namespace == CORE_NS:
                self._add(path, f"{quote(contract.payload_class_path)} is taken with 'on_refusal' alone")

    def _step(self, step: StepDraft) -> None:
        step.step = self._function((*step.path, "step"), step.step_path, "a step", "state")

    def _function(self, path: Path, name: str, role: str, *parameters: str) -> Callable[..., Any] | None:
        found = self._load(path, name)
        if found is None:
            return None
        value = found[0]
        if not callable(value) or isinstance(value, type):
            self._add(
                path, f"{quote(name)} is {_kind(value)}; {role} is a function ({', '.join(parameters)})"
            )
            return None
        if not _takes(value, len(parameters)):
            wanted = f"{len(parameters)} argument{'s'[: len(parameters) - 1]} ({', '.join(parameters)})"
            self._add(path, f"{quote(name)} cannot be called with {wanted}, as {role} is")
        return value

    def _load(self, path: Path, name: str) -> tuple[object] | None:
        """Import `name`, boxed, as it may be None itself; nothing when there is a fault."""
        if not name:
            return None
        try:
            return (self._importer.load(name),)
        except UnimportableError as exc:
            if not exc.repeated:
                remedy = (
                    "; pip install 'agentserver[xsdata]'" if "No module named 'xsdata" in str(exc) else ""
                )
                self._add(path, f"{exc}{remedy}")
            return None

    def _add(self, path: Path, message: str) -> None:
        self._faults.add(self._document.value_place(path), message)


def _kind(value: object) -> str:
    if isinstance(value, type):
        return "a class"
    if inspect.isroutine(value):
        return "a function"
    if inspect.ismodule(value):
        return "a module"
    return f"a value of type {type(value).__name__}"


def _is_generated(cls: type[Any]) -> bool:
    """Say whether a class looks as xsdata writes them: its `Meta` says what it is in XML."""
    return is_dataclass(cls) and isinstance(vars(cls).get("Meta"), type)


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Say whether `function` takes `count` positional arguments; True when it cannot be known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
