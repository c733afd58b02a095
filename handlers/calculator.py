"""Two tools under one parent name: `calculator.add` and `calculator.multiply`.

Each takes its own contract, so that a message of the wrong shape never reaches a handler: numbers arrive here as
`Decimal`, or not at all.
"""

from dataclasses import dataclass
from decimal import Decimal

from agentserver import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass
class Add:
    """Asks for `a + b`. In XML: <Add><A>1.5</A><B>2</B></Add>."""

    a: Decimal
    b: Decimal


@xmlify
@dataclass
class Multiply:
    """Asks for `a * b`."""

    a: Decimal
    b: Decimal


@xmlify
@dataclass
class Result:
    """What came out."""

    value: Decimal


async def add(payload: Add, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer whoever asked with the sum."""
    return HandlerResponse.respond(Result(payload.a + payload.b))


async def multiply(payload: Multiply, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer whoever asked with the product."""
    return HandlerResponse.respond(Result(payload.a * payload.b))
