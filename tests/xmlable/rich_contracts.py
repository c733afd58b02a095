"""Classes with every kind of type and constraint: what the artefacts of real contracts are tested on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from annotated_types import Ge, Gt, Le, Len, Lt, MaxLen, MinLen, MultipleOf

from agentserver.xmlable import Doc, Pattern, RawXml, Secret, xml, xmlify


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(Enum):
    LOW = 1
    HIGH = 2


@dataclass
class Circle:
    """Round."""

    radius: Annotated[Decimal, Gt(0), MultipleOf(Decimal("0.01"))]


@dataclass(frozen=True)
class Square:
    side: float


@xmlify
@dataclass
class Shapes:
    """Shapes and what they are made of."""

    name: Annotated[str, MinLen(1), MaxLen(20), Doc("What it is called.")]
    code: Annotated[str, Pattern(r"[A-Z]{2}\d{1,3}(-[a-z]+)?")]
    shape: Circle | Square | int
    colour: Colour
    level: Level
    size: Literal[1, 2, True]
    more: list[Circle | str] = field(default_factory=list)
    count: Annotated[int, Ge(0), Lt(100)] = 7
    even: Annotated[int, MultipleOf(2)] = 2
    third: Annotated[int, MultipleOf(3), Ge(0), Le(30)] = 3
    ratio: Annotated[float, Ge(0), Le(1)] = 0.5
    high: Annotated[float, Gt(1)] = 2.0
    wide: float = 1.0
    price: Annotated[Decimal, Ge(0), Le(Decimal("999.99")), MultipleOf(Decimal("0.01"))] = Decimal(1)
    data: Annotated[bytes, MaxLen(5)] = b""
    pin: Annotated[str, Secret, Len(4, 4)] = "0000"


@xmlify(namespace="urn:shop")
@dataclass(kw_only=True)
class Visit:
    """Times, collections and XML."""

    id: int = field(metadata=xml(name="ID", attribute=True))
    note: str | None = field(default=None, metadata=xml(attribute=True))
    day: date | None = None
    moment: datetime | None = None
    clock: time | None = None
    span: timedelta | None = None
    key: UUID | None = None
    flag: bool = True
    tags: Annotated[list[str], MinLen(1), MaxLen(3)]
    words: set[str] = field(default_factory=set)
    pair: tuple[int, str | None] = (1, None)
    prices: dict[str, Decimal] = field(default_factory=dict)
    counts: dict[int, Circle | None] = field(default_factory=dict)
    grid: list[list[int]] = field(default_factory=list)
    other: "Visit | None" = None  # noqa: UP037
    plain: str = field(default="", metadata=xml(namespace=""))
    body: RawXml | None = None


@xmlify
@dataclass
class Add:
    """Adds."""

    left: "Add | int"  # noqa: UP037
    right: "Add | int"  # noqa: UP037


RICH = (Shapes, Visit, Add)
