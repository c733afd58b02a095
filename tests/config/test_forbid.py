"""`forbid:` fails what has such a way, before anything starts, and says which way and what lets it be."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentserver.config import ForbidConfig, ListenerConfig, OrganismConfig
from agentserver.config.forbidden_ways import refuse_forbidden_ways
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

HEAD = "organism: {name: shop}\n"
TAKES_ORDER = "payload_class: shop.tools.Order, handler: shop.tools.take"


def listeners(*items: str) -> str:
    return HEAD + "listeners:\n" + "".join(f"  - {{{item}, {TAKES_ORDER}}}\n" for item in items)


CHAIN = listeners(
    "name: browser, agent: true, peers: [planner]",
    "name: planner, peers: [till.order]",
    "name: till, agent: true",
)


def test_a_way_over_another_is_a_fault_at_the_entry(faults_of: FaultsOf) -> None:
    expected = (
        "'browser' can reach 'till', which is forbidden: browser -> planner -> till; "
        "browser has the peer 'planner' (line 3); planner has the peer 'till.order' (line 4)"
    )
    assert [(6, 10, expected)] == faults_of(f"{CHAIN}forbid: [{{from: browser, to: till}}]\n")


def test_a_listener_without_peers_is_blamed(faults_of: FaultsOf) -> None:
    text = listeners("name: browser, peers: [planner]", "name: planner", "name: till")
    [(_, _, message)] = faults_of(f"{text}forbid: [{{from: browser, to: till}}]\n")

    assert message.endswith("planner has no 'peers', so it may address everybody (line 4)")


def test_what_has_no_way_is_read(load: Load) -> None:
    text = f"{CHAIN}forbid:\n  - {{from: till, to: browser}}\n  - {{from: Planner, to: BROWSER}}\n"

    assert [ForbidConfig("till", "browser"), ForbidConfig("Planner", "BROWSER")] == load(text).forbid
    assert [7, 8] == [each.line for each in load(text).forbid]


@pytest.mark.parametrize(("start", "end"), [("search", "till"), ("clerk", "search"), ("search", "Search")])
def test_both_ends_may_be_shared_names(start: str, end: str, faults_of: FaultsOf) -> None:
    text = listeners(
        "name: search.shelf, broadcast: true, peers: []",
        "name: search.cellar, broadcast: true, peers: [till, search.shelf]",
        "name: clerk, peers: [search.cellar]",
        "name: till, peers: []",
    )
    assert [7] == [line for line, *_ in faults_of(f"{text}forbid: [{{from: {start}, to: {end}}}]\n")]


def test_of_many_that_are_reached_one_is_shown(faults_of: FaultsOf) -> None:
    shared = [f"name: search.n{index}, broadcast: true, peers: []" for index in range(5)]
    text = listeners("name: clerk, peers: [search]", *shared)
    [(_, _, message)] = faults_of(f"{text}forbid: [{{from: clerk, to: search}}]\n")

    assert message.startswith("'clerk' can reach 'search.n0', and 4 more of that name, which is forbidden: ")


def test_unknown_names_have_suggestions(faults_of: FaultsOf) -> None:
    expected = [
        (6, 17, "no listener 'browsr'; did you mean 'browser'?"),
        (6, 29, "no listener 'outside'"),
    ]
    assert expected == faults_of(f"{CHAIN}forbid: [{{from: browsr, to: outside}}]\n")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{from: till}", "forbid[0]: missing key 'to'"),
        ("{from: till, to: browser, since: 1}", "forbid[0]: unknown key 'since'"),
        ("till", "forbid[0]: found 'till', expected a mapping (key: value)"),
    ],
)
def test_wrong_shapes(value: str, message: str, faults_of: FaultsOf) -> None:
    [(line, _, found)] = faults_of(f"{CHAIN}forbid: [{value}]\n")

    assert (6, message) == (line, found)


def test_a_way_is_told_beside_other_faults(faults_of: FaultsOf) -> None:
    text = f"{CHAIN}forbid: [{{from: browser, to: till}}]\nport: 1\n"

    assert [6, 7] == [line for line, *_ in faults_of(text)]


def test_a_long_way_is_told_shortly(faults_of: FaultsOf) -> None:
    chain = [f"name: n{index}, peers: [n{index + 1}]" for index in range(300)]
    [(_, _, message)] = faults_of(
        f"{listeners(*chain, 'name: n300, peers: []')}forbid: [{{from: n0, to: n300}}]\n"
    )

    assert "n5 -> (289 more) -> n295" in message
    assert len(message) < 1_000


def test_a_thousand_listeners_without_peers_are_checked_at_once(project: Path, load: Load) -> None:
    many = [f"name: n{index}" for index in range(1_000)]
    closed = ["name: a, peers: [b]", "name: b, peers: []"]
    text = listeners(*closed, *many)
    forbid = "forbid:\n" + "".join(
        f"  - {{from: {start}, to: n{index}}}\n" for index in range(500) for start in "ab"
    )

    def seconds(yaml: str) -> float:
        began = time.perf_counter()
        load(yaml)
        return time.perf_counter() - began

    plain = min(seconds(text) for _ in range(2))
    assert seconds(text + forbid) < 3 * plain + 0.5


def test_a_configuration_made_in_code_is_held_to_it() -> None:
    organism = OrganismConfig(
        "shop",
        listeners=[
            ListenerConfig("a", peers=["b"]),
            ListenerConfig("b", peers=["c"]),
            ListenerConfig("c", peers=[]),
        ],
        forbid=[ForbidConfig("a", "c"), ForbidConfig("c", "a"), ForbidConfig("a", "d")],
    )
    with pytest.raises(ConfigError) as caught:
        refuse_forbidden_ways(organism)

    assert [
        "'a' can reach 'c', which is forbidden: a -> b -> c; a has the peer 'b'; b has the peer 'c'",
        "forbid: no listener 'd'",
    ] == [fault.message for fault in caught.value.faults]
