"""`agentserver pipe`: what goes in, what comes out, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from .envelopes import envelope, greeting
from .process import BROKEN, GREETINGS, ROOT, agentserver

NS = "{https://xml-pipeline.org/ns/envelope/v1}"


def answers(stdout: bytes) -> list[str]:
    return [etree.fromstring(line).findtext("GreetingResponse/Message") or "" for line in stdout.splitlines()]


def test_each_of_a_thousand_greetings_is_answered() -> None:
    done = agentserver("pipe", stdin=GREETINGS.read_bytes())

    assert done.returncode == 0
    names = [etree.fromstring(line).findtext("Greeting/Name") for line in GREETINGS.read_bytes().splitlines()]
    assert sorted(answers(done.stdout)) == sorted(f"Hello, {name}!" for name in names)


def test_a_reply_is_on_the_thread_of_its_message() -> None:
    message = greeting("Ada")
    done = agentserver("pipe", stdin=message)

    thread = etree.fromstring(message).findtext(f"{NS}meta/{NS}thread")
    assert etree.fromstring(done.stdout).findtext(f"{NS}meta/{NS}thread") == thread


def test_a_reply_is_canonical() -> None:
    done = agentserver("pipe", stdin=greeting("O'Brien &amp; S\u00f6hne"))

    line = done.stdout.removesuffix(b"\n")
    assert etree.tostring(etree.fromstring(line), method="c14n", exclusive=True) == line


def test_a_line_break_in_a_reply_makes_no_second_line() -> None:
    done = agentserver("pipe", stdin=greeting("two\nlines"))

    assert answers(done.stdout) == ["Hello, two\nlines!"]


def test_the_neighbours_of_broken_messages_go_through() -> None:
    done = agentserver("pipe", stdin=BROKEN.read_bytes())

    assert answers(done.stdout) == [f"Hello, {name}!" for name in ("first", "second", "third", "last")]


def test_a_failed_message_is_told_by_number_code_and_reason() -> None:
    done = agentserver("pipe", "--quiet", stdin=BROKEN.read_bytes())

    assert done.returncode == 1
    told = [line.split(": ")[:2] for line in done.stderr.decode().splitlines()]
    assert told == [
        ["message 2", "syntax"],
        ["message 4", "no-listener"],
        ["message 5", "schema"],
        ["message 7", "schema"],
        ["message 8", "schema"],
        ["message 9", "schema"],
        ["message 10", "false-sender"],
        ["message 11", "doctype"],
        ["message 12", "schema"],
        ["message 13", "syntax"],
    ]


def test_the_summary_counts_messages_replies_and_failures() -> None:
    done = agentserver("pipe", stdin=greeting("Ada") + envelope('<Nobody xmlns=""/>'))

    assert done.stderr.decode().splitlines()[-1].startswith("2 messages, 1 reply, 1 failed in ")


def test_quiet_says_nothing_when_nothing_failed() -> None:
    done = agentserver("pipe", "--quiet", stdin=greeting("Ada"))

    assert done.stderr == b""


def test_an_empty_input_is_ok() -> None:
    done = agentserver("pipe")

    assert (done.returncode, done.stdout) == (0, b"")


def test_bare_payloads_go_in_under_a_name() -> None:
    done = agentserver("pipe", "--from", "me", stdin=b"<Greeting><Name>Ada</Name></Greeting>" * 2)

    replies = [etree.fromstring(line) for line in done.stdout.splitlines()]
    assert [reply.findtext(f"{NS}meta/{NS}to") for reply in replies] == ["me", "me"]
    assert len({reply.findtext(f"{NS}meta/{NS}thread") for reply in replies}) == 2


def test_a_name_that_is_none_is_a_usage_error() -> None:
    done = agentserver("pipe", "--from", "not a name", stdin=b"<Greeting><Name>Ada</Name></Greeting>")

    assert done.returncode == 2
    assert b"--from" in done.stderr


@pytest.mark.parametrize("name", ["greeter", "Greeter", "system", "system.meta", "system.clock"])
def test_nobody_outside_poses_as_a_listener(name: str) -> None:
    done = agentserver("pipe", "--from", name, stdin=b"<Greeting><Name>Ada</Name></Greeting>")

    assert (2, b"") == (done.returncode, done.stdout)
    assert f"--from: {name!r} is a listener here".encode() in done.stderr


def test_files_stand_in_for_standard_input_and_output(tmp_path: Path) -> None:
    (tmp_path / "in.xml").write_bytes(greeting("Ada"))
    done = agentserver("pipe", "--input", tmp_path / "in.xml", "--output", tmp_path / "out.xml")

    assert (done.returncode, done.stdout) == (0, b"")
    assert answers((tmp_path / "out.xml").read_bytes()) == ["Hello, Ada!"]


def test_the_input_is_not_emptied_by_being_the_output(tmp_path: Path) -> None:
    (tmp_path / "in.xml").write_bytes(greeting("Ada"))
    done = agentserver("pipe", "--input", tmp_path / "in.xml", "--output", tmp_path / "in.xml")

    assert done.returncode == 2
    assert (tmp_path / "in.xml").read_bytes()


def test_what_a_handler_prints_is_no_reply(patience: Path) -> None:
    (patience / "there").touch()
    message = envelope(f'<Wait xmlns=""><File>{patience / "there"}</File></Wait>', to="until-file")
    done = agentserver("pipe", cwd=patience, stdin=message)

    assert [etree.fromstring(line).findtext("Done") for line in done.stdout.splitlines()] == [""]
    assert b"printed by a handler" in done.stderr


def test_time_that_is_up_ends_with_124(patience: Path) -> None:
    message = envelope(f'<Wait xmlns=""><File>{patience / "not there"}</File></Wait>', to="until-file")
    done = agentserver("pipe", "--timeout", "0.3", cwd=patience, stdin=greeting("Ada") + message)

    assert done.returncode == 124
    assert answers(done.stdout) == ["Hello, Ada!"]
    assert b"1 unfinished" in done.stderr


def test_an_escape_sequence_in_a_message_does_not_reach_the_terminal() -> None:
    done = agentserver("pipe", stdin=b"<a>\x1b[31m</b>")

    assert b"\x1b" not in done.stderr


def test_an_input_that_is_a_folder_is_told() -> None:
    done = agentserver("pipe", "--input", ROOT / "config")

    assert done.returncode == 2


def test_an_output_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    done = agentserver("pipe", "--output", tmp_path / "no such folder" / "out.xml")

    assert done.returncode == 1
    assert b"No such file or directory" in done.stderr
