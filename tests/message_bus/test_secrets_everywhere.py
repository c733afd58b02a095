"""Whatever contract, whatever goes wrong with a message: the marker in its secret fields is told nowhere."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, Optional

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver import HandlerMetadata, HandlerResponse, Secret, running, xml, xmlify
from agentserver.config import Limits
from tests.organisms import THREAD, Ping, envelope, listener, pump_of
from tests.secret_ears import MARK, heard, listening, told

Fault = Callable[[Any], Any]
"""What a handler does with its payload: it may raise."""

OPEN: dict[Any, Any] = {str: "open", int: 7, bool: True, list[int]: [1, 2]}


@dataclasses.dataclass
class Card:
    number: str
    holder: Annotated[str, Secret] = MARK


SECRETS: dict[Any, Any] = {
    Annotated[str, Secret]: MARK,
    Annotated[list[str], Secret]: [MARK, f"{MARK}é"],
    list[Annotated[str, Secret]]: [MARK],
    Annotated[tuple[int, str], Secret]: (1_234, MARK),
    Annotated[Card, Secret]: Card(MARK, MARK),
    Annotated[dict[str, str], Secret]: {MARK: MARK},
    Optional[Annotated[str, Secret]]: MARK,  # noqa: UP045 -- as a key, `|` of an Annotated is another
    Card: Card("4000"),
    list[Card]: [Card("4001"), Card("4002")],
}


@st.composite
def payloads(draw: st.DrawFn) -> Any:
    """Give an instance of a new contract, with at least one secret field that holds the marker."""
    kinds = draw(st.lists(st.sampled_from([*OPEN, *SECRETS]), max_size=4))
    kinds.insert(draw(st.integers(0, len(kinds))), draw(st.sampled_from(list(SECRETS))))
    fields: list[Any] = []
    values: dict[str, Any] = {}
    for number, kind in enumerate(kinds):
        as_attribute = kind in (Annotated[str, Secret], int) and draw(st.booleans())
        metadata = xml(attribute=True) if as_attribute else None
        fields.append((f"field_{number}", kind, dataclasses.field(metadata=metadata)))
        values[f"field_{number}"] = {**OPEN, **SECRETS}[kind]
    thing: Any = xmlify(dataclasses.make_dataclass("Thing", fields))
    return thing(**values)


def raise_payload(payload: Any) -> Any:
    raise ValueError(payload)


def raise_values(payload: Any) -> Any:
    raise RuntimeError(f"{dataclasses.asdict(payload)!r}"[:300]) from KeyError(vars(payload))


def answer_with_itself(payload: Any) -> Any:
    return HandlerResponse.respond(payload)


def answer_with_a_wrong_value(payload: Any) -> Any:
    for field in dataclasses.fields(payload):
        setattr(payload, field.name, {0: (MARK, vars(payload))})
    return HandlerResponse.respond(payload)


def answer_another(payload: Any) -> Any:
    return HandlerResponse.respond(Ping(next(iter(vars(payload).values()))))


def answer_bytes(payload: Any) -> Any:
    return etree.tostring(payload.xml_value("Thing"))[:-3]


FAULTS = [
    raise_payload,
    raise_values,
    answer_with_itself,
    answer_with_a_wrong_value,
    answer_another,
    answer_bytes,
]


@st.composite
def harms(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Give what makes another message of one: nothing, or what a careless or hostile sender may do to it."""
    at, length = draw(st.integers(0, 10_000)), draw(st.integers(0, 3))
    piece = draw(st.sampled_from([b"", b"<", b"&", b">", b'"', b"x", MARK.encode(), f"<{MARK}>".encode()]))

    def spliced(data: bytes) -> bytes:
        return data[: at % len(data)] + piece + data[at % len(data) + length :]

    harms: list[Callable[[bytes], bytes]] = [
        lambda data: data,
        lambda data: data.replace(b"<to>vault</to>", b"<to>nobody</to>"),
        lambda data: data[: at % len(data)],
        spliced,
        spliced,
        spliced,
    ]
    return draw(st.sampled_from(harms))


def moved(tree: etree._Element, draw: Callable[[int], int]) -> None:
    """Move, double, rename or wrap one element of a payload."""
    nodes = [node for node in tree.iter("*") if node is not tree]
    if not nodes:
        return
    node, other = nodes[draw(len(nodes))], nodes[draw(len(nodes))]
    harm, text = draw(5), "".join(map(str, other.itertext("*")))
    if harm == 0:
        tree.append(etree.fromstring(etree.tostring(node, with_tail=False)))
    elif harm == 1:
        node.tag = node.tag.lower()
    elif harm == 2:
        node.text = (node.text or "") + text
    elif harm == 3:
        node.set(str(other.tag), text)
    else:
        etree.SubElement(node, str(other.tag)).text = text


async def everything_told(payload: Any, message: bytes, fault: Fault) -> str:
    async def handler(received: Any, metadata: HandlerMetadata) -> Any:
        return fault(received)

    pump = pump_of(listener("vault", type(payload), handler), limits=Limits(handler_timeout_s=5))
    seen: list[Any] = []
    pump.add_outlet(seen.append)
    with listening() as ear:
        async with running(pump):
            await pump.inject(message, THREAD, "user")
            await pump.drained()
    assert pump.books.balanced
    return told(pump, seen, ear) + repr(payload)


def message_of(tree: etree._Element) -> bytes:
    inner = etree.tostring(tree, encoding="unicode").replace("<Thing", '<Thing xmlns=""', 1)
    return envelope(inner, to="vault")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payloads(), st.sampled_from(FAULTS), harms())
def test_whatever_becomes_of_a_message_its_secrets_are_told_nowhere(
    payload: Any, fault: Fault, harm: Callable[[bytes], bytes]
) -> None:
    message = harm(message_of(payload.xml_value("Thing")))

    assert "" == heard(asyncio.run(everything_told(payload, message, fault)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payloads(), st.data())
def test_wherever_its_elements_are_moved_the_secrets_of_a_message_are_told_nowhere(
    payload: Any, data: st.DataObject
) -> None:
    tree = payload.xml_value("Thing")
    for _ in range(data.draw(st.integers(1, 3))):
        moved(tree, lambda count: data.draw(st.integers(0, count - 1)))

    assert "" == heard(asyncio.run(everything_told(payload, message_of(tree), raise_payload)))
