"""`--json`: one document on standard output, whatever happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agentserver.cli import main

from .envelopes import envelope, greeting
from .process import agentserver


def document(*args: str | Path, **options: Any) -> tuple[int, Any]:
    """Run a command; return its exit code and what it wrote, which must be one JSON document."""
    done = agentserver(*args, "--json", **options)
    return done.returncode, json.loads(done.stdout)


def test_validate_gives_the_listeners() -> None:
    code, found = document("validate")

    assert (code, found["ok"], found["organism"]["name"]) == (0, True, "hello-world")
    assert found["listeners"][0] == {
        "name": "greeter",
        "description": "Responds with a greeting message",
        "agent": False,
        "peers": None,
        "broadcast": False,
        "contracts": [
            {"payload_class": "handlers.hello.Greeting", "handler": "handlers.hello.handle_greeting"}
        ],
    }


def test_validate_says_who_may_ask_system_meta_and_lists_the_users_listeners_alone() -> None:
    _, found = document("validate")

    assert found["meta"] == {
        "list_capabilities": "peers", "schema": "peers", "example": "peers", "prompt": "peers"
    }  # fmt: skip
    assert "system.meta" not in {listener["name"] for listener in found["listeners"]}


def test_faults_of_a_configuration(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("organism: {name: x}\nlisteners: []\n")
    code, found = document("validate", bad)

    assert (code, found["ok"]) == (78, False)
    assert [(each["file"], each["line"]) for each in found["faults"]] == [(str(bad), 2)]


def test_faults_of_a_configuration_in_pipe(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("listeners: []\n")
    code, found = document("pipe", bad)

    assert (code, found["ok"]) == (78, False)


def test_a_configuration_that_does_not_exist() -> None:
    code, found = document("validate", "nowhere.yaml")

    assert (code, found["ok"], found["error"]["code"]) == (3, False, "not-found")


def test_pipe_gives_replies_and_counts() -> None:
    code, found = document("pipe", stdin=greeting("Ada") * 2)

    assert (code, found["ok"], found["ended"]) == (0, True, "finished")
    assert (found["messages"], found["replies"], found["failed"]) == (2, 2, 0)
    assert [("Hello, Ada!" in reply) for reply in found["replies_xml"]] == [True, True]
    assert found["books"]["settled"] == 4


def test_pipe_gives_failures() -> None:
    code, found = document("pipe", stdin=greeting("Ada") + envelope('<Nobody xmlns=""/>'))

    assert (code, found["ok"]) == (1, False)
    assert found["failures"] == [
        {
            "message": 2,
            "code": "no-listener",
            "reason": "no listener 'greeter' takes <Nobody>",
            "stage": "routing_resolution",
            "line": None,
        }
    ]


def test_pipe_with_a_file_for_replies_gives_the_counts_alone(tmp_path: Path) -> None:
    code, found = document("pipe", "--output", tmp_path / "out.xml", stdin=greeting("Ada"))

    assert (code, found["replies"], "replies_xml" in found) == (0, 1, False)
    assert b"Hello, Ada!" in (tmp_path / "out.xml").read_bytes()


def test_pipe_that_fails_half_way_still_gives_one_document() -> None:
    code, found = document("pipe", "--from", "no name", stdin=greeting("Ada"))

    assert (code, found["ok"]) == (2, False)
    assert found["error"]["code"] == "usage"


def test_pipe_out_of_time_gives_one_document(patience: Path) -> None:
    message = envelope('<Wait xmlns=""><File>x</File></Wait>', to="until-file")
    code, found = document("pipe", "--timeout", "0.3", cwd=patience, stdin=message)

    assert (code, found["ok"], found["ended"], found["unfinished"]) == (124, False, "timeout", 1)


@pytest.mark.parametrize(
    "args",
    [
        ("validate", "--nonsense", "--json"), ("--nonsense", "validate", "--json"), ("nonsense", "--json"),
        ("validate", "--json", "--reach", "a"), ("audit", "verify", "--thread", "x", "--expect", "y", "--json"),
        ("pipe", "--timeout", "soon", "--json"), ("contracts", "show", "--json", "--nonsense"), ("run", "--json"),
    ],
)  # fmt: skip
def test_a_usage_error_is_a_document_too(args: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, args)

    assert (2, False, "usage") == (
        result.exit_code, json.loads(result.stdout)["ok"], json.loads(result.stdout)["error"]["code"]
    )  # fmt: skip
    assert "Error: " in result.stderr


def test_a_usage_error_without_json_leaves_the_output_alone() -> None:
    assert not CliRunner().invoke(main, ["validate", "--nonsense", "--", "--json"]).stdout
