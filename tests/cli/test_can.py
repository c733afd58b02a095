"""`agentserver can`: allow or deny, and the line of the file that decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import main

SHOP = """\
organism: {name: shop}
meta:
  schema: all
listeners:
  - name: browser
    agent: true
    peers:
      - planner
    payload_class: handlers.hello.Greeting
    handler: handlers.hello.handle_greeting
  - name: planner
    peers: [bank.add, search, System.Meta.RequestExample]
    payload_class: handlers.hello.Greeting
    handler: handlers.hello.handle_greeting
  - name: bank
    agent: true
    handles:
      - {payload_class: handlers.calculator.Add, handler: handlers.calculator.add}
      - {payload_class: handlers.calculator.Multiply, handler: handlers.calculator.multiply}
  - name: clerk
    payload_class: handlers.hello.Greeting
    handler: handlers.hello.handle_greeting
  - name: search.shelf
    broadcast: true
    peers: []
    payload_class: handlers.hello.Greeting
    handler: handlers.hello.handle_greeting
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    config = tmp_path / "organism.yaml"
    config.write_text(SHOP)
    return config


def can(shop: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["can", *words, "--config", str(shop)])


@pytest.mark.parametrize(
    ("words", "first", "line", "reason"),
    [
        ("browser planner", "allow: browser -> planner: Greeting", 8, "browser has the peer 'planner'"),
        (
            "Browser PLANNER greeting",
            "allow: browser -> planner: Greeting",
            8,
            "browser has the peer 'planner'",
        ),
        ("planner bank", "allow: planner -> bank: Add", 12, "planner has the peer 'bank.add'"),
        ("planner search", "allow: planner -> search: Greeting", 12, "planner has the peer 'search'"),
        (
            "browser browser",
            "allow: browser -> browser: Greeting",
            6,
            "browser is an agent, and may address itself",
        ),
        (
            "clerk bank",
            "allow: clerk -> bank: Add, Multiply",
            20,
            "clerk is no agent and has no 'peers', so it may address everybody",
        ),
        (
            "outside bank",
            "allow: outside -> bank: Add, Multiply",
            15,
            "who is outside may address every listener",
        ),
        (
            "planner system.meta RequestExample",
            "allow: planner -> system.meta: RequestExample",
            12,
            "planner has the peer 'system.meta.requestexample'",
        ),
        (
            "clerk system.meta",
            "allow: clerk -> system.meta: RequestSchema",
            20,
            "clerk is no agent and has no 'peers', so it may address everybody",
        ),
    ],
)
def test_allowed(shop: Path, words: str, first: str, line: int, reason: str) -> None:
    result = can(shop, *words.split())

    assert [first, f"  {shop}:{line}: {reason}"] == result.stdout.splitlines()
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("words", "first", "line", "reason"),
    [
        (
            "planner bank Multiply",
            "deny: planner -> bank: Multiply",
            12,
            KEEPS := ("planner keeps to its peers: bank.add, search, System.Meta.RequestExample"),
        ),
        ("planner planner", "deny: planner -> planner", 12, KEEPS),
        ("search.shelf bank", "deny: search.shelf -> bank", 25, "search.shelf keeps to its peers: none"),
        ("bank clerk", "deny: bank -> clerk", 16, "bank is an agent without 'peers', so it may only respond"),
        (
            "outside system.meta ListCapabilities",
            "deny: outside -> system.meta: ListCapabilities",
            2,
            "system.meta answers ListCapabilities to those alone that have it as a peer (see 'meta')",
        ),
    ],
)
def test_denied(shop: Path, words: str, first: str, line: int, reason: str) -> None:
    result = can(shop, *words.split())

    assert [first, f"  {shop}:{line}: {reason}"] == result.stdout.splitlines()[:2]
    assert result.exit_code == 1


def test_of_a_peer_that_is_narrowed_the_line_of_the_payload_class_decides(shop: Path) -> None:
    narrowed = "peers:\n      - name: bank\n        payloads:\n          - Multiply"
    shop.write_text(SHOP.replace("peers: [bank.add, search, System.Meta.RequestExample]", narrowed))
    allowed, denied = can(shop, "planner", "bank", "Multiply"), can(shop, "planner", "bank", "Add")
    assert (allowed.exit_code, denied.exit_code) == (0, 1)
    assert f"{shop}:15: planner has the peer 'bank.multiply'" in allowed.output
    assert f"{shop}:12: planner keeps to its peers: bank.Multiply" in denied.output


def test_the_way_over_others_is_shown_where_there_is_one(shop: Path) -> None:
    shown = can(shop, "browser", "bank").stdout.splitlines()

    assert [
        "deny: browser -> bank",
        f"  {shop}:7: browser keeps to its peers: planner",
        "  over others, or under another name, it is possible: browser -> planner -> bank",
    ] == shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("browsr bank", "no listener 'browsr'; did you mean 'browser'?"),
        ("outsid bank", "no listener 'outsid'; did you mean 'outside'?"),
        ("browser bnak", "no listener 'bnak'; did you mean 'bank'?"),
        (
            "browser outside",
            "no listener 'outside'; there are browser, planner, bank, clerk, search.shelf, search",
        ),
        ("search bank", "'search' is a name that listeners share; give one of search.shelf"),
        ("planner bank Ad", "bank takes no 'Ad'; did you mean 'Add'?"),
        ("planner bank Greeting", "bank takes no 'Greeting'; there are Add, Multiply"),
    ],
)
def test_unknown_names(shop: Path, words: str, message: str) -> None:
    result = can(shop, *words.split())

    assert message in result.stderr
    assert result.exit_code == 3


def test_a_listener_that_is_called_outside_is_meant(shop: Path) -> None:
    shop.write_text(SHOP.replace("name: planner", "name: outside").replace("- planner", "- outside"))

    assert "outside has the peer 'bank.add'" in can(shop, "outside", "bank").stdout


def test_one_json_document(shop: Path) -> None:
    result = can(shop, "browser", "bank", "add", "--json")

    assert {
        "ok": False,
        "from": "browser",
        "to": "bank",
        "payload": "Add",
        "decision": "deny",
        "payloads": [],
        "reason": "browser keeps to its peers: planner",
        "file": str(shop),
        "line": 7,
        "through": ["browser", "planner", "bank"],
    } == json.loads(result.stdout)
    assert result.exit_code == 1


def test_an_unknown_name_is_a_json_document_too(shop: Path) -> None:
    result = can(shop, "browser", "bnak", "--json")

    assert json.loads(result.stdout)["error"]["code"] == "not-found"
    assert result.exit_code == 3


def test_faults_of_the_configuration_come_first(shop: Path) -> None:
    shop.write_text(SHOP + "forbid: [{from: browser, to: bank}]\n")

    assert can(shop, "browser", "bank").exit_code == 78
