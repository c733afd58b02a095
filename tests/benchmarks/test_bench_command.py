"""The command, over the least of work: what it prints and what it ends with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import bench as bench_module
from agentserver.cli.bench import bench
from agentserver.cli.edge import Edge
from agentserver.cli.measure import Effort, all_works

pytestmark = pytest.mark.slow

COMMANDS = Edge("agentserver", commands=[bench])
Bench = Callable[..., Result]


@pytest.fixture
def run_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_module, "QUICK", Effort(rounds=2, turns=1))
    return lambda *arguments: CliRunner().invoke(COMMANDS, ["bench", "--quick", *arguments])


@pytest.fixture
def one_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "all_works", lambda: all_works()[:1])


@pytest.fixture
def organism(tmp_path: Path) -> Callable[[str], str]:
    def write(listener: str) -> str:
        path = tmp_path / "organism.yaml"
        path.write_text(
            dedent(f"""\
                organism: {{name: hello-world, port: 8765}}
                listeners:
                  - name: {listener}
                    payload_class: handlers.hello.Greeting
                    handler: handlers.hello.handle_greeting
                    description: Responds with a greeting message
                """),
            encoding="utf-8",
        )
        return str(path)

    return write


def measured(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_is_one_document_with_every_work(run_bench: Bench) -> None:
    document = measured(run_bench("--json"))

    assert [figure["name"] for figure in document["throughputs"]] == [
        "one hop", "three hops", "fan-out of 3", "broadcast to 3", "100 KiB payload",
    ]  # fmt: skip
    assert set(document["throughputs"][0]["ratios"]) == {"bare", "gate", "gate of 50"}
    assert document["throughputs"][0]["targets"] == {"gate": 0.8, "bare": 0.65}
    assert {"cpu", "cores", "python", "libraries"} <= set(document["machine"])


@pytest.mark.usefixtures("one_work")
def test_the_table_names_the_work_and_the_machine(run_bench: Bench) -> None:
    result = run_bench()

    assert result.exit_code == 0
    for text in ("one hop", "1,000 listeners", "CPython", "libxml2"):
        assert text in result.stdout


@pytest.mark.usefixtures("one_work")
def test_nothing_is_shown_of_progress_without_a_terminal(run_bench: Bench) -> None:
    assert run_bench().stderr == ""


def test_figures_short_of_their_targets_are_no_failure(
    run_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hopeless = dataclasses.replace(all_works()[0], targets={"gate": 1e9})
    monkeypatch.setattr(bench_module, "all_works", lambda: [hopeless])

    result = run_bench()

    assert result.exit_code == 0
    assert "short" in result.stdout


@pytest.mark.usefixtures("one_work")
def test_an_organism_with_a_greeter_is_measured(run_bench: Bench, organism: Callable[[str], str]) -> None:
    document = measured(run_bench("--json", organism("greeter")))

    assert [amount["name"] for amount in document["amounts"]][2:] == [
        "hello-world: greetings, each with its reply",
        "hello-world: one request, median",
        "hello-world: one request, 99th percentile",
    ]


@pytest.mark.usefixtures("one_work")
def test_an_organism_without_a_greeter_is_left_out_with_a_note(
    run_bench: Bench, organism: Callable[[str], str]
) -> None:
    document = measured(run_bench("--json", organism("other")))

    assert "no listener 'greeter'" in document["notes"][-1]


def test_a_file_with_faults_ends_with_78(run_bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "organism.yaml"
    path.write_text("organism: {nam: x}\n", encoding="utf-8")

    result = run_bench(str(path))

    assert result.exit_code == 78
    assert "organism.yaml:1:" in result.stderr


def test_a_missing_file_ends_with_3(run_bench: Bench) -> None:
    assert run_bench("nowhere.yaml").exit_code == 3
