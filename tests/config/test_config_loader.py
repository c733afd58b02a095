"""A good file gives the whole configuration; a bad one all its faults at once."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import agentserver.config
from agentserver.config import ConfigLoader, Limits, OrganismConfig
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

SMALLEST = """\
organism: {name: shop}
listeners:
  - {name: clerk, payload_class: shop.tools.Order, handler: shop.tools.take}
"""

EVERYTHING = """\
organism: {name: shop, port: 9000, identity: config/identity.key}
env: false
queue: memory://
max_concurrent_pipelines: 10
max_concurrent_handlers: 9
max_concurrent_per_agent: 8
thread_scheduling: depth-first
repair: off
limits: {message_bytes: 2048, depth: 32, hops: 7, handler_timeout_s: 1.5, drain_timeout_s: 2}
pipeline:
  - {step: shop.tools.step, after: payload_extraction}
listeners:
  - name: till
    description: Takes orders
    agent: true
    peers: [search, TILL.order2]
    handles:
      - {payload_class: shop.tools.Order, handler: shop.tools.take}
      - {payload_class: shop.tools.Order2, handler: shop.tools.take_any}
  - name: search.shelf
    payload_class: shop.tools.Order
    handler: shop.tools.take_more
    broadcast: true
"""

MANY_FAULTS = """\
organism: {name: shop, prot: 8765}
queue: nats://host:4222
repair: saef
limits:
  depth: 999
pipeline:
  - {step: shop.tools.step, before: repiar}
listeners:
  - name: till
    payload_class: shop.tools.Ordre
    handler: shop.tools.take_one
    agent: yes
    peers: [tlil]
  - name: Till
    payload_class: shop.tools.Plain
    handler: shop.toools.take
  - description: ${SHOP_WORDS}
    payload_class: shop.tools.Order
    handler: shop.tools.take
"""


def test_smallest_file_gives_the_defaults(load: Load) -> None:
    config = load(SMALLEST)
    expected = OrganismConfig(name="shop", listeners=config.listeners, source=config.source)
    assert expected == config


def test_smallest_listener_gives_the_defaults(load: Load) -> None:
    listener = load(SMALLEST).listeners[0]
    actual = (
        listener.name,
        listener.payload_class_path,
        listener.handler_path,
        listener.description,
        listener.is_agent,
        listener.peers,
        listener.broadcast,
        listener.handles,
    )
    assert actual == ("clerk", "shop.tools.Order", "shop.tools.take", "", False, None, False, [])


def test_classes_and_handlers_are_imported(load: Load) -> None:
    listener = load(SMALLEST).listeners[0]
    tools = sys.modules["shop.tools"]
    assert (tools.Order, tools.take) == (listener.payload_class, listener.handler)


def test_every_key_of_the_organism_is_read(load: Load) -> None:
    config = load(EVERYTHING)
    actual = (
        config.name,
        config.port,
        config.identity_path,
        config.queue,
        config.max_concurrent_pipelines,
        config.max_concurrent_handlers,
        config.max_concurrent_per_agent,
        config.thread_scheduling,
        config.repair,
    )
    expected = ("shop", 9000, "config/identity.key", "memory://", 10, 9, 8, "depth-first", "off")
    assert expected == actual


def test_given_limits_are_read_and_the_others_stay(load: Load) -> None:
    expected = Limits(message_bytes=2048, depth=32, hops=7, handler_timeout_s=1.5, drain_timeout_s=2)
    assert expected == load(EVERYTHING).limits


def test_first_of_several_contracts_is_the_listeners_own(load: Load) -> None:
    till = load(EVERYTHING).listeners[0]
    assert (till.payload_class_path, till.handler_path) == ("shop.tools.Order", "shop.tools.take")


def test_further_contracts_are_in_handles(load: Load) -> None:
    till = load(EVERYTHING).listeners[0]
    actual = [(pair.payload_class_path, pair.handler_path) for pair in till.handles]
    assert actual == [("shop.tools.Order2", "shop.tools.take_any")]


def test_a_single_pair_in_handles_leaves_no_further_ones(load: Load) -> None:
    text = """\
organism: {name: shop}
listeners:
  - name: clerk
    handles:
      - {payload_class: shop.tools.Order, handler: shop.tools.take}
"""
    clerk = load(text).listeners[0]
    assert (clerk.payload_class_path, clerk.handles) == ("shop.tools.Order", [])


def test_agent_peers_and_broadcast_are_read(load: Load) -> None:
    actual = [(each.is_agent, each.peers, each.broadcast) for each in load(EVERYTHING).listeners]
    assert actual == [(True, ["search", "TILL.order2"], False), (False, None, True)]


def test_own_steps_are_imported(load: Load) -> None:
    step = load(EVERYTHING).pipeline[0]
    actual = (step.step_path, step.before, step.after, step.step)
    assert ("shop.tools.step", "", "payload_extraction", sys.modules["shop.tools"].step) == actual


def test_source_is_the_file(load: Load, project: Path) -> None:
    assert project / "config" / "organism.yaml" == load(SMALLEST).source


def test_text_has_no_source(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project))
    assert ConfigLoader.loads(SMALLEST).source is None


def test_path_may_be_text(project: Path) -> None:
    path = project / "config" / "organism.yaml"
    path.write_text(SMALLEST)
    assert ConfigLoader.load(str(path)).name == "shop"


def test_byte_order_mark_is_passed_over(load: Load) -> None:
    assert load("\ufeff" + SMALLEST).name == "shop"


def test_all_faults_are_told_in_one_run_in_the_order_of_the_file(faults_of: FaultsOf, project: Path) -> None:
    not_expanded = (
        "${...} is not expanded; allow it by `env: true` or --allow-env, or write $${ for a literal ${"
    )
    expected = [
        (1, 24, "organism: unknown key 'prot'; did you mean 'port'?"),
        (
            2,
            8,
            "queue: there are no NATS queues in this version; write memory:// or sqlite:///var/organism.db",
        ),
        (3, 9, "repair: found 'saef', expected 'off', 'safe' or 'recover'; did you mean 'safe'?"),
        (5, 10, "limits.depth: found 999, expected at most 256"),
        (7, 37, "no step 'repiar'; did you mean 'repair'?"),
        (10, 20, f"module 'shop.tools' ({project}/shop/tools.py) has no 'Ordre'; did you mean 'Order'?"),
        (
            11,
            14,
            "'shop.tools.take_one' cannot be called with 2 arguments (payload, metadata), as a handler is",
        ),
        (12, 12, "listeners[0].agent: found 'yes', expected true or false"),
        (13, 13, "no listener 'tlil'; did you mean 'till'?"),
        (14, 11, "duplicate listener name 'Till', ignoring case; the first is on line 9"),
        (15, 20, "'shop.tools.Plain' is no contract; put @xmlify above @dataclass"),
        (16, 14, f"package 'shop' ({project}/shop) has no module 'toools'; did you mean 'tools'?"),
        (17, 5, "listeners[2]: missing key 'name'"),
        (17, 18, not_expanded),
    ]
    assert expected == faults_of(MANY_FAULTS)


def test_error_text_is_one_line_for_each_fault(project: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.loads("organism: {}\n", file="o.yaml")
    expected = (
        "o.yaml:1:1: no listeners; an organism needs at least one\no.yaml:1:11: organism: missing key 'name'"
    )
    assert expected == str(caught.value)


def test_missing_file() -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.load("/nowhere/organism.yaml")
    expected = "/nowhere/organism.yaml: there is no such file; give the path of an organism.yaml"
    assert expected == str(caught.value)


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.load(tmp_path)
    expected = f"{tmp_path}: this is a folder; give the path of the organism.yaml in it"
    assert expected == str(caught.value)


def test_path_with_a_nul() -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.load("a\0b")
    assert [fault.line for fault in caught.value.faults] == [0]


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "organism.yaml"
    path.write_bytes(b"organism: \xff")
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.load(path)
    assert f"{path}: not UTF-8: byte 11 is 0xff" == str(caught.value)


def test_file_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "organism.yaml"
    path.write_bytes(b"#" * 1_048_577)
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.load(path)
    expected = "longer than 1048576 bytes, which no configuration should be; is it the right file?"
    assert [expected] == [fault.message for fault in caught.value.faults]


def test_exported_names_are_sorted_and_there() -> None:
    names = agentserver.config.__all__
    expected = sorted(names, key=lambda name: (not name.isupper(), name))  # constants first, as ruff has it
    assert (expected, []) == (names, [name for name in names if not hasattr(agentserver.config, name)])
