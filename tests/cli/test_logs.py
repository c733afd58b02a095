"""Log records as lines: JSON for machines, text for people."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from agentserver.cli.logs import JsonFormatter, TextFormatter, logging_to_stderr


def record(message: str, exc_info: Any = None, **fields: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "a.b", "levelno": 30, "levelname": "WARNING", "created": 0.5})
    made.msg, made.exc_info = message, exc_info
    vars(made).update(fields)
    return made


def raised() -> Any:
    try:
        raise LookupError("gone")
    except LookupError:
        return sys.exc_info()


def test_json_has_the_fields_as_keys() -> None:
    assert json.loads(JsonFormatter().format(record("dead letter", code="syntax", line=3))) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "warning",
        "logger": "a.b",
        "event": "dead letter",
        "code": "syntax",
        "line": 3,
    }


def test_json_keeps_its_own_keys() -> None:
    line = json.loads(JsonFormatter().format(record("said", event="other")))

    assert (line["event"], line["event_"]) == ("said", "other")


def test_json_has_the_traceback() -> None:
    line = json.loads(JsonFormatter().format(record("raised", exc_info=raised())))

    assert line["exception"].endswith("LookupError: gone")


def test_json_takes_any_value() -> None:
    assert json.loads(JsonFormatter().format(record("x", path={1, 2}.__class__)))["path"] == "<class 'set'>"


def test_text_has_the_fields_behind_the_message() -> None:
    assert (
        TextFormatter()
        .format(record("dead letter", code="syntax", reason="two words"))
        .endswith('WARNING  dead letter  code=syntax reason="two words"')
    )


def test_text_has_the_traceback_below() -> None:
    assert TextFormatter().format(record("raised", exc_info=raised())).splitlines()[-1] == "LookupError: gone"


def test_a_traceback_that_is_a_text_already_is_shown_like_any_other() -> None:
    told = record("raised", exception="Traceback\nLookupError: ***", code="x")

    assert TextFormatter().format(told).splitlines()[1:] == ["Traceback", "LookupError: ***"]
    assert json.loads(JsonFormatter().format(told))["exception"] == "Traceback\nLookupError: ***"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "\x9b31m", "\u202e"])
def test_text_shows_no_control_characters(hostile: str) -> None:
    line = TextFormatter().format(record(hostile, reason=hostile))

    assert line.isprintable()


def test_the_root_logger_is_given_back() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    with logging_to_stderr("debug", "json"):
        assert root.level == logging.DEBUG

    assert (root.handlers, root.level) == before
