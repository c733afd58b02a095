"""`agentserver contracts write`: artefacts in files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from agentserver.cli import main

from .organisms_on_disk import FOREIGN, TAKES_FOREIGN, TWO_CONTRACTS, TWO_LISTENERS, project
from .process import agentserver, environment

FORM = ["Form.example.xml", "Form.md", "Form.prompt.txt", "Form.schema.json", "Form.xsd"]
NOTE = [name.replace("Form", "Note") for name in FORM]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, ["contracts", "write", *map(str, args)])
    assert result.exit_code == 0, result.output
    return result


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_five_files_of_each_contract(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_LISTENERS)
    write()

    expected = [f"desk/v1/{name}" for name in FORM] + [f"shelf/v1/{name}" for name in NOTE]
    assert expected == files(folder / "schemas")


def test_they_are_what_is_shown(folder: Path) -> None:
    project(folder, "name: str")
    write()

    for flag, name in (
        ("--xsd", "Form.xsd"),
        ("--prompt", "Form.prompt.txt"),
        ("--json-schema", "Form.schema.json"),
    ):
        shown = CliRunner().invoke(main, ["contracts", "desk", flag]).stdout
        assert shown == (folder / "schemas/desk/v1" / name).read_text("utf-8")


def test_the_written_example_is_valid_by_the_written_xsd(folder: Path) -> None:
    project(folder, "name: str\n    other: str = field(metadata=xml(namespace='urn:other'))")
    write()

    place = folder / "schemas/desk/v1"
    assert (place / "Form.2.xsd").is_file()
    etree.XMLSchema(etree.parse(place / "Form.xsd")).assertValid(etree.parse(place / "Form.example.xml"))


def test_what_was_done_is_told(folder: Path) -> None:
    project(folder, "name: str")
    lines = write().stdout.splitlines()

    assert "  wrote      schemas/desk/v1/Form.xsd" in lines
    assert "OK: 5 wrote" == lines[-1]


def test_files_that_are_right_are_not_touched(folder: Path) -> None:
    project(folder, "name: str")
    write()
    paths = list((folder / "schemas").rglob("*.*"))
    for path in paths:
        os.utime(path, (1, 1))

    assert "OK: 5 unchanged" == write().stdout.splitlines()[-1]
    assert {1.0} == {path.stat().st_mtime for path in paths}


def test_files_that_changed_are_replaced(folder: Path) -> None:
    project(folder, "name: str")
    write()
    project(folder, "name: str\n    age: int")
    write()

    assert 'name="Age"' in (folder / "schemas/desk/v1/Form.xsd").read_text("utf-8")


def test_a_replaced_file_is_a_new_one(folder: Path) -> None:
    """Whoever reads the old one at the time has it to the end."""
    project(folder, "name: str")
    write()
    with (folder / "schemas/desk/v1/Form.xsd").open(encoding="utf-8") as reader:
        project(folder, "name: str\n    age: int")
        write()
        assert "Age" not in reader.read()


def test_nothing_else_stays_behind(folder: Path) -> None:
    project(folder, "name: str")
    write()

    assert FORM == sorted(path.name for path in (folder / "schemas/desk/v1").iterdir())


def test_a_link_stays_a_link(folder: Path) -> None:
    project(folder, "name: str")
    (folder / "schemas/desk/v1").mkdir(parents=True)
    (folder / "elsewhere.xsd").write_text("old")
    (folder / "schemas/desk/v1/Form.xsd").symlink_to(folder / "elsewhere.xsd")
    write()

    assert (folder / "schemas/desk/v1/Form.xsd").is_symlink()
    assert 'name="Form"' in (folder / "elsewhere.xsd").read_text("utf-8")


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    project(folder, "name: str")
    lines = write("--dry-run").stdout.splitlines()

    assert not (folder / "schemas").exists()
    assert "  would write   schemas/desk/v1/Form.xsd" in lines
    assert "DRY RUN: 5 would write" == lines[-1]


def test_a_dry_run_deletes_nothing(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_CONTRACTS)
    write()
    project(folder, "name: str")
    lines = write("--dry-run", "--prune").stdout.splitlines()

    assert (folder / "schemas/desk/v1/Note.xsd").exists()
    assert "  would remove  schemas/desk/v1/Note.xsd" in lines


def test_another_folder_and_version(folder: Path) -> None:
    project(folder, "name: str")
    write("--dir", "out/contracts", "--version", "v12")

    assert [f"desk/v12/{name}" for name in FORM] == files(folder / "out/contracts")


@pytest.mark.parametrize("version", ["2", "v", "v1/..", "../v1", "vx", ""])
def test_what_is_no_version_is_refused(version: str, folder: Path) -> None:
    project(folder, "name: str")
    result = CliRunner().invoke(main, ["contracts", "write", "--version", version])

    assert (2, True) == (result.exit_code, "is no version; write v1, v2 and so on" in result.stderr)
    assert [] == files(folder / "schemas")


def test_leftover_files_are_told_and_kept(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_CONTRACTS)
    write()
    project(folder, "name: str")
    lines = write().stdout.splitlines()

    assert "  leftover   schemas/desk/v1/Note.xsd" in lines
    assert sorted(FORM + NOTE) == sorted(path.name for path in (folder / "schemas/desk/v1").iterdir())


def test_prune_deletes_leftover_files_and_nothing_else(folder: Path) -> None:
    project(folder, "name: str", listeners=TWO_CONTRACTS)
    write()
    project(folder, "name: str")
    mine = [folder / "schemas/desk/v1" / name for name in ("README.md", "theirs.xsd", "Note.txt")]
    for path in mine:
        path.write_text("mine")
    write("--prune")

    assert sorted([*FORM, "README.md", "theirs.xsd", "Note.txt"]) == sorted(
        path.name for path in (folder / "schemas/desk/v1").iterdir()
    )


def test_json(folder: Path) -> None:
    project(folder, "name: str")
    found = json.loads(write("--json").stdout)

    assert (True, False, []) == (found["ok"], found["dry_run"], found["not_copied"])
    assert {"path": "schemas/desk/v1/Form.xsd", "state": "wrote"} in found["files"]


def test_a_place_that_cannot_be_written_is_told(folder: Path) -> None:
    project(folder, "name: str")
    (folder / "schemas").mkdir()
    (folder / "schemas" / "desk").write_text("a file")
    result = CliRunner().invoke(main, ["contracts", "write"])

    assert (1, True) == (result.exit_code, "schemas/desk" in result.stderr)


def test_a_schema_of_others_is_neither_copied_nor_taken_for_ours(folder: Path) -> None:
    project(folder, "name: str", listeners=TAKES_FOREIGN.replace("theirs/xsd", "schemas/orders/v1"))
    schema = folder / "schemas/orders/v1/Order.xsd"
    schema.parent.mkdir(parents=True)
    schema.write_text(FOREIGN)
    lines = write("--prune").stdout.splitlines()

    assert FOREIGN == schema.read_text()
    assert "  not ours   v1/Order.xsd: it stays where it is" in lines
    assert ["Order.example.xml", "Order.md", "Order.prompt.txt", "Order.schema.json", "Order.xsd"] == sorted(
        path.name for path in schema.parent.iterdir()
    )
    etree.XMLSchema(etree.parse(schema)).assertValid(etree.parse(schema.with_name("Order.example.xml")))


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_same_bytes_in_every_run(seed: str, tmp_path: Path) -> None:
    done = agentserver("contracts", "write", "--dir", tmp_path, env=environment(PYTHONHASHSEED=seed))
    again = CliRunner().invoke(main, ["contracts", "check", "--dir", str(tmp_path)])

    assert (0, 0) == (done.returncode, again.exit_code), again.output
