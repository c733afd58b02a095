"""`meta:` says who may ask `system.meta`; its name is kept, and may be a peer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentserver.config import ConfigLoader, MetaConfig, OrganismConfig
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

HEAD = "organism: {name: shop}\n"
TAKES_ORDER = "payload_class: shop.tools.Order, handler: shop.tools.take"
LISTENERS = f"listeners: [{{name: till, {TAKES_ORDER}}}]\n"


def test_peers_may_ask_everything_unless_it_is_said_otherwise(load: Load) -> None:
    assert MetaConfig("peers", "peers", "peers", "peers") == load(HEAD + LISTENERS).meta


def test_each_flag_is_read(load: Load) -> None:
    meta = "meta: {list_capabilities: all, schema: none, example: peers, prompt: all}\n"

    assert MetaConfig("all", "none", "peers", "all") == load(HEAD + meta + LISTENERS).meta


@pytest.mark.parametrize(
    ("meta", "column", "message"),
    [
        ("{schema: nobody}", 16, "meta.schema: found 'nobody', expected 'none', 'peers' or 'all'"),
        (
            "{schema: al}",
            16,
            "meta.schema: found 'al', expected 'none', 'peers' or 'all'; did you mean 'all'?",
        ),
        ("{prompt: true}", 16, "meta.prompt: found true, expected 'none', 'peers' or 'all'"),
        ("{shema: all}", 8, "meta: unknown key 'shema'; did you mean 'schema'?"),
        ("none", 7, "meta: found 'none', expected a mapping (key: value)"),
    ],
)
def test_a_wrong_flag_has_its_place(meta: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert [(2, column, message)] == faults_of(f"{HEAD}meta: {meta}\n{LISTENERS}")


@pytest.mark.parametrize("flag", ["list_capabilities", "schema", "example", "prompt"])
def test_a_wrong_flag_in_code_is_refused(flag: str) -> None:
    wrong: Any = {flag: "everybody"}
    with pytest.raises(
        ConfigError, match=f"meta.{flag}: found 'everybody', expected one of none, peers, all"
    ):
        OrganismConfig("shop", meta=MetaConfig(**wrong))


@pytest.mark.parametrize("name", ["system", "System", "system.meta", "SYSTEM.META", "system.clock"])
def test_a_name_that_is_kept_is_refused(name: str, faults_of: FaultsOf) -> None:
    expected = f"the name '{name}' is kept for the organism itself; rename the listener"
    text = f"{HEAD}listeners:\n  - {{name: {name}, {TAKES_ORDER}}}\n"

    assert [(3, 12, expected)] == faults_of(text)


def test_a_name_that_only_begins_alike_is_not_kept(load: Load) -> None:
    text = f"{HEAD}listeners:\n  - {{name: systematic, {TAKES_ORDER}}}\n"

    assert ["systematic"] == [listener.name for listener in load(text).listeners]


@pytest.mark.parametrize("peer", ["system.meta", "System.Meta", "system.meta.RequestSchema"])
def test_system_meta_may_be_a_peer(peer: str, load: Load) -> None:
    text = f"{HEAD}listeners:\n  - {{name: till, peers: [{peer}], {TAKES_ORDER}}}\n"

    assert [peer] == load(text).listeners[0].peers


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        ("system.mta", "no listener 'system.mta'; did you mean 'system.meta'?"),
        (
            "system.meta.RequestShema",
            "no listener 'system.meta.RequestShema'; did you mean 'system.meta.requestschema'?",
        ),
        ("system", "no listener 'system'"),
    ],
)
def test_other_peers_of_the_system_are_unknown(peer: str, message: str, faults_of: FaultsOf) -> None:
    [(line, _, found)] = faults_of(f"{HEAD}listeners:\n  - {{name: till, peers: [{peer}], {TAKES_ORDER}}}\n")

    assert (3, message) == (
        line,
        found.removesuffix("; did you mean 'system.meta'?") if peer == "system" else found,
    )


def test_the_samples_keep_to_it() -> None:
    config = ConfigLoader.load(Path(__file__).parents[2] / "config" / "organism.yaml")

    assert MetaConfig() == config.meta
