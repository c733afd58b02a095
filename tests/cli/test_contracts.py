"""`agentserver contracts`: what is shown of contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from agentserver.cli import main

from .organisms_on_disk import project
from .process import on_a_terminal

ARTEFACTS = ["--xsd", "--example", "--json-schema", "--prompt", "--markdown"]


def contracts(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["contracts", *map(str, args)])


def shown(*args: str | Path) -> str:
    result = contracts(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*args: str | Path) -> Any:
    return json.loads(shown(*args, "--json"))


def test_each_contract_is_a_row() -> None:
    rows = [line.split(maxsplit=2) for line in shown().splitlines()]

    assert ["LISTENER", "CONTRACT", "FIELDS"] == rows[0]
    assert ["greeter", "Greeting", "Name"] == rows[1]


def test_a_further_contract_of_a_listener_has_a_row_of_its_own() -> None:
    rows = [line.split() for line in shown("editor").splitlines()]

    assert ["editor", "Draft"] == rows[1][:2]
    assert "Page" == rows[2][0]
    assert 3 == len(rows)


def test_fields_say_how_often_they_occur(tmp_path: Path) -> None:
    config = project(
        tmp_path,
        "id: Annotated[str, 0] = field(metadata=xml(attribute=True))\n    a: int\n    b: int | None\n    c: list[int]",
    )

    assert "@id, A, B?, C*" in shown("-c", config)


def test_the_xsd_of_a_contract_is_an_xsd_and_nothing_else() -> None:
    schema = etree.XMLSchema(etree.fromstring(shown("greeter", "--xsd").encode()))

    assert schema.validate(etree.fromstring("<Greeting><Name>Ada</Name></Greeting>"))


def test_the_example_is_valid() -> None:
    schema = etree.XMLSchema(etree.fromstring(shown("greeter", "--xsd").encode()))

    schema.assertValid(etree.fromstring(shown("greeter", "--example").encode()))


def test_the_json_schema_is_json() -> None:
    assert (
        "https://json-schema.org/draft/2020-12/schema"
        == json.loads(shown("greeter", "--json-schema"))["$schema"]
    )


@pytest.mark.parametrize("flag", ["--prompt", "--markdown"])
def test_what_is_read_names_the_listener_and_what_it_does(flag: str) -> None:
    text = shown("greeter", flag)

    assert [True] * 3 == [word in text for word in ("greeter", "Responds with a greeting message", "Name")]


@pytest.mark.parametrize("wanted", ["editor.Draft", "EDITOR.draft"])
def test_one_of_several_contracts(wanted: str) -> None:
    assert 'name="Draft"' in shown(wanted, "--xsd")
    assert 'name="Page"' not in shown(wanted, "--xsd")


def test_a_listener_with_a_dot_is_not_taken_apart() -> None:
    assert 'name="Add"' in shown("calculator.add", "--xsd")


@pytest.mark.parametrize("flag", ["--xsd", "--example", "--json-schema"])
def test_several_artefacts_have_a_line_above_each(flag: str) -> None:
    text = on_a_terminal("contracts", "editor", flag, out=True, NO_COLOR="1")
    titles = [line for line in text.splitlines() if line.startswith("==>")]

    assert [True, True] == [
        title.startswith(f"==> editor: {name}.")
        for title, name in zip(titles, ["Draft", "Page"], strict=True)
    ]


@pytest.mark.parametrize("flag", ["--xsd", "--example", "--json-schema"])
def test_several_artefacts_in_one_file_are_refused(flag: str) -> None:
    result = contracts("editor", flag)

    assert (2, "") == (result.exit_code, result.stdout)
    assert f"{flag} gives 2 documents here" in result.stderr
    assert "as editor.Draft, write them to files with `agentserver contracts write`" in result.stderr


def test_several_documents_of_one_xsd_in_one_file_are_refused(tmp_path: Path) -> None:
    config = project(tmp_path, "name: str\n    other: str = field(metadata=xml(namespace='urn:other'))")

    assert (2, "") == ((found := contracts("desk", "--xsd", "-c", config)).exit_code, found.stdout)
    assert 2 == len(document("desk", "--xsd", "-c", config)["listeners"]["desk"]["Form"])


@pytest.mark.parametrize("flag", ["--prompt", "--markdown"])
def test_what_is_read_has_no_such_line(flag: str) -> None:
    assert "==>" not in shown(flag)


def test_two_artefacts_at_once_are_refused() -> None:
    result = contracts("greeter", "--xsd", "--prompt")

    assert (2, True) == (result.exit_code, "--xsd and --prompt: give one of them" in result.stderr)


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("greter", "did you mean 'greeter'?"),
        ("editor.Daft", "did you mean 'editor.Draft'?"),
        ("zzz", "`agentserver contracts` lists what there is"),
        ("wriet", "did you mean the command `agentserver contracts write`?"),
        (
            "config/counting.yaml",
            "a configuration is given with -c: `agentserver contracts -c config/counting.yaml`",
        ),
        ("no such.yml", "a configuration is given with -c: `agentserver contracts -c 'no such.yml'`"),
    ],
)
def test_an_unknown_listener_is_not_found(wanted: str, near: str) -> None:
    result = contracts(wanted, "--xsd")

    assert (3, True) == (result.exit_code, f"no listener '{wanted}'; {near}" in result.stderr)


def test_an_unknown_listener_is_not_found_in_json() -> None:
    result = contracts("greter", "--json")

    assert (3, "not-found") == (result.exit_code, json.loads(result.stdout)["error"]["code"])


def test_a_missing_configuration_is_not_found() -> None:
    result = contracts("--config", "nowhere.yaml")

    assert (3, True) == (result.exit_code, "give the path of an organism.yaml with -c" in result.stderr)


def test_json_alone_gives_everything() -> None:
    found = document()
    greeter = found["listeners"][0]

    assert (True, "config/organism.yaml", "greeter") == (found["ok"], found["file"], greeter["name"])
    assert "Greeting" == greeter["contracts"][0]["contract"]
    assert {"contract", "xsd", "example", "json_schema", "prompt", "markdown"} == set(greeter["contracts"][0])
    assert ["Greeting.xsd"] == list(greeter["contracts"][0]["xsd"])


@pytest.mark.parametrize("flag", ARTEFACTS)
def test_json_of_one_artefact_is_a_mapping(flag: str) -> None:
    found = document(flag)

    assert flag.removeprefix("--") == found["artefact"]
    assert {"Draft", "Page"} == set(found["listeners"]["editor"])


def test_json_holds_what_is_shown() -> None:
    found = document("greeter", "--xsd")["listeners"]["greeter"]["Greeting"]

    assert {"Greeting.xsd": shown("greeter", "--xsd")} == found


def test_a_configuration_of_ones_own() -> None:
    assert 2 == len(shown("--config", "config/counting.yaml").splitlines())


def test_options_may_stand_before_the_command() -> None:
    assert "DRY RUN" in shown("--config", "config/counting.yaml", "write", "--dry-run")


def test_a_listener_that_is_called_as_a_command_is_shown_by_name(tmp_path: Path) -> None:
    config = project(
        tmp_path, "name: str", listeners="- {name: check, payload_class: MODULE.Form, handler: MODULE.take}"
    )

    assert 'name="Form"' in shown("show", "check", "--xsd", "--config", config)


def test_what_a_module_prints_does_not_get_into_the_artefact(tmp_path: Path) -> None:
    config = project(tmp_path, "name: str", "print('noise')\n")

    etree.fromstring(shown("-c", config, "desk", "--xsd").encode())


@pytest.mark.parametrize(
    "args", [["contracts"], *(["contracts", name] for name in ("show", "write", "check", "diff"))]
)
def test_help_teaches_by_examples(args: list[str]) -> None:
    result = CliRunner().invoke(main, [*args, "--help"])

    assert (0, True) == (result.exit_code, "Examples:\n    agentserver contracts" in result.stdout)
