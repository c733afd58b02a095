"""`agentserver pipe` tells the line of a fault in its input, wherever the message began."""

from __future__ import annotations

import json

import pytest

from .envelopes import envelope, greeting
from .process import agentserver


def lines_told(data: bytes, *options: str) -> list[str]:
    done = agentserver("pipe", "--quiet", *options, stdin=data)
    return [line.rpartition(" (")[2].rstrip(")") for line in done.stderr.decode().splitlines()]


BAD = envelope('<Greeting xmlns="">\n<Name>Ada</Name>\n<Nom/>\n</Greeting>', to="greeter")


def test_a_payload_that_breaks_its_contract() -> None:
    data = (
        b"<?xml version='1.0'?>\n\n" + greeting("Ada") + b"\n\n" + BAD + b"\n" + BAD + greeting("Bob") + BAD
    )

    lines = [number for number, line in enumerate(data.split(b"\n"), 1) if b"<Nom/>" in line]
    assert sorted(lines_told(data)) == sorted(f"line {line}" for line in lines)


def test_bare_payloads() -> None:
    data = b"\n<Greeting><Name>Ada</Name></Greeting>\n<Greeting>\n<Nom>Ada</Nom></Greeting>"

    assert lines_told(data, "--from", "me") == ["line 4"]


def test_a_message_that_is_not_well_formed() -> None:
    assert lines_told(greeting("Ada") + b"\n\n<a>\n</b>") == ["line 5"]


@pytest.mark.parametrize("blank_lines", [70_000])
def test_a_line_far_down_in_the_input(blank_lines: int) -> None:
    assert lines_told(b"\n" * blank_lines + BAD) == [f"line {blank_lines + 3}"]


def test_json_gives_the_line_as_a_number() -> None:
    done = agentserver("pipe", "--json", stdin=b"\n\n" + BAD)

    (failure,) = json.loads(done.stdout)["failures"]
    assert failure["line"] == 5
    assert failure["reason"].startswith("Greeting/Nom: found <Nom>, expected ")
