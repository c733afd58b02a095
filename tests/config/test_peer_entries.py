"""A peer that is narrowed to some payload classes: what it stands for, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from agentserver import xmlify
from agentserver.config import ListenerConfig, OrganismConfig
from agentserver.config.decisions import decide
from agentserver.config.members import members_of
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[[str], list[tuple[int, int, str]]]

FILE = """\
organism: {{name: shop}}
listeners:
  - name: clerk
    payload_class: shop.tools.Order
    handler: shop.tools.take
    peers: {peers}
  - name: till
    handles:
      - {{payload_class: shop.tools.Order, handler: shop.tools.take}}
      - {{payload_class: shop.tools.Order2, handler: shop.tools.take}}
  - {{name: search.shelf, broadcast: true, payload_class: shop.tools.Order, handler: shop.tools.take}}
"""


@xmlify(name="Bid")
@dataclass
class Offer:
    """Called otherwise in XML."""

    price: int


class Plain:
    """No contract."""


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ("[{name: till, payloads: [Order]}]", ["till.Order"]),
        ("[{name: till, payloads: [Order2, order]}, search]", ["till.Order2", "till.order", "search"]),
        ("[search, {name: TILL, payloads: [Order]}, clerk]", ["search", "TILL.Order", "clerk"]),
        ("[{name: search, payloads: [Order]}]", ["search.Order"]),
        ("[{name: system.meta, payloads: [RequestSchema]}]", ["system.meta.RequestSchema"]),
    ],
)
def test_each_payload_class_is_a_peer(peers: str, expected: list[str], load: Load) -> None:
    assert load(FILE.format(peers=peers)).listeners[0].peers == expected


@pytest.mark.parametrize(
    ("peers", "column", "message"),
    [
        ("[{name: tlil, payloads: [Order]}]", 20, "no listener 'tlil'; did you mean 'till'?"),
        (
            "[{name: till, payloads: [Order, Ordre]}]",
            44,
            "'till' takes no payload 'Ordre'; did you mean 'Order'?",
        ),
        (
            "[{name: system.meta, payloads: [RequestSchem]}]",
            44,
            "'system.meta' takes no payload 'RequestSchem'; did you mean 'RequestSchema'?",
        ),
        ("[{name: till, payloads: [x]}]", 37, "'till' takes no payload 'x'"),
        ("[{name: till}]", 13, "listeners[0].peers[0]: missing key 'payloads'"),
        (
            "[{name: till, payload: [Order], payloads: [Order]}]",
            26,
            "listeners[0].peers[0]: unknown key 'payload'; did you mean 'payloads'?",
        ),
        (
            "[{name: till, payloads: []}]",
            36,
            "listeners[0].peers[0].payloads: found a list, expected at least one item",
        ),
        (
            "[{name: till, payloads: Order}]",
            36,
            "listeners[0].peers[0].payloads: found 'Order', expected a list",
        ),
        (
            "[{name: till, payloads: [5]}]",
            37,
            "listeners[0].peers[0].payloads[0]: found 5, expected text; put it in quotes",
        ),
        ('[""]', 13, "listeners[0].peers[0]: found '', expected text that is not empty"),
        ("[[till]]", 13, "listeners[0].peers[0]: found a list, expected text"),
    ],
)
def test_faults_are_told_at_their_place(peers: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert faults_of(FILE.format(peers=peers)) == [(6, column, message)]


def test_an_unknown_peer_of_several_payloads_is_one_fault(faults_of: FaultsOf) -> None:
    assert len(faults_of(FILE.format(peers="[{name: zzz, payloads: [Order, Order2]}]"))) == 1


def test_the_line_that_decides_is_that_of_the_payload_class(load: Load) -> None:
    peers = "\n    - name: till\n      payloads:\n        - Order2\n        - Order"
    clerk, till, _ = members_of(load(FILE.format(peers=peers)))
    decision = decide(clerk, "till", [till], "Order")
    assert (decision.allowed, decision.line) == (True, 10)


def test_other_payload_classes_of_it_are_no_peers(load: Load) -> None:
    clerk, till, _ = members_of(load(FILE.format(peers="[{name: till, payloads: [Order]}]")))
    decision = decide(clerk, "till", [till])
    assert (decision.payloads, decide(clerk, "till", [till], "Order2").allowed) == (("Order",), False)


def test_a_configuration_in_code_may_name_classes() -> None:
    peers = [
        "desk",
        {"name": "bank", "payloads": [Offer, Plain, "Quote"]},
        {"name": "b", "payloads": {"y", "x"}},
    ]
    assert ListenerConfig("a", peers=peers).peers == [
        "desk", "bank.Bid", "bank.Plain", "bank.Quote", "b.x", "b.y"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "peers",
    [
        "bank", {"name": "bank", "payloads": ["Quote"]}, [5], [""], [{}], [{"name": "bank"}],
        [{"name": "bank", "payloads": []}], [{"name": "bank", "payloads": "Quote"}],
        [{"name": "bank", "payloads": [5]}], [{"name": "", "payloads": ["Quote"]}],
        [{"name": "bank", "payloads": ["Quote"], "more": 1}],
    ],
)  # fmt: skip
def test_what_is_no_peer_is_refused_in_code_as_well(peers: Any) -> None:
    with pytest.raises(ConfigError, match="expected a name, or a mapping"):
        ListenerConfig("a", peers=peers)
