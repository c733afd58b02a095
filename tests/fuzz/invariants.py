"""What must hold of any bytes at all, from the first parse to the payload's instance. Raises AssertionError."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from xml.parsers import expat

from annotated_types import Ge, Le, MaxLen

from agentserver import RawXml, xmlify
from agentserver.config import Limits
from agentserver.errors import AgentServerError, WireError
from agentserver.message_bus import Listener, MessageState
from agentserver.message_bus.gate import gate_stages
from agentserver.message_bus.message_state import HandlerMetadata
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.threads import Threads
from agentserver.wire import (
    Element,
    MessageSplitter,
    ParseLimits,
    RootsParser,
    StrictParser,
    canonical,
    fenced_alone,
    first_violation,
    line_of,
    recover,
    repair_safely,
    whole_roots,
)
from agentserver.xmlable import Pattern, Secret, contract_of, xml

WIRE_CODES = frozenset(
    (
        *("too-large", "not-utf8", "encoding", "xml-version", "doctype", "syntax", "node-type", "too-deep"),
        *(
            "too-many-elements",
            "too-many-attributes",
            "too-many-namespaces",
            "name-too-long",
            "namespace-uri",
        ),
    )
)
GATE_CODES = WIRE_CODES | {
    "schema",
    "binding",
    "no-listener",
    "ambiguous",
    "too-many",
    "privileged",
    "false-sender",
}
LIMITS = ParseLimits(message_bytes=6_000, depth=12, elements=120, attributes=8, name_chars=100, namespaces=8)
MAX_ERROR_CHARS = 1_500
"""An error names a path, what was found and what was expected, each of which is cut."""


@xmlify
@dataclass
class Circle:
    radius: Annotated[float, Ge(0)]


@xmlify
@dataclass
class Square:
    side: Decimal


@xmlify
@dataclass
class Line:
    sku: Annotated[str, Pattern(r"[A-Z]{2}[0-9]+(-[a-z]+)*"), MaxLen(20)]
    count: Annotated[int, Ge(0), Le(1_000)] = 1
    id: str = field(default="", metadata=xml(attribute=True))


@xmlify
@dataclass
class Order:
    """Has a field of each kind."""

    name: str
    lines: list[Line] = field(default_factory=list)
    prices: dict[str, Decimal] = field(default_factory=dict)
    shape: Circle | Square | int = 0
    size: Literal["small", "large"] = "small"
    ratio: float = 0.0
    paid: bool = False
    made: datetime | None = None
    day: date | None = None
    hour: time | None = None
    wait: timedelta | None = None
    key: UUID | None = None
    data: bytes = b""
    pin: Annotated[str, Secret] = ""
    pair: tuple[int, str] | None = None


@xmlify
@dataclass
class Parcel:
    """Holds anything."""

    body: RawXml


async def ignore(payload: object, metadata: HandlerMetadata) -> None:
    """Handle nothing."""


class Invariants:
    """Judge inputs, with parsers and a gate that are used for all of them, as a pump's are."""

    def __init__(self) -> None:
        table = RoutingTable()
        for payload_class in (Order, Parcel):
            table.add(Listener(payload_class.__name__.lower(), payload_class, ignore))
        limits = Limits(
            message_bytes=LIMITS.message_bytes, depth=LIMITS.depth, elements=LIMITS.elements,
            attributes=LIMITS.attributes, name_chars=LIMITS.name_chars, namespaces=LIMITS.namespaces,
        )  # fmt: skip
        self._stages: list[Any] = gate_stages(limits, table, Threads(b"key"))
        self._parser, self._roots = StrictParser(LIMITS), RootsParser(LIMITS)

    def check(self, data: bytes) -> str:
        """Hold every invariant against `data`; return what the gate says of it, or `accept`."""
        verdict, form = judged(self._parser, data)
        assert judged(StrictParser(LIMITS), data) == (verdict, form), "another verdict by a new parser"
        if verdict == "accept":
            self._check_accepted(data, form)
        else:
            self._check_repairs(data)
        check_splitter(data)
        return self._check_gate(data)

    def _check_accepted(self, data: bytes, form: bytes) -> None:
        assert is_taken_by_expat(data), "accepted, and not well-formed for expat"
        assert judged(StrictParser(), form) == ("accept", form), "C14N is not idempotent"
        root: Any = self._parser.parse(data)  # the stub lacks `sourceline`
        assert len(form) <= 8 * LIMITS.message_bytes + 8 * len(data), "C14N made it many times as long"
        assert line_of(data, [0]) == root.sourceline, "another line than libxml2's"
        mended = repair_safely(data)
        assert tags_of(self._parser.parse(mended.data)) == tags_of(root), (
            "a repair changed what was well-formed"
        )

    def _check_repairs(self, data: bytes) -> None:
        assert whole_roots(data) >= 0
        safe, fenced = repair_safely(data), fenced_alone(data)
        if fenced is not None:
            roots_in(self._roots, fenced.data)
        tags = roots_in(self._roots, safe.data)
        assert tags is None or roots_in(self._roots, repair_safely(safe.data).data) == tags, (
            "what a repair made good is another when repaired again"
        )
        try:
            recovered = recover(data, LIMITS)
        except WireError as error:
            check_error(error, WIRE_CODES)
        else:
            roots_in(self._roots, recovered.data)  # which has the last word: a prefix may still be undeclared

    def _check_gate(self, data: bytes) -> str:
        first, second = self._through(data), self._through(data)
        assert [told(state) for state in first] == [told(state) for state in second], (
            "another verdict at the gate"
        )
        for state in first:
            if state.failure is not None:
                check_error(state.failure, GATE_CODES)
            else:
                check_binding(state.payload)
        return first[0].failure.code if first[0].failure is not None else "accept"

    def _through(self, data: bytes) -> list[MessageState]:
        batch = [MessageState(data, from_id="user")]
        for stage in self._stages:
            batch = stage.over(batch)
        return batch


def judged(parser: StrictParser, data: bytes) -> tuple[str, bytes]:
    """Return the code and, of what is taken, the canonical form."""
    try:
        return "accept", canonical(parser.parse(data))
    except WireError as error:
        check_error(error, WIRE_CODES)
        return error.code, b""


def roots_in(parser: RootsParser, data: bytes) -> list[list[str]] | None:
    """Return the tags in each root; None of what is refused."""
    try:
        roots, _ = parser.parse(data)
        forms = [canonical(root) for root in roots]
    except WireError as error:
        check_error(error, WIRE_CODES)
        return None
    assert all(map(is_taken_by_expat, forms)), "several roots accepted, and one is not well-formed for expat"
    return [tags_of(root) for root in roots]


def check_error(error: AgentServerError, codes: frozenset[str]) -> None:
    assert error.code in codes, f"code {error.code!r} of {error}"
    assert len(str(error)) <= MAX_ERROR_CHARS, f"{len(str(error))} characters of error"


def check_binding(payload: Any) -> None:
    """Write an instance and read it again: valid, and the same."""
    contract = contract_of(type(payload))
    element = written(payload)
    assert first_violation(contract.schema, element) is None, "what was read cannot be written"
    assert canonical(written(contract.read(element))) == canonical(element), "another payload when read again"


def written(payload: Any) -> Element:
    contract = contract_of(type(payload))
    element = contract.blank()
    contract.fill(payload, element)
    return element


def check_splitter(data: bytes) -> None:
    """Cut a stream in one piece and in pieces: what comes out is the same, and nothing is made up."""
    whole, pieces = MessageSplitter(LIMITS.message_bytes), MessageSplitter(LIMITS.message_bytes)
    expected = [*whole.feed(data), *whole.close()]
    step = max(1, len(data) // 7)
    found = [piece for at in range(0, len(data), step) for piece in pieces.feed(data[at : at + step])]
    found += pieces.close()
    assert found == expected, "another cut of the same stream in pieces"
    assert all(piece in data for piece in expected), "a piece that was not there"


def tags_of(root: Element) -> list[str]:
    return [str(element.tag) for element in root.iter()]


def told(state: MessageState) -> tuple[str, str | None, bytes | None]:
    return state.stage, state.error, state.canonical


def is_taken_by_expat(data: bytes) -> bool:
    """Ask expat, which knows the names of XML 1.0 (4th ed.) alone: other letters are put in place of newer ones."""
    return _is_well_formed(data) or _is_well_formed(re.sub("[^\0-\x7f]", "é", data.decode()).encode())


def _is_well_formed(data: bytes) -> bool:
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        return False
    return True
