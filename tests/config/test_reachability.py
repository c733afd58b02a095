"""Who can reach whom: the search gives what trying every edge gives, on any organism, and soon."""

from __future__ import annotations

import time
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.config.permissions import deciding
from agentserver.config.reachability import Hop, Member, Reachability

NAMES = ("till", "clerk", "search.shelf", "search.cellar", "Search.Attic")
CONTRACTS = ("Order", "Note", "{urn:acme}Form")
ENTRIES = (
    *NAMES,
    "search",
    "TILL.order",
    "clerk.note",
    "search.order",
    "till.form",
    "till.{urn:acme}form",
    "nobody",
)


@st.composite
def organisms(draw: st.DrawFn) -> list[Member]:
    """Draw up to five listeners, some of them held to peers, some sharing the name `search`."""
    return [
        Member(
            name,
            draw(st.none() | st.lists(st.sampled_from(ENTRIES), max_size=4).map(tuple)),
            tuple(draw(st.lists(st.sampled_from(CONTRACTS), min_size=1, max_size=3, unique=True))),
            draw(st.booleans()),
            draw(st.just("search") | st.just("")) if name.lower().startswith("search.") else "",
        )
        for name in NAMES[: draw(st.integers(1, len(NAMES)))]
    ]


def may_address(sender: Member, receiver: Member, *, itself: bool = True) -> bool:
    """Try everything that can be sent from one to the other."""
    peers = sender.restriction
    if peers is None or (itself and sender.is_agent and sender is receiver):
        return True
    return any(
        deciding(peers, address, tag) for address, tag in product(receiver.addresses, receiver.contracts)
    )


def closure(members: list[Member], edges: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Join edges until nothing new comes of it."""
    places = range(len(members))
    found = set(edges)
    for middle, start, end in product(places, places, places):
        if (start, middle) in found and (middle, end) in found:
            found.add((start, end))
    return found


def edges_of(members: list[Member]) -> set[tuple[int, int]]:
    return {
        (start, end)
        for (start, sender), (end, receiver) in product(enumerate(members), repeat=2)
        if may_address(sender, receiver)
    }


@given(organisms(), st.sampled_from(("search", *NAMES)), st.sampled_from(("search", *NAMES)))
def test_what_can_be_reached_is_the_closure_of_what_may_be_addressed(
    members: list[Member], start: str, end: str
) -> None:
    reached = closure(members, edges_of(members))
    starts = [index for index, each in enumerate(members) if start.lower() in each.addresses]
    ends = [index for index, each in enumerate(members) if end.lower() in each.addresses]

    expected = [members[place].name for place in ends if any((first, place) in reached for first in starts)]
    assert expected == [path[-1].receiver.name for path in Reachability(members).paths(start, end)]


@given(organisms(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_each_hop_of_a_path_may_be_made_and_none_shorter_leads_there(
    members: list[Member], start: str, end: str
) -> None:
    edges = edges_of(members)
    at = [member.name.lower() for member in members]
    for path in Reachability(members).paths(start, end):
        assert all(may_address(hop.sender, hop.receiver) for hop in path)
        assert all(before.receiver is after.sender for before, after in pairwise(path))
        assert all(hop.entry is None or hop.entry in (hop.sender.restriction or ()) for hop in path)
        reached, steps = {at.index(start.lower())}, 0
        while at.index(end.lower()) not in reached or not steps:
            reached, steps = {after for before, after in edges if before in reached}, steps + 1
        assert steps == len(path)


@given(organisms())
def test_cycles_are_the_groups_of_whom_each_reaches_each(members: list[Member]) -> None:
    held = [member for member in members if member.restriction is not None]
    edges = {
        (start, end)
        for (start, sender), (end, receiver) in product(enumerate(held), repeat=2)
        if may_address(sender, receiver, itself=False)
    }
    reached = closure(held, edges)
    groups = {
        frozenset(other for other in range(len(held)) if {(one, other), (other, one)} <= reached)
        for one in range(len(held))
        if (one, one) in reached
    }

    cycles = Reachability(members).cycles()
    assert sorted(held[min(group)].name for group in groups) == sorted(path[0].sender.name for path in cycles)
    assert all(path[0].sender is path[-1].receiver or path[0].sender == path[-1].receiver for path in cycles)


def held(name: str, *peers: str) -> Member:
    return Member(name, peers, ("Order",))


def names(path: list[Hop]) -> list[str]:
    return [path[0].sender.name, *(hop.receiver.name for hop in path)]


def test_an_answer_is_no_way() -> None:
    graph = Reachability([held("browser", "planner"), held("planner")])

    assert [] == graph.paths("planner", "browser")


def test_of_two_ways_the_shorter_is_given() -> None:
    graph = Reachability([held("a", "b", "c"), held("b", "c"), held("c", "d"), held("d")])

    assert [["a", "c", "d"]] == [names(path) for path in graph.paths("A", "D")]


def test_a_shared_name_is_all_who_share_it() -> None:
    shelf, cellar = (
        Member(f"search.{name}", (), ("Order",), shared="search") for name in ("shelf", "cellar")
    )
    graph = Reachability([held("a", "search"), shelf, cellar])

    assert [["a", "search.shelf"], ["a", "search.cellar"]] == [
        names(path) for path in graph.paths("a", "search")
    ]


def test_a_listener_held_to_nothing_reaches_everybody_and_itself() -> None:
    graph = Reachability([Member("a", None, ("Order",)), held("b")])

    assert [["a", "b"], ["a", "a"]] == [names(graph.paths("a", end)[0]) for end in "ba"]


def test_what_is_guarded_is_not_among_everybody() -> None:
    meta = Member("system.meta", (), ("RequestSchema",), guarded=frozenset({"RequestSchema"}))
    graph = Reachability([Member("a", None, ("Order",)), meta, held("b", "system.meta")])

    assert [["a", "b", "system.meta"]] == [names(path) for path in graph.paths("a", "system.meta")]


def test_a_chain_of_ten_thousand_is_searched_and_one_cycle() -> None:
    chain = [held(f"n{index}", f"n{(index + 1) % 10_000}") for index in range(10_000)]
    graph = Reachability(chain)

    assert [9_999] == [len(path) for path in graph.paths("n0", "n9999")]
    assert [10_000] == [len(path) for path in graph.cycles()]


@pytest.mark.parametrize("peers", [None, ("search",)], ids=["everybody", "one shared name"])
def test_a_search_takes_no_time_for_each_edge(peers: tuple[str, ...] | None) -> None:
    members = [Member(f"search.n{index}", peers, ("Order",), shared="search") for index in range(5_000)]
    began = time.perf_counter()
    graph = Reachability(members)
    graph.paths("search.n0", "search.n4999")
    graph.cycles()

    assert time.perf_counter() - began < 2  # 25 million edges would take far longer
