"""Names, peers, root tags and steps go together, or the fault has its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentserver.config import STEP_NAMES, OrganismConfig

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

HEAD = "organism: {name: shop}\nlisteners:\n"
TAKES_ORDER = "payload_class: shop.tools.Order, handler: shop.tools.take"


def listeners(*items: str) -> str:
    """Write one listener a line, from line 3 on; its first key starts in column 6."""
    return HEAD + "".join(f"  - {{{item}, {TAKES_ORDER}}}\n" for item in items)


def test_duplicate_name_ignores_case(faults_of: FaultsOf) -> None:
    expected = "duplicate listener name 'TILL', ignoring case; the first is on line 3"
    assert [(4, 12, expected)] == faults_of(listeners("name: till", "name: TILL"))


@pytest.mark.parametrize(
    "peer", ["till", "TILL", "till.order", "Till.Order", "search.shelf", "search", "search.order", "clerk"]
)
def test_known_peers(peer: str, load: Load) -> None:
    text = listeners(f"name: clerk, peers: [{peer}]", "name: till", "name: search.shelf, broadcast: true")
    assert [peer] == load(text).listeners[0].peers


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        ("tlil", "no listener 'tlil'; did you mean 'till'?"),
        ("till.ordre", "no listener 'till.ordre'; did you mean 'till.order'?"),
        ("zzz", "no listener 'zzz'"),
        ("quiet", "no listener 'quiet'; did you mean 'quiet.shelf'?"),
        ("till.", "no listener 'till.'; did you mean 'till'?"),
    ],
)
def test_unknown_peers(peer: str, message: str, faults_of: FaultsOf) -> None:
    text = listeners(f"name: clerk, peers: [till, {peer}]", "name: till", "name: quiet.shelf")
    assert [(3, 33, message)] == faults_of(text)


def test_peer_of_a_class_that_could_not_be_read_is_no_second_fault(faults_of: FaultsOf) -> None:
    text = listeners("name: clerk, peers: [till.sum]") + "  - {name: till, handler: shop.tools.take}\n"
    expected = [(4, 5, "missing key 'payload_class' beside 'handler'")]
    assert expected == faults_of(text)


def test_two_classes_of_one_name_in_one_listener(faults_of: FaultsOf, project: Path) -> None:
    (project / "shop" / "more.py").write_text("class ORDER:\n    __contract__ = object()\n")
    text = f"""\
{HEAD}  - name: till
    handles:
      - {{{TAKES_ORDER}}}
      - {{payload_class: shop.more.ORDER, handler: shop.tools.take}}
"""
    expected = (
        "two contracts have the root tag 'till.order': "
        "listener 'till' has it on line 5; rename a class or a listener"
    )
    assert [(6, 25, expected)] == faults_of(text)


def test_one_root_tag_of_two_listeners(faults_of: FaultsOf, project: Path) -> None:
    source = "Dotted = type('b.Order', (), {'__contract__': None})\n"
    (project / "shop" / "more.py").write_text(source)
    text = (
        listeners("name: a.b") + "  - {name: a, payload_class: shop.more.Dotted, handler: shop.tools.take}\n"
    )
    expected = (
        "two contracts have the root tag 'a.b.order': "
        "listener 'a.b' has it on line 3; rename a class or a listener"
    )
    assert [(4, 30, expected)] == faults_of(text)


def test_root_tag_that_is_another_listeners_name_is_fine(load: Load) -> None:
    assert [each.name for each in load(listeners("name: a", "name: a.order")).listeners] == ["a", "a.order"]


def test_broadcast_listeners_share_a_parent(load: Load) -> None:
    text = listeners("name: search.shelf, broadcast: true", "name: search.cellar, broadcast: true")
    assert [each.broadcast for each in load(text).listeners] == [True, True]


@pytest.mark.parametrize("name", ["search", "search."])
def test_broadcast_without_a_parent(name: str, faults_of: FaultsOf) -> None:
    expected = f"broadcast needs a name with a parent, as 'search.google'; found '{name}'"
    [(line, _, message)] = faults_of(listeners(f"name: {name}, broadcast: true"))
    assert (3, expected) == (line, message)


def test_parent_name_of_a_broadcast_that_a_listener_has(faults_of: FaultsOf) -> None:
    expected = "the parent name 'search' is the listener's on line 4; rename one"
    assert [(3, 12, expected)] == faults_of(listeners("name: Search.shelf, broadcast: true", "name: search"))


@pytest.mark.parametrize(
    ("keys", "column", "message"),
    [
        ("", 5, "missing keys 'payload_class' and 'handler' (or 'handles')"),
        (", payload_class: shop.tools.Order", 5, "missing key 'handler' beside 'payload_class'"),
        (", handler: shop.tools.take", 5, "missing key 'payload_class' beside 'handler'"),
        (", handles: []", 24, "listeners[0].handles: found a list, expected at least one item"),
        (
            f", handles: [{{{TAKES_ORDER}}}], handler: shop.tools.take",
            15,
            "both 'handles' and a payload_class or handler beside it; move that pair into 'handles'",
        ),
    ],
)
def test_contracts_that_are_not_given_once(keys: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert [(3, column, message)] == faults_of(f"{HEAD}  - {{name: a{keys}}}\n")


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize("side", ["before", "after"])
def test_own_steps_go_before_or_after_any_built_in_one(side: str, name: str, load: Load) -> None:
    step = load(f"{listeners('name: a')}pipeline: [{{step: shop.tools.step, {side}: {name}}}]\n").pipeline[0]
    assert ((name, "") if side == "before" else ("", name)) == (step.before, step.after)


@pytest.mark.parametrize(
    ("place", "column", "message"),
    [
        ("", 12, "neither of 'before' and 'after' given; a step needs exactly one"),
        (", before: c14n, after: c14n", 12, "both of 'before' and 'after' given; a step needs exactly one"),
        (", before: c14", 44, "no step 'c14'; did you mean 'c14n'?"),
        (", after: zzz", 43, f"no step 'zzz'; there are {', '.join(STEP_NAMES)}"),
        (', after: ""', 43, "pipeline[0].after: found '', expected text that is not empty"),
    ],
)
def test_places_of_own_steps(place: str, column: int, message: str, faults_of: FaultsOf) -> None:
    text = f"{listeners('name: a')}pipeline: [{{step: shop.tools.step{place}}}]\n"
    assert [(4, column, message)] == faults_of(text)
