"""`agentserver test`: cases in YAML, run in virtual time; a line each, and exit codes that CI can use."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from agentserver.cli import main

SAMPLE = Path(__file__).parents[2] / "config" / "organism.yaml"

ORGANISM = """\
organism: {name: shop}
listeners:
  - name: greeter
    payload_class: handlers.hello.Greeting
    handler: handlers.hello.handle_greeting
  - name: adder
    payload_class: handlers.calculator.Add
    handler: handlers.calculator.add
"""

GREETS = """\
cases:
  - name: greets
    inject: {payload: {Greeting: {name: Ada}}, to: greeter, from: me}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    config = tmp_path / "config" / "organism.yaml"
    config.parent.mkdir()
    config.write_text(ORGANISM)
    return config


def run(shop: Path, cases: str, *words: str) -> Result:
    shop.with_name("organism.tests.yaml").write_text(cases)
    return CliRunner().invoke(main, ["test", "--config", str(shop), *words])


def greeting(text: str) -> str:
    return f"    expect: {{payload: '<GreetingResponse><Message>{text}</Message></GreetingResponse>'}}\n"


def test_the_cases_of_the_sample_pass() -> None:
    result = CliRunner().invoke(main, ["test", "--config", str(SAMPLE)])

    assert "4 passed, 0 failed" == result.stdout.splitlines()[-1]
    assert result.exit_code == 0


def test_a_failed_case_tells_where_it_differs_and_what_was_found(shop: Path) -> None:
    result = run(shop, GREETS + greeting("Hi"))

    cases = shop.with_name("organism.tests.yaml")
    assert [
        f"FAIL  greets  ({cases}:2)",
        f"      {cases}:4: expected a message, anybody -> anybody: the payload",
        "        the nearest differs: GreetingResponse/Message: expected 'Hi', found 'Hello, Ada!'",
        "      found greeter -> me: <GreetingResponse><Message>Hello, Ada!</Message></GreetingResponse>",
        "0 passed, 1 failed",
    ] == result.stdout.splitlines()
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("expected", "exit_code"),
    [
        ("    expect: {payload: {GreetingResponse: {message: 'Hello, Ada!'}}}\n", 0),
        ("    expect: {payload: {GreetingResponse: {}}}\n", 0),
        ("    expect: {payload: {GreetingResponse: {mesage: 'Hello, Ada!'}}}\n", 1),
        ("    expect: {payload: {Greeting: {}}}\n", 1),
        ("    expect: {to: you}\n", 1),
        ("    expect: [{to: me}, {to: me}]\n", 1),
        ("    expect_none: true\n", 1),
        ("    refusal: schema\n", 1),
        ("    expect: []\n    exactly: true\n", 1),
        ("    expect: {to: me}\n    exactly: true\n", 0),
        ("    expect: {to: me}\n    mock: {greeter: []}\n", 1),
        ("    expect_none: true\n    mock: {greeter: []}\n", 0),
        ("    expect_none: true\n    mock: {greeter: {fail: out of order}}\n", 1),
        ("    refusal: handler-failed\n    mock: {greeter: {fail: out of order}}\n", 0),
        ("    refusal: handler-failed\n    mock: {greeter: {Add: {a: '1', b: '2'}}}\n", 1),
        ("    expect: {to: me}\n    mock: {greeter: {Add: {a: '1', b: '2'}}}\n", 0),
    ],
)
def test_what_passes_and_what_fails(shop: Path, expected: str, exit_code: int) -> None:
    result = run(shop, GREETS + expected)

    assert exit_code == result.exit_code, result.output


TWICE = """\
cases:
  - name: two answers
    inject:
      - {payload: {Greeting: {name: A}}, to: greeter, from: me}
      - {payload: {Greeting: {name: B}}, to: greeter, from: me}
    expect:
      - payload: {GreetingResponse: {message: "Hello, B!"}}
      - payload: {GreetingResponse: {message: "Hello, A!"}}
"""


def test_the_order_counts_unless_the_case_says_otherwise(shop: Path) -> None:
    assert run(shop, TWICE).exit_code == 1
    assert run(shop, TWICE + "    any_order: true\n").exit_code == 0


def test_what_is_no_xml_is_injected_as_it_is(shop: Path) -> None:
    cases = "cases: [{name: broken, inject: {payload: '<a><b>', to: greeter}, refusal: syntax}]"

    assert run(shop, cases).exit_code == 0


@pytest.mark.parametrize(
    ("cases", "fault"),
    [
        ("cases: [{inject: {payload: x}, refusal: y}]", ":1:9: missing key 'name'"),
        ("cases: [{name: a, refusal: y}]", ":1:9: missing key 'inject'"),
        ("cases: [{name: a, inject: {payload: x}}]", ":1:9: nothing is expected; give 'expect',"),
        ("cases: 5", ":1:8: found 5, expected a list"),
        ("case: []", ":1:1: unknown key 'case'; did you mean 'cases'?"),
        (GREETS + "    expcet: []\n    refusal: a\n", ":4:5: unknown key 'expcet'; did you mean 'expect'?"),
        (GREETS + "    refusal: 5\n", ":4:14: found 5, expected text"),
        (GREETS + "    expect_none: 'yes'\n", ":4:18: found 'yes', expected true or false"),
        (GREETS + "    expect: {to: me}\n    expect_none: true\n", ":5:18: nothing and something"),
        (GREETS + "    refusal: a\n    mock: {greter: []}\n", ":5:12: no listener 'greter'; did you mean"),
        (GREETS + "    expect: {from: greter}\n", ":4:14: no listener 'greter'; did you mean 'greeter'?"),
        (GREETS + "    expect: {payload: 5}\n", ":4:23: found 5, expected XML as text, or a mapping"),
        (GREETS + "    expect: {payload: '<a'}\n", ":4:0: no XML: syntax"),
        (GREETS.replace("name: Ada", "nam: Ada") + "    refusal: a\n", ":3:0: Greeting"),
        (GREETS.replace("Greeting", "Greting") + "    refusal: a\n", "takes <Greting>; did you mean 'Greeting'?"),
        (GREETS + greeting("a") + GREETS[7:] + greeting("a"), ":5:11: another case is called 'greets'"),
        ("- a\n  b: [", ": not YAML"),
        ("", ": the file is empty"),
    ],
)  # fmt: skip
def test_a_fault_of_the_file_has_its_place(shop: Path, cases: str, fault: str) -> None:
    result = run(shop, cases)

    assert fault in result.stderr
    assert result.exit_code == 78


def test_the_help_shows_cases_that_pass(shop: Path) -> None:
    told = CliRunner().invoke(main, ["test", "--help"]).stdout
    shown = told.partition("A file of cases:\n")[2].partition("\n\n")[0]

    assert "2 passed, 0 failed" == run(shop, dedent(shown)).stdout.splitlines()[-1]


def test_who_has_no_cases_is_shown_some_that_pass(shop: Path) -> None:
    missing = CliRunner().invoke(main, ["test", "--config", str(shop)]).stderr
    empty = run(shop, "cases: []").stderr

    for told in (missing, empty):
        cases = told.partition("such as\n\n")[2]
        assert "1 passed, 0 failed" == run(shop, cases).stdout.splitlines()[-1]


def test_no_cases_are_an_error_with_words(shop: Path) -> None:
    missing = CliRunner().invoke(main, ["test", "--config", str(shop)])

    assert "organism.tests.yaml: there is no such file; write cases there" in missing.stderr
    assert "there are no cases under 'cases'" in run(shop, "cases: []").stderr
    assert "no name of 1 cases holds 'xyz'" in run(shop, GREETS + greeting("a"), "-k", "xyz").stderr
    assert [3, 3, 2] == [
        missing.exit_code, run(shop, "cases: []").exit_code, run(shop, "cases: []", "--nope").exit_code,
    ]  # fmt: skip


def test_only_the_cases_with_the_text_are_run(shop: Path) -> None:
    cases = GREETS + greeting("Hello, Ada!") + GREETS[7:].replace("greets", "Other") + greeting("no")

    assert ["pass  greets", "1 passed, 0 failed"] == run(shop, cases, "-k", "GREET").stdout.splitlines()


def test_one_json_document(shop: Path) -> None:
    document = json.loads(run(shop, GREETS + greeting("Hi"), "--json").stdout)

    assert (False, 0, 1) == (document["ok"], document["passed"], document["failed"])
    assert ("greets", 2, False) == tuple(document["cases"][0][key] for key in ("name", "line", "ok"))


def test_junit(shop: Path, tmp_path: Path) -> None:
    report = tmp_path / "var" / "junit.xml"
    cases = GREETS + greeting("Hello, Ada!") + GREETS[7:].replace("greets", '<bad> & "x"') + greeting("no")
    run(shop, cases, "--junit", str(report))

    suite = ElementTree.parse(report).getroot()[0]
    assert ("2", "1") == (suite.get("tests"), suite.get("failures"))
    assert ["greets", '<bad> & "x"'] == [case.get("name") for case in suite]
    assert "expected 'no', found 'Hello, Ada!'" in (suite[1][0].text or "")


SECRETS = """\
from dataclasses import dataclass
from typing import Annotated
from agentserver import HandlerResponse, Secret, xmlify

@xmlify
@dataclass
class Login:
    user: str
    password: Annotated[str, Secret]

async def echo(payload, metadata):
    return HandlerResponse.respond(payload)
"""


def test_no_secret_is_shown(shop: Path) -> None:
    (shop.parent.parent / "secret_cases_login.py").write_text(SECRETS)
    shop.write_text(
        "organism: {name: door}\nlisteners:\n"
        "  - {name: door, payload_class: secret_cases_login.Login, handler: secret_cases_login.echo}\n"
    )
    cases = (
        "cases:\n  - name: a\n    inject: {payload: {Login: {user: Ada, password: swordfish}}}\n    expect: "
    )
    for payload in (
        "{Login: {user: Bob, password: tunafish}}",
        "<Login><User>Bob</User><Password>tunafish</Password></Login>",
    ):
        shown = run(shop, f"{cases}{{payload: {payload}}}\n")
        assert shown.exit_code == 1
        assert "expected 'Bob', found 'Ada'" in shown.stdout
        assert not any(fish in shown.output for fish in ("swordfish", "tunafish"))
