"""Each exit code, and the text that goes with it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agentserver.cli import main
from agentserver.cli.edge import Edge
from agentserver.errors import ContractError

from .process import BROKEN, agentserver


@pytest.fixture
def faulty() -> click.Group:
    """The real edge, around commands that raise what nobody expects."""

    @click.group(cls=Edge)
    @click.option("--debug", is_flag=True)
    def group(debug: bool) -> None:
        """Do nothing."""

    @group.command
    def bug() -> None:
        raise LookupError("nobody expects this")

    @group.command
    def contract() -> None:
        raise ContractError("Order", "price", "cannot be mapped")

    return group


def test_0_ok() -> None:
    assert CliRunner().invoke(main, ["validate"]).exit_code == 0


def test_1_failed() -> None:
    assert agentserver("pipe", "--input", BROKEN).returncode == 1


@pytest.mark.parametrize("args", [["--nope"], ["nope"], ["run", "--drain-timeout", "soon"]])
def test_2_usage(args: list[str]) -> None:
    assert CliRunner().invoke(main, args).exit_code == 2


@pytest.mark.parametrize("command", ["run", "validate", "pipe"])
def test_3_no_such_configuration(command: str) -> None:
    result = CliRunner().invoke(main, [command, "nowhere.yaml"])

    assert result.exit_code == 3
    assert "nowhere.yaml: there is no such file" in result.output


@pytest.mark.parametrize("command", ["run", "validate", "pipe"])
def test_3_no_configuration_here(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [command])

    assert result.exit_code == 3
    assert "agentserver new DIR" in result.output


def test_3_no_such_input() -> None:
    result = CliRunner().invoke(main, ["pipe", "--input", "nowhere.xml"])

    assert result.exit_code == 3
    assert "nowhere.xml" in result.output


def test_70_a_bug_is_told_shortly(faulty: click.Group) -> None:
    result = CliRunner().invoke(faulty, ["bug"])

    assert result.exit_code == 70
    assert result.stderr.startswith("Internal error: LookupError: nobody expects this; `agentserver --debug")
    assert len(result.stderr.splitlines()) == 1


def test_70_debug_shows_where(faulty: click.Group) -> None:
    result = CliRunner().invoke(faulty, ["--debug", "bug"])

    assert result.exit_code == 70
    assert "Traceback" in result.stderr


def test_78_every_fault_is_printed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "organism: {name: x, prot: 1}\nlisteners:\n  - {name: a, payload_class: no.X, handler: json.dumps}\n"
    )
    result = CliRunner().invoke(main, ["validate", str(bad)])

    assert result.exit_code == 78
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{bad}:1:21: ")
    assert lines[1].startswith(f"{bad}:3:")
    assert lines[-1] == f"{len(lines) - 1} faults"


def test_78_a_class_that_is_no_contract(faulty: click.Group) -> None:
    result = CliRunner().invoke(faulty, ["contract"])

    assert result.exit_code == 78
    assert "Order.price: cannot be mapped" in result.stderr


@pytest.mark.parametrize("command", [[], ["run"], ["validate"], ["pipe"], ["new"], ["bench"]])
def test_help_lists_the_exit_codes(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])

    assert result.exit_code == 0
    assert "78   bad configuration" in result.output


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("agentserver, version ")
