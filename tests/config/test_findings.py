"""What is worth a look in an organism that is right: each finding, and what it is not said of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentserver.config import (
    BudgetConfig,
    ForbidConfig,
    HandlesConfig,
    Limits,
    ListenerConfig,
    OrganismConfig,
)
from agentserver.config.findings import Finding, findings_of

Load = Callable[..., OrganismConfig]

HEAD = "organism: {name: shop}\n"
TAKES_ORDER = "payload_class: shop.tools.Order, handler: shop.tools.take"


def of(
    *listeners: ListenerConfig, budget: BudgetConfig | None = None, limits: Limits | None = None
) -> list[Finding]:
    organism = OrganismConfig("shop", listeners=list(listeners))
    organism.budget, organism.limits = budget or organism.budget, limits or organism.limits
    return findings_of(organism)


def held(name: str, *peers: str, broadcast: bool = False) -> ListenerConfig:
    return ListenerConfig(name, "shop.tools.Order", peers=list(peers), broadcast=broadcast)


def free(name: str) -> ListenerConfig:
    return ListenerConfig(name, "shop.tools.Order")


def codes(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.code, finding.listener) for finding in findings]


def test_two_who_may_call_each_other_for_ever() -> None:
    [finding] = of(held("alice", "bob"), held("bob", "alice"))

    expected = (
        "these may go on calling each other, until limits.hops (1000) or budget.messages (10000) ends it, "
        "which are defaults: alice -> bob -> alice; alice has the peer 'bob'; bob has the peer 'alice'; "
        "set 'budget' to what a conversation may use"
    )
    assert Finding("warning", "unbounded-cycle", "alice", 0, expected) == finding


@pytest.mark.parametrize("budget", [BudgetConfig(messages=50), BudgetConfig(hops=50), BudgetConfig(wall_s=9)])
def test_a_budget_that_somebody_set_bounds_a_cycle(budget: BudgetConfig) -> None:
    assert [] == of(held("alice", "bob"), held("bob", "alice"), budget=budget)


def test_hops_that_somebody_set_bound_a_cycle() -> None:
    assert [] == of(held("alice", "bob"), held("bob", "alice"), limits=Limits(hops=10))


@pytest.mark.parametrize(("key", "count"), [("budget: {messages: 10000}", 0), ("budget: {fan_out: 5}", 1)])
def test_a_default_that_the_file_repeats_was_decided(key: str, count: int, load: Load) -> None:
    pair = f"  - {{name: a, peers: [b], {TAKES_ORDER}}}\n  - {{name: b, peers: [a], {TAKES_ORDER}}}\n"

    assert count == len(findings_of(load(f"{HEAD}{key}\nlisteners:\n{pair}")))


def test_who_names_itself_is_noted_however_it_is_bounded() -> None:
    findings = of(held("alice", "alice", "bob"), held("bob"), budget=BudgetConfig(messages=5))

    assert ("note", "self-call", "alice") in codes(findings)


def test_an_agent_may_address_itself_without_a_word() -> None:
    assert (
        []
        == of(ListenerConfig("a", "shop.tools.Order", is_agent=True, peers=["b"]), held("b", "a"), held("c"))[
            2:
        ]
    )


def test_who_only_outsiders_can_call() -> None:
    assert [("note", "outside-only", "browser")] == codes(of(held("browser", "till"), held("till")))


def test_who_only_outsiders_can_call_and_who_calls_nobody() -> None:
    findings = of(held("browser", "till"), held("till"), held("attic"))

    assert ("warning", "dead-listener", "attic") in codes(findings)


@pytest.mark.parametrize("listeners", [(held("a"), held("b")), (held("a"),), (free("a"), free("b"))])
def test_where_nobody_has_peers_nobody_is_dead(listeners: tuple[ListenerConfig, ...]) -> None:
    assert [] == of(*listeners)


def test_who_calls_itself_alone_is_called_by_nobody() -> None:
    findings = of(held("a", "a"), held("b", "c"), held("c"))

    assert ("note", "outside-only", "a") in codes(findings)


def test_those_without_peers_are_told_among_others_that_have_some() -> None:
    assert [("note", "unrestricted", "a")] == codes(of(free("a"), held("b", "a"), free("c")))


def test_an_agent_of_which_nothing_is_said() -> None:
    agent = ListenerConfig("a", "shop.tools.Order", is_agent=True)

    assert [("note", "agent-without-peers", "a")] == codes(of(agent))


def test_a_contract_beside_its_whole_listener_narrows_nothing() -> None:
    findings = of(held("a", "Till.Order", "till"), held("till"))

    assert ("warning", "void-narrowing", "a") in codes(findings)


def test_a_peer_that_names_a_listener_and_a_contract() -> None:
    findings = of(held("a", "till.order"), held("till"), held("till.order"))

    assert ("warning", "ambiguous-peer", "a") in codes(findings)


def test_findings_stand_in_the_order_of_the_file_with_their_lines(load: Load) -> None:
    text = (
        f"{HEAD}listeners:\n"
        f"  - {{name: a, peers: [b, till.order, till], {TAKES_ORDER}}}\n"
        f"  - name: b\n    peers:\n      - till\n      - a\n    payload_class: shop.tools.Order\n"
        "    handler: shop.tools.take\n"
        f"  - {{name: till, agent: true, {TAKES_ORDER}}}\n"
    )
    found = [(finding.line, finding.code) for finding in findings_of(load(text))]

    assert [(3, "unbounded-cycle"), (3, "void-narrowing"), (10, "agent-without-peers")] == found


def asking(peer: str, *answers: str) -> ListenerConfig:
    """Make a listener that has a peer, and takes classes of `agentserver.meta`."""
    handles = [HandlesConfig(f"agentserver.meta.{answer}", "shop.tools.take") for answer in answers]
    return ListenerConfig("a", "shop.tools.Order", peers=[peer, "b"], handles=handles)


@pytest.mark.parametrize(
    ("peer", "answers", "missing"),
    [
        ("system.meta", (), "Capabilities or SchemaAnswer or ExampleAnswer or PromptAnswer"),
        ("System.Meta", ("NotAvailable",), "Capabilities or SchemaAnswer or ExampleAnswer or PromptAnswer"),
        ("system.meta.RequestSchema", ("Capabilities",), "SchemaAnswer"),
        ("system.meta.RequestSchema", ("SchemaAnswer",), ""),
        ("system.meta", ("PromptAnswer",), ""),
    ],
)
def test_who_asks_system_meta_needs_a_contract_for_the_answer(
    peer: str, answers: tuple[str, ...], missing: str
) -> None:
    found = of(asking(peer, *answers), held("b", "a"), budget=BudgetConfig(messages=9))
    message = (
        f"a has the peer {peer.lower()!r} and no contract for what it answers; "
        f"add agentserver.meta.{missing} to its 'handles'"
    )

    expected = [("warning", "no-contract-for-answer", "a", message)] if missing else []
    assert expected == [(each.level, each.code, each.listener, each.message) for each in found]


def test_system_meta_may_be_a_peer_and_is_no_finding() -> None:
    organism = OrganismConfig("shop", listeners=[asking("system.meta", "Capabilities"), held("b", "a")])
    organism.budget = BudgetConfig(messages=9)

    assert [] == findings_of(organism)
    assert ForbidConfig("a", "b", 3) == ForbidConfig("a", "b", 9)
