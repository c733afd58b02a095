"""Test cases of an organism, as plain values: what `agentserver test` runs. `case_reader.py` makes them of YAML.

A payload is XML as text; or the name of its root and its fields in JSON notation, which an expectation may give in
part. Knows no YAML and no pump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CasePayload:
    """One payload.

    Args:
        line: Where it stands in the file, 1-based.
        text: XML; empty when it is given by its fields.
        root: Name of the root, where it is given by its fields.
        fields: In JSON notation, where it is given so.
    """

    line: int
    text: str = ""
    root: str = ""
    fields: Any = None


@dataclass(frozen=True, slots=True)
class CaseInput:
    """One message from outside: what, to whom (None leaves that to the payload), and from whom."""

    payload: CasePayload
    to_id: str | None
    from_id: str


@dataclass(frozen=True, slots=True)
class CaseMock:
    """What a listener does in a case: it responds with payloads, or fails with words."""

    replies: tuple[CasePayload, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """One message that must be sent; None is whatever or whoever."""

    line: int
    payload: CasePayload | None
    to_id: str | None
    from_id: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Args:
        file: Its file.
        line: Where it begins in it, 1-based.
        name: What it shows.
        inputs: What is put in, in order.
        mocks: What listeners do instead, by their names.
        expected: Messages that must be sent.
        any_order: Whether in whatever order.
        exactly: Whether nothing else may be sent.
        refusal: The code with which a message must fail; empty when none may.
        expect_none: Whether nothing may be sent.
    """

    file: str
    line: int
    name: str
    inputs: tuple[CaseInput, ...]
    mocks: Mapping[str, CaseMock] = field(default_factory=dict)
    expected: tuple[Expected, ...] = ()
    any_order: bool = False
    exactly: bool = False
    refusal: str = ""
    expect_none: bool = False
