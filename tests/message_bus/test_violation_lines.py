"""A message that breaks its contract is told with the place, and with the line in what its sender wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest
from annotated_types import MultipleOf

from agentserver import Pattern, StreamPump, xmlify
from agentserver.errors import EnvelopeError, PayloadError
from agentserver.message_bus import MessageState
from tests.organisms import ENVELOPE_NS, Recorder, listener, outcomes, pump_of


@xmlify
@dataclass
class Line:
    """One line of an order."""

    count: int


@xmlify
@dataclass
class Order:
    """Some lines."""

    lines: list[Line]


def pump() -> StreamPump:
    return pump_of(listener("desk", Order, Recorder()))


def copying_pump() -> StreamPump:
    return pump_of(*(listener(f"copy.{name}", Order, Recorder(), broadcast=True) for name in "ab"))


def order(*counts: Any, space: str = "\n") -> bytes:
    """Write an order whose n-th line, from 0, begins on line n + 2."""
    lines = "".join(f"<Lines><Count>{count}</Count></Lines>{space}" for count in counts)
    return f"<Order>{space}{lines}</Order>".encode()


def message(payload: bytes, to: str = "desk") -> bytes:
    meta = f"<from>user</from>\n<to>{to}</to>".encode()
    payload = payload.replace(b"<Order>", b'<Order xmlns="">')
    return (
        f'<message xmlns="{ENVELOPE_NS}">\n<meta>'.encode() + meta + b"</meta>\n" + payload + b"\n</message>"
    )


async def failures(
    data: bytes, sender: str | None = "user", organism: Callable[[], StreamPump] = pump
) -> list[tuple[str, int]]:
    """Return the path and the line of each message that broke its contract."""
    found = []
    for state in await outcomes(organism(), data, sender=sender):
        assert isinstance(state.failure, PayloadError)
        found.append((state.failure.detail.partition(":")[0], state.failure.line))
    return found


async def test_a_bare_payload() -> None:
    assert [("Order/Lines[3]/Count", 4)] == await failures(order(1, 2, "x"))


async def test_an_envelope() -> None:
    assert [("Order/Lines[2]/Count", 6)] == await failures(message(order(1, "x", "y")))


async def test_an_envelope_whose_word_counts() -> None:
    assert [("Order/Lines[2]/Count", 6)] == await failures(message(order(1, "x")), sender=None)


async def test_a_large_bare_payload() -> None:
    counts = [1] * 2_000
    assert [("Order/Lines[1501]/Count", 1_502)] == await failures(order(*counts[:1_500], "x", *counts))


async def test_a_large_payload_in_an_envelope() -> None:
    counts = [1] * 2_000
    assert [("Order/Lines[1501]/Count", 1_505)] == await failures(
        message(order(*counts[:1_500], "x", *counts))
    )


async def test_several_payloads_in_one_input() -> None:
    data = (
        b"<?xml version='1.0'?>\n\n"
        + order("x")
        + b"\n<!-- <Order> -->\n"
        + message(order(1, "y"))
        + order("z", 2)
    )
    assert [
        ("Order/Lines/Count", 4),
        ("Order/Lines[2]/Count", 12),
        ("Order/Lines[1]/Count", 15),
    ] == await failures(data)


async def test_several_listeners_of_one_message() -> None:
    assert [("Order/Lines[2]/Count", 6)] * 2 == await failures(
        message(order(1, "x"), to="copy"), organism=copying_pump
    )


async def test_lines_that_end_as_in_windows() -> None:
    assert [("Order/Lines[2]/Count", 3)] == await failures(order(1, "x", space="\r\n"))


async def test_a_root_that_is_named_by_its_key() -> None:
    data = order(1, "x").replace(b"Order>", b"desk.order>")
    assert [("Order/Lines[2]/Count", 3)] == await failures(data)


async def failed(data: bytes) -> MessageState:
    (state,) = await outcomes(pump(), data)
    return state


async def test_an_envelope_that_breaks_its_own_schema() -> None:
    state = await failed(b"\n\n" + message(order(1)).replace(b"<to>", b"<too>").replace(b"</to>", b"</too>"))
    assert isinstance(state.failure, EnvelopeError)
    assert "message/meta/too: found <too>, expected" in state.failure.detail
    assert 5 == state.failure.line


async def test_a_bare_payload_that_stands_in_the_namespace_of_envelopes() -> None:
    state = await failed(f'\n<Order xmlns="{ENVELOPE_NS}"/>'.encode())
    assert isinstance(state.failure, EnvelopeError)
    assert ("message/Order", 2) == (state.failure.detail.partition(":")[0], state.failure.line)


XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.mark.parametrize("wrap", [bytes, message])
async def test_a_switch_of_types(wrap: Any) -> None:
    data = wrap(order(1, 2).replace(b"<Lines><Count>2", f'<Lines {XSI} xsi:nil="true"><Count>2'.encode()))
    state = await failed(data)
    assert isinstance(state.failure, EnvelopeError)
    assert data.partition(b"xsi:nil")[0].count(b"\n") + 1 == state.failure.line
    assert "Order/Lines[2]: xsi:nil is not taken" == state.failure.detail


async def test_the_text_tells_the_place_what_was_found_and_what_was_expected() -> None:
    state = await failed(order(1, "many"))
    assert state.error is not None
    assert state.error.startswith("schema: Order/Lines[2]/Count: found 'many', expected ")
    assert state.error.endswith(" (line 3)")


async def test_several_faults_are_told_each_with_its_place_and_line() -> None:
    state = await failed(order("many", 1, "few", 2))
    assert isinstance(state.failure, PayloadError)
    first, second = state.failure.violations
    assert ("Order/Lines[1]/Count", "'many'", 2) == (first.path, first.found, first.line)
    assert ("Order/Lines[3]/Count", "'few'", 4) == (second.path, second.found, second.line)
    assert (first.path, first.found, first.line) == (
        state.failure.path, state.failure.found, state.failure.line
    )  # fmt: skip
    assert f"schema: {first}; {second}" == state.error


async def test_of_many_faults_five_are_told_in_bounded_length() -> None:
    state = await failed(order(*["many" * 50] * 100))
    assert isinstance(state.failure, PayloadError)
    assert [f"Order/Lines[{number}]/Count" for number in range(1, 6)] == [
        each.path for each in state.failure.violations
    ]
    assert len(state.error or "") <= 500


async def test_what_is_expected_is_told_in_words_and_not_by_the_name_of_a_type() -> None:
    state = await failed(order("many"))
    assert "expected a whole number (xs:integer)" in (state.error or "")


@xmlify
@dataclass
class Parcel:
    """Says what a pattern of its XSD means."""

    pieces: Annotated[int, MultipleOf(5)]
    ident: UUID
    code: Annotated[str, Pattern("[A-Z]+")]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (("10", "7"), "Parcel/Pieces: found '7', expected a multiple of 5"),
        (("10", "x"), "Parcel/Pieces: found 'x', expected a whole number"),
        ((str(UUID(int=1)), "u-1"), "Parcel/Ident: found 'u-1', expected a UUID"),
        (("AB", "ab"), "Parcel/Code: found 'ab', expected a value that matches [A-Z]+"),
    ],
)
async def test_a_pattern_that_stands_for_something_is_told_as_that(
    changed: tuple[str, str], expected: str
) -> None:
    good = f"<Parcel><Pieces>10</Pieces><Ident>{UUID(int=1)}</Ident><Code>AB</Code></Parcel>"
    desk = pump_of(listener("desk", Parcel, Recorder()))
    (state,) = await outcomes(desk, good.replace(*changed).encode())
    assert expected in (state.error or "")
    assert "[0-9]" not in (state.error or "")


async def test_a_reply_that_its_own_contract_refuses_is_told_in_the_same_words() -> None:
    refusing = pump_of(listener("desk", Order, Recorder(b"<Order><Lines><Count>x</Count></Lines></Order>")))
    states = await outcomes(refusing, order(1))
    assert any("Order/Lines/Count: found 'x', expected " in (state.error or "") for state in states)
