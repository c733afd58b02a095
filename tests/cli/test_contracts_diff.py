"""`agentserver contracts diff`: two versions, contract by contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import main

from .organisms_on_disk import FOREIGN, ONE_LISTENER, TAKES_FOREIGN, TWO_CONTRACTS, TWO_LISTENERS, project


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["contracts", *map(str, args)])


def diff(old: str | Path, new: str | Path) -> Any:
    result = run("diff", old, new, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    return found


def verdicts(old: str | Path, new: str | Path) -> dict[tuple[str, str], str]:
    return {(each["listener"], each["contract"]): each["verdict"] for each in diff(old, new)["contracts"]}


def written(fields: str, version: str = "v1", listeners: str = "", folder: str = "schemas") -> str:
    """Write the contracts of a project with these fields; return the folder."""
    project(Path(), fields, listeners=listeners)
    assert run("write", "--version", version, "--dir", folder).exit_code == 0
    return folder


def test_the_same_is_compatible() -> None:
    written("name: str")

    assert {("desk", "Form"): "same"} == verdicts("schemas", "config/organism.yaml")


def test_a_new_field_that_must_be_there_is_breaking() -> None:
    written("name: str")
    project(Path(), "name: str\n    age: int")
    result = run("diff", "schemas", "config/organism.yaml")

    assert (1, True) == (result.exit_code, "desk Form: breaking" in result.stdout)
    assert "BREAKING: 1 of 1 contract" in result.stdout
    assert any(line.startswith("  breaking    Form") and "Age" in line for line in result.stdout.splitlines())


def test_a_new_field_that_may_be_absent_is_compatible() -> None:
    written("name: str")
    project(Path(), "name: str\n    age: int | None = None")
    result = run("diff", "schemas", "config/organism.yaml")

    assert (0, True) == (result.exit_code, result.stdout.endswith("COMPATIBLE: 1 contract\n"))


def test_each_change_has_its_place_and_kind() -> None:
    written("name: str\n    age: int")
    project(Path(), "name: str | None\n    age: str")
    (form,) = diff("schemas", "config/organism.yaml")["contracts"]

    assert {("Form/Name", "compatible"), ("Form/Age", "compatible")} == {
        (change["path"], change["kind"]) for change in form["changes"]
    }


def test_the_other_way_round_is_the_other_verdict() -> None:
    written("name: str\n    age: int | None = None")
    project(Path(), "name: str")

    assert ("breaking", "compatible") == (
        verdicts("schemas", "config/organism.yaml")["desk", "Form"],
        verdicts("config/organism.yaml", "schemas")["desk", "Form"],
    )


def test_contracts_come_and_go() -> None:
    written("name: str", listeners=TWO_LISTENERS)
    project(Path(), "name: str", listeners=TWO_CONTRACTS)

    assert {("desk", "Form"): "same", ("shelf", "Note"): "gone", ("desk", "Note"): "came"} == verdicts(
        "schemas", "config/organism.yaml"
    )
    assert 1 == run("diff", "schemas", "config/organism.yaml").exit_code


def test_a_contract_that_only_comes_is_compatible() -> None:
    written("name: str")
    project(Path(), "name: str", listeners=TWO_CONTRACTS)

    assert 0 == run("diff", "schemas", "config/organism.yaml").exit_code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schemas/desk/v1", "schemas/desk/v2"),
        ("schemas/desk/v1", "schemas/desk"),
        ("schemas/desk/v1/Form.xsd", "schemas/desk/v2/Form.xsd"),
        ("schemas/desk/v1", "config/organism.yaml"),
        ("schemas/desk/v1", "schemas"),
        ("schemas/desk/v1/Form.xsd", "config/organism.yaml"),
        ("copy.xsd", "config/organism.yaml"),
        ("copy.xsd", "schemas/desk/v2/Form.xsd"),
    ],
)
def test_files_folders_and_organisms_compare(old: str, new: str) -> None:
    written("name: str", "v1", TWO_LISTENERS)
    written("name: str\n    age: int", "v2", TWO_LISTENERS)
    Path("copy.xsd").write_bytes(Path("schemas/desk/v1/Form.xsd").read_bytes())

    assert ["breaking"] == list(verdicts(old, new).values())


def test_folders_of_other_names_compare_listener_by_listener() -> None:
    written("name: str", listeners=TWO_LISTENERS)
    written("name: str\n    age: int", listeners=TWO_LISTENERS, folder="newer")

    assert {("desk", "Form"): "breaking", ("shelf", "Note"): "same"} == verdicts("schemas", "newer")


def test_the_newest_version_counts() -> None:
    for version, fields in (("v2", "name: str\n    age: int"), ("v10", "name: str"), ("v9", "age: int")):
        written(fields, version)
    project(Path(), "name: str")

    assert {("desk", "Form"): "same"} == verdicts("schemas", "config/organism.yaml")


def test_namespaces_in_several_documents_compare() -> None:
    other = "name: str\n    other: {} = field(metadata=xml(namespace='urn:other'))"
    written(other.format("str"), "v1")
    written(other.format("int"), "v2")

    assert {("desk", "Form"): "breaking"} == verdicts("schemas/desk/v1", "schemas/desk/v2")


def test_a_schema_of_others_does_not_come_or_go_for_not_being_written() -> None:
    project(Path(), "name: str", listeners=f"{TAKES_FOREIGN}\n{ONE_LISTENER}").rename("config/both.yaml")
    Path("theirs/xsd").mkdir(parents=True)
    Path("theirs/xsd/Order.xsd").write_text(FOREIGN)
    written("name: str")

    assert {("desk", "Form"): "same"} == verdicts("schemas", "config/both.yaml")
    assert {("desk", "Form"): "same"} == verdicts("config/both.yaml", "schemas")


def test_a_schema_of_others_comes_and_goes_with_its_listener() -> None:
    Path("theirs/xsd").mkdir(parents=True)
    Path("theirs/xsd/Order.xsd").write_text(FOREIGN)
    project(Path(), "name: str", listeners=f"{TAKES_FOREIGN}\n{ONE_LISTENER}").rename("config/both.yaml")
    project(Path(), "name: str")

    assert "gone" == verdicts("config/both.yaml", "config/organism.yaml")["orders", "{urn:acme}Order"]
    assert "came" == verdicts("config/organism.yaml", "config/both.yaml")["orders", "{urn:acme}Order"]


def test_a_schema_of_others_compares_with_a_newer_one() -> None:
    for version, text in (("old", FOREIGN), ("new", FOREIGN.replace("xs:string", "xs:int"))):
        Path(version, "xsd").mkdir(parents=True)
        Path(version, "xsd", "Order.xsd").write_text(text)

    assert {("", "{urn:acme}Order"): "breaking"} == verdicts("old/xsd/Order.xsd", "new/xsd/Order.xsd")
    assert {("", "{urn:acme}Order"): "breaking"} == verdicts("old/xsd", "new/xsd")


def test_what_is_skipped_is_told() -> None:
    project(Path(), "name: str", listeners=f"{TAKES_FOREIGN}\n{ONE_LISTENER}")
    Path("theirs/xsd").mkdir(parents=True)
    Path("theirs/xsd/Order.xsd").write_text(FOREIGN)
    assert 0 == run("write").exit_code
    result = run("diff", "schemas", "config/organism.yaml")

    assert (0, True) == (result.exit_code, "orders {urn:acme}Order: skipped" in result.stderr)
    assert [{"listener": "orders", "contract": "{urn:acme}Order"}] == diff("schemas", "config/organism.yaml")[
        "skipped"
    ]


@pytest.mark.parametrize("old", ["schemas", "schemas/orders", "schemas/orders/v1"])
def test_a_folder_for_schemas_of_others_alone_cannot_be_compared(old: str) -> None:
    project(Path(), "name: str", listeners=TAKES_FOREIGN)
    Path("theirs/xsd").mkdir(parents=True)
    Path("theirs/xsd/Order.xsd").write_text(FOREIGN)
    assert 0 == run("write").exit_code
    result = run("diff", old, "config/organism.yaml")

    assert (3, True) == (result.exit_code, "compare the XSDs themselves" in result.stderr)


def test_contracts_of_another_organism_in_the_folder_are_left_alone() -> None:
    project(Path(), "name: str", listeners=TWO_LISTENERS).rename("config/other.yaml")
    assert 0 == run("write", "-c", "config/other.yaml").exit_code
    written("name: str")

    assert {("desk", "Form"): "same"} == verdicts("schemas", "config/organism.yaml")
    assert {("desk", "Form"): "same"} == verdicts("config/organism.yaml", "schemas")
    Path("config/other.yaml").unlink()
    assert "gone" == verdicts("schemas", "config/organism.yaml")["shelf", "Note"]


def test_what_does_not_exist_is_not_found() -> None:
    result = run("diff", "nowhere", "schemas")

    assert (3, True) == (result.exit_code, "nowhere: there is no such file" in result.stderr)


@pytest.mark.parametrize("text", ["", "<a/>", "not XML", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"])
def test_what_is_no_schema_fails(text: str) -> None:
    Path("bad.xsd").write_text(text)
    result = run("diff", "bad.xsd", "bad.xsd", "--json")

    assert (2, False) == (result.exit_code, json.loads(result.stdout)["ok"])
    assert 1 == json.loads(result.stdout)["error"]["message"].count("bad.xsd")
    assert "bad.xsd" in json.loads(result.stdout)["error"]["message"]


def test_a_schema_that_leads_elsewhere_fails() -> None:
    Path("bad.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        '<xs:import namespace="urn:x" schemaLocation="http://127.0.0.1:9/x.xsd"/><xs:element name="a"/></xs:schema>'
    )
    result = run("diff", "bad.xsd", "bad.xsd")

    assert (2, True) == (result.exit_code, "http://127.0.0.1:9/x.xsd" in result.stderr)


def test_a_folder_without_contracts_fails() -> None:
    Path("empty").mkdir()
    result = run("diff", "empty", "empty")

    assert (3, True) == (result.exit_code, "empty: no contracts are in it" in result.stderr)


def test_two_paths_are_wanted() -> None:
    assert 2 == run("diff", "schemas").exit_code
