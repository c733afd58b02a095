"""`agentserver contracts check`: drift between the code and the written files fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import main

from .organisms_on_disk import TWO_CONTRACTS, TWO_LISTENERS, project
from .process import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose contracts are written."""
    monkeypatch.chdir(tmp_path)
    project(tmp_path, "name: str")
    assert run("write").exit_code == 0
    return tmp_path


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["contracts", *map(str, args)])


def states(*args: str) -> dict[str, str]:
    found = json.loads(run("check", "--json", *args).stdout)
    return {Path(each["path"]).name: each["state"] for each in found["files"]}


def document() -> Any:
    return json.loads(run("check", "--json").stdout)


def test_files_that_are_right_pass(folder: Path) -> None:
    result = run("check")

    assert (0, "OK: 5 files in schemas are those of the code\n") == (result.exit_code, result.stdout)


def test_a_missing_file_fails(folder: Path) -> None:
    (folder / "schemas/desk/v1/Form.md").unlink()

    assert ({"Form.md": "missing"}, 1) == (states(), run("check").exit_code)


def test_nothing_written_at_all_fails(folder: Path) -> None:
    assert 5 == list(states("--dir", "nowhere").values()).count("missing")


def test_changed_code_fails_and_says_where(folder: Path) -> None:
    project(folder, "name: str\n    age: int")
    result = run("check")

    assert 1 == result.exit_code
    assert "differs   schemas/desk/v1/Form.xsd" in result.stdout
    assert any(line.strip().startswith("+") and 'name="Age"' in line for line in result.stdout.splitlines())
    assert "run `agentserver contracts write`" in result.stderr


def test_a_changed_file_fails(folder: Path) -> None:
    path = folder / "schemas/desk/v1/Form.xsd"
    path.write_text(path.read_text("utf-8").replace("xs:string", "xs:token"), "utf-8")

    assert {"Form.xsd": "differs"} == states()


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\x1b[2J", b"<" * 100_000])
def test_a_file_with_anything_in_it_fails_as_one_that_differs(data: bytes, folder: Path) -> None:
    (folder / "schemas/desk/v1/Form.xsd").write_bytes(data)
    result = run("check")

    assert ({"Form.xsd": "differs"}, 1) == (states(), result.exit_code)
    assert "\x1b" not in result.stdout


def test_a_huge_file_is_not_read(folder: Path) -> None:
    with (folder / "schemas/desk/v1/Form.xsd").open("wb") as file:
        file.truncate(10_000_000_000)
    (found,) = document()["files"]

    assert ["it has 10000000000 bytes, and should have"] == [found["diff"][0].rsplit(" ", 1)[0]]


def test_the_difference_is_bounded(folder: Path) -> None:
    (folder / "schemas/desk/v1/Form.xsd").write_text("\n".join("x" * 1000 for _ in range(1000)))
    (found,) = document()["files"]

    assert (21, "...") == (len(found["diff"]), found["diff"][-1])
    assert 200 >= max(map(len, found["diff"]))


def test_how_many_differences_are_left_out_is_said(folder: Path) -> None:
    project(
        folder, "name: str", listeners=TWO_LISTENERS + "\n" + TWO_LISTENERS.replace("name: ", "name: other")
    )
    run("write")
    paths = sorted((folder / "schemas").rglob("Form.*")) + sorted((folder / "schemas").rglob("Note.*"))
    for path in paths[:-8]:
        path.write_text("other")
    assert 12 == len(paths) - 8

    assert "  the differences of 2 more files are left out; --json gives them all\n" in run("check").stdout


def test_line_ends_of_another_system_pass(folder: Path) -> None:
    path = folder / "schemas/desk/v1/Form.xsd"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert 0 == run("check").exit_code


def test_files_of_a_contract_that_is_gone_fail(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_CONTRACTS)
    run("write")
    project(folder, "name: str")

    assert {"leftover"} == set(states().values())
    assert 5 == len(states())
    assert "run `agentserver contracts write --prune`" in run("check").stderr


def test_files_of_a_listener_that_is_gone_fail(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_LISTENERS)
    run("write")
    project(folder, "name: str")

    assert {"leftover"} == set(states().values())


def test_files_of_another_organism_beside_it_are_left_alone(folder: Path) -> None:
    config = project(folder, "name: str", listeners=TWO_LISTENERS)
    run("write")
    config.rename(config.with_name("other.yaml"))
    project(folder, "name: str")

    assert 0 == run("check").exit_code


def test_files_that_we_did_not_write_are_left_alone(folder: Path) -> None:
    for name in (
        "README.md",
        "theirs/v1/Order.xsd",
        "desk/v1/Order.xsd",
        "desk/v1/notes.md",
        "desk/v2/Form.xsd",
    ):
        path = folder / "schemas" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")

    assert 0 == run("check").exit_code


def test_a_schema_of_a_namespace_that_is_gone_is_leftover(folder: Path) -> None:
    project(folder, "name: str\n    other: str = field(metadata=xml(namespace='urn:other'))")
    run("write")
    project(folder, "name: str")

    assert "leftover" == states()["Form.2.xsd"]


def test_a_folder_in_a_files_place_is_told(folder: Path) -> None:
    (folder / "schemas/desk/v1/Form.md").unlink()
    (folder / "schemas/desk/v1/Form.md").mkdir()
    result = run("check")

    assert (1, True) == (result.exit_code, "schemas/desk/v1/Form.md: " in result.stderr)


def test_json(folder: Path) -> None:
    assert {"ok": True, "checked": 5, "files": []} == document()
    (folder / "schemas/desk/v1/Form.md").unlink()

    assert {
        "ok": False,
        "checked": 5,
        "files": [{"path": "schemas/desk/v1/Form.md", "state": "missing", "diff": []}],
        "remedy": "agentserver contracts write",
    } == document()


def test_the_remedy_has_the_options_of_the_check(folder: Path) -> None:
    (folder / "config/organism.yaml").rename(folder / "my desk.yaml")
    result = run("check", "--version", "v3", "--dir", "d", "-c", "my desk.yaml")

    assert "run `agentserver contracts write --dir d --version v3 --config 'my desk.yaml'`" in result.stderr


@pytest.mark.parametrize("config", ["config/organism.yaml", "config/counting.yaml"])
def test_the_samples_files_are_those_of_the_code(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = run("check", "--config", config)

    assert 0 == result.exit_code, result.output
