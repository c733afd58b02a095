"""`agentserver validate`: what was found, for a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agentserver.cli import main

from .process import ROOT


def test_each_listener_is_a_row() -> None:
    rows = [line.split() for line in CliRunner().invoke(main, ["validate"]).stdout.splitlines()]

    assert rows[0] == ["NAME", "CONTRACT", "HANDLER", "AGENT", "PEERS", "BROADCAST"]
    assert rows[1] == ["greeter", "handlers.hello.Greeting", "handlers.hello.handle_greeting", "-", "-", "-"]


def test_a_further_contract_has_a_row_of_its_own() -> None:
    shown = CliRunner().invoke(main, ["validate"]).stdout

    assert ["handlers.pipeline.Page", "handlers.pipeline.pass_back"] in [
        line.split() for line in shown.splitlines()
    ]


def test_the_last_line_is_ok() -> None:
    shown = CliRunner().invoke(main, ["validate"]).stdout

    assert shown.splitlines()[-1] == "OK: config/organism.yaml: hello-world, 6 listeners"


def test_steps_of_the_users_own_are_shown() -> None:
    shown = CliRunner().invoke(main, ["validate", "config/counting.yaml"]).stdout

    assert "step handlers.counting.count_senders, after payload_extraction" in shown.splitlines()


def test_a_plain_organism_yaml_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "organism.yaml").write_bytes((ROOT / "config/counting.yaml").read_bytes())

    assert CliRunner().invoke(main, ["validate"]).stdout.splitlines()[-1].startswith("OK: organism.yaml")


def test_variables_are_expanded_where_allowed(tmp_path: Path) -> None:
    config = tmp_path / "organism.yaml"
    config.write_text((ROOT / "config/counting.yaml").read_text().replace("name: counting", "name: ${NAME}"))
    result = CliRunner().invoke(main, ["validate", "--allow-env", str(config)], env={"NAME": "from-outside"})

    assert "from-outside" in result.stdout
