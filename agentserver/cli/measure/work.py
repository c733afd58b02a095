"""The works that are measured: who listens, what is sent, and how a straight line of lxml calls does the same.

Each is a work that users have: one message to one listener, a chain of listeners, several messages in one input,
several listeners of one message, a large message. `bare` is written out for each, as a straight line is: no loop in
it is more general than its work needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentserver.cli.measure.bare_line import (
    BareLoop,
    bare_broadcast,
    bare_chain,
    bare_several,
    bare_single,
)
from agentserver.cli.measure.line import Listening, Sink
from agentserver.cli.measure.samples import Greeting, Order, greeting, message, order
from agentserver.config import ListenerConfig


@dataclass(frozen=True, slots=True)
class Work:
    """One work.

    Args:
        name: What it is called in a table.
        inputs: What is injected, over and over.
        messages: Handler calls that one input leads to.
        count: Inputs of one turn, so that a turn takes some hundredths of a second.
        listening: The listeners.
        bare: The bare line's loop.
        targets: Least share of another line's throughput, by that line's name.
    """

    name: str
    inputs: Sequence[bytes]
    messages: int
    count: int
    listening: Listening
    bare: BareLoop
    targets: Mapping[str, float]


def all_works() -> list[Work]:
    """Return every work, in the order of the table."""
    return [one_hop(), three_hops(), fan_out(), broadcast(), large_payload()]


def one_hop() -> Work:
    """Return the work of one small message that a listener takes."""
    return Work(
        "one hop", [message(greeting(), "greeter")], 1, 1_200, _greeter, bare_single(Greeting),
        {"gate": 0.8, "bare": 0.65},
    )  # fmt: skip


def three_hops() -> Work:
    """Return the work of a message that goes through three listeners, one after another."""

    def listening(sink: Sink) -> list[ListenerConfig]:
        return [
            _listener("a", sink.forward("b")),
            _listener("b", sink.forward("c")),
            _listener("c", sink.take),
        ]

    return Work(
        "three hops",
        [message(greeting(), "a")],
        3,
        300,
        listening,
        bare_chain(Greeting, "a"),
        {"gate": 0.75},
    )


def fan_out() -> Work:
    """Return the work of an input that holds three envelopes."""
    return Work(
        "fan-out of 3", [3 * message(greeting(), "greeter")], 3, 300, _greeter, bare_several(Greeting), {}
    )


def broadcast() -> Work:
    """Return the work of a message that three listeners take."""

    def listening(sink: Sink) -> list[ListenerConfig]:
        return [_listener(f"search.{name}", sink.take, broadcast=True) for name in "abc"]

    return Work(
        "broadcast to 3", [message(greeting(), "search")], 3, 300, listening, bare_broadcast(Greeting), {}
    )


def large_payload() -> Work:
    """Return the work of a message of 100 KiB."""

    def listening(sink: Sink) -> list[ListenerConfig]:
        return [ListenerConfig("orders", payload_class=Order, handler=sink.take)]

    return Work("100 KiB payload", [message(order(), "orders")], 1, 6, listening, bare_single(Order), {})


def many_listeners(listeners: int, most: int = 1_000) -> Work:
    """Return the work of small messages that go to so many listeners in turn.

    There are `most` inputs however few the listeners, so that two such works differ in their listeners alone.
    """
    names = [f"listener-{index}" for index in range(listeners)]

    def listening(sink: Sink) -> list[ListenerConfig]:
        return [_listener(name, sink.take) for name in names]

    inputs = [message(greeting(), names[index % listeners]) for index in range(most)]
    name = f"{listeners:,} listeners" if listeners > 1 else "1 listener"
    return Work(name, inputs, 1, 1_200, listening, bare_single(Greeting), {})


def _greeter(sink: Sink) -> list[ListenerConfig]:
    return [_listener("greeter", sink.take)]


def _listener(name: str, handler: Callable[..., object], broadcast: bool = False) -> ListenerConfig:
    return ListenerConfig(name, payload_class=Greeting, handler=handler, broadcast=broadcast)
