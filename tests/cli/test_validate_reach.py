"""`agentserver validate`: ways from one to another, and what is worth a look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import main

TAKES = "payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting"
SHOP = f"""\
organism: {{name: shop}}
listeners:
  - {{name: browser, agent: true, peers: [planner], {TAKES}}}
  - {{name: planner, agent: true, peers: [payments.greeting, browser, search], {TAKES}}}
  - {{name: payments, agent: true, peers: [], {TAKES}}}
  - {{name: search.shelf, broadcast: true, peers: [], {TAKES}}}
  - {{name: search.attic, broadcast: true, peers: [], {TAKES}}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    config = tmp_path / "organism.yaml"
    config.write_text(SHOP)
    return config


def validate(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, words)])


def test_a_way_is_shown_with_the_line_of_each_hop(shop: Path) -> None:
    result = validate(shop, "--reach", "browser", "PAYMENTS")

    assert [
        "browser -> planner -> payments",
        f"  {shop}:3: browser has the peer 'planner'",
        f"  {shop}:4: planner has the peer 'payments.greeting'",
    ] == result.stdout.splitlines()
    assert result.exit_code == 0


def test_each_who_shares_the_name_has_a_way(shop: Path) -> None:
    shown = validate(shop, "--reach", "planner", "search").stdout.splitlines()

    assert ["planner -> search.shelf", "planner -> search.attic"] == [
        line for line in shown if line.startswith("planner")
    ]


def test_where_there_is_no_way_it_is_said(shop: Path) -> None:
    result = validate(shop, "--reach", "payments", "browser")

    assert "none: nothing that payments sends leads to browser\n" == result.stdout
    assert result.exit_code == 1


def test_ways_as_json(shop: Path) -> None:
    result = validate(shop, "--reach", "planner", "payments", "--json")
    hop = {
        "from": "planner",
        "to": "payments",
        "peer": "payments.greeting",
        "reason": "planner has the peer 'payments.greeting'",
        "line": 4,
    }

    assert {
        "ok": True,
        "file": str(shop),
        "from": "planner",
        "to": "payments",
        "ways": [{"path": ["planner", "payments"], "hops": [hop]}],
    } == json.loads(result.stdout)


@pytest.mark.parametrize("words", [("browsr", "planner"), ("browser", "plannr")])
def test_an_unknown_name_is_not_found(shop: Path, words: tuple[str, str]) -> None:
    result = validate(shop, "--reach", *words)

    assert "did you mean" in result.stderr
    assert result.exit_code == 3


def test_warnings_have_a_place_and_change_nothing(shop: Path) -> None:
    result = validate(shop)

    assert f"{shop}:3: warning: these may go on calling each other, until " in result.stderr
    assert result.stdout.splitlines()[-1].startswith("OK: ")
    assert result.exit_code == 0


def test_strict_fails_where_there_is_a_warning(shop: Path) -> None:
    result = validate(shop, "--strict")

    assert result.stdout.splitlines()[-1].startswith("failed: ")
    assert result.exit_code == 1


def test_strict_does_not_fail_for_a_note(shop: Path) -> None:
    shop.write_text(SHOP.replace(", browser, search]", ", search]"))
    result = validate(shop, "--strict")

    assert "note: browser is among nobody's peers: only who is outside can call it" in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize(("flag", "ok"), [((), True), (("--strict",), False)])
def test_findings_are_in_the_json_document(shop: Path, flag: tuple[str, ...], ok: bool) -> None:
    document = json.loads(validate(shop, "--json", *flag).stdout)

    assert ok == document["ok"]
    assert [("warning", "unbounded-cycle", "browser", 3)] == [
        (each["level"], each["code"], each["listener"], each["line"]) for each in document["findings"]
    ]


def test_the_samples_have_no_warning() -> None:
    assert [] == json.loads(validate("--json").stdout)["findings"]


@pytest.mark.parametrize("command", ["validate", "run", "pipe"])
def test_a_forbidden_way_fails_every_command_before_anything_starts(shop: Path, command: str) -> None:
    shop.write_text(f"{SHOP}forbid:\n  - {{from: browser, to: payments}}\n")
    result = CliRunner().invoke(main, [command, str(shop)])

    assert f"{shop}:9:5: 'browser' can reach 'payments', which is forbidden: browser -> " in result.stderr
    assert result.exit_code == 78


def test_a_forbidden_way_that_there_is_not_is_in_the_document(shop: Path) -> None:
    shop.write_text(f"{SHOP}forbid:\n  - {{from: payments, to: browser}}\n")

    assert [{"from": "payments", "to": "browser"}] == json.loads(validate(shop, "--json").stdout)["forbid"]


def test_who_is_outside_reaches_what_he_may_address(shop: Path) -> None:
    result = validate(shop, "--reach", "outside", "payments")

    assert [
        "outside -> payments", f"  {shop}:5: who is outside may address every listener"
    ] == result.stdout.splitlines()  # fmt: skip
    assert result.exit_code == 0


def test_a_listener_called_outside_is_that_listener(shop: Path) -> None:
    shop.write_text(SHOP.replace("payments", "outside"))

    assert "none: " in validate(shop, "--reach", "outside", "browser").stdout


def test_nothing_leads_outside(shop: Path) -> None:
    assert 3 == validate(shop, "--reach", "browser", "outside").exit_code
