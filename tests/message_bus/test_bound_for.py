"""A glance at bytes: for whom they claim to be. Whatever they are, it says something, or nothing, and at once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.message_bus.bound_for import bound_for
from tests.organisms import ping


@pytest.mark.parametrize(
    ("data", "claim"),
    [
        (ping(to="Greeter"), "greeter"),
        (ping(to=None), None),
        (b"<Greeting><to>x</to></Greeting>", "greeting"),
        (b"\n <a:Order xmlns:a='u'/>", "order"),
        (b'<?xml version="1.0"?><m:message xmlns:m="u"><m:meta><m:from>a</m:from><m:to> b </m:to>', "b"),
        (b"", None),
        (b"\xff\xfe<", None),
        (b"<message>" + b" " * 5_000 + b"<to>late</to>", None),
    ],
)
def test_what_a_message_claims(data: bytes, claim: str | None) -> None:
    assert bound_for(data) == claim


@given(st.binary(max_size=300))
def test_anything_may_be_looked_at(data: bytes) -> None:
    assert isinstance(bound_for(data), str | None)


@pytest.mark.parametrize("piece", [b"<to>", b" ", b"<a:", b"<message>", b"<to>a", b"<?", b"\t<"])
def test_a_long_input_takes_no_time(piece: bytes) -> None:
    began = time.perf_counter()
    for prefix in (b"", b"<message>", b"<message><to>"):
        bound_for(prefix + piece * 100_000)

    assert time.perf_counter() - began < 0.5
