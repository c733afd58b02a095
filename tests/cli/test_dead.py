"""`agentserver dead`: what was given up on, shown and decided about on the file."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentserver.cli import main
from agentserver.queues import QueuedMessage
from agentserver.queues.sqlite import SqliteQueue
from tests.secret_ears import MARK, heard

from .queue_files import Stored

THREAD = "0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77"


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def test_a_file_without_dead_letters(stored: Stored) -> None:
    stored.asked.touch()
    stored.run(stored.question())

    assert "no dead letters\n" == stored.command("dead", "list").stdout


def test_what_failed_is_listed_with_what_went_wrong(stored: Stored) -> None:
    stored.run(stored.question(THREAD))

    (letter,) = stored.letters()
    assert ("handler-failed", "worker", "desk", "dead", 1) == (
        letter["code"], letter["to"], letter["from"], letter["standing"], letter["attempts"]
    )  # fmt: skip
    assert (THREAD, "worker.job", "Job") == (letter["conversation"], letter["listener"], letter["tag"])
    assert "FileNotFoundError" in letter["reason"]
    shown = stored.command("dead", "list").stdout
    assert letter["id"] in shown
    assert "1 of 1 dead letter" in shown


def test_a_message_that_ended_the_process_too_often_is_found_by_its_listener(stored: Stored) -> None:
    asyncio.run(waiting(stored, stored.login()))
    with stored.sql() as connection:
        connection.execute("UPDATE waiting SET crashes = 3")
    stored.run()

    (letter,) = stored.letters("--listener", "door")
    assert ("crashed", "door", "visitor") == (letter["code"], letter["to"], letter["from"])
    stored.command("dead", "retry", "--all", "--listener", "door")
    assert [] == stored.letters()


async def waiting(stored: Stored, message: bytes) -> None:
    """Put a message in that nobody handles."""
    queue = SqliteQueue(stored.path)
    await queue.put((QueuedMessage("login", message),))
    await queue.aclose()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--listener", "worker"], 1), (["--listener", "WORKER.job"], 1), (["--listener", "work"], 0),
        (["--code", "handler-failed"], 2), (["--code", "syntax"], 1), (["--stage", "dispatch"], 2),
        (["--sender", "desk"], 1), (["--thread", THREAD], 1), (["--thread", THREAD.upper()], 1),
        (["--since", "1h"], 3), (["--since", "2100-01-01"], 0), (["--until", "1h"], 0), (["--limit", "2"], 2),
        (["--code", "handler-failed", "--listener", "door"], 1),
    ],
)  # fmt: skip
def test_filters(stored: Stored, options: list[str], count: int) -> None:
    stored.run(stored.question(THREAD), stored.login(), b"<no xml")

    assert count == len(stored.letters(*options))


def test_a_limit_says_that_there_are_more(stored: Stored) -> None:
    stored.run(*[stored.login()] * 3)

    assert "2 of 3 dead letters; --limit 0 shows all" in stored.command("dead", "list", "--limit", "2").stdout


@pytest.mark.parametrize("moment", ["yesterday", "25:00", "9999999999w", "2026-13-01"])
def test_a_moment_that_is_none(stored: Stored, moment: str) -> None:
    stored.run()

    assert "is no moment" in stored.command("dead", "list", "--since", moment, code=2).stderr


def test_show_tells_everything(stored: Stored) -> None:
    stored.run(stored.question(THREAD))
    (letter,) = stored.letters()

    found = stored.document("dead", "show", letter["id"])
    assert ["ada", "desk"] == [frame["name"] for frame in found["chain"]]
    assert (1, letter["id"].partition(".")[0]) == (found["hop"], found["parent"])
    assert f"<File>{stored.asked}</File>" in found["original"]
    assert found["queued_at"] <= found["began_at"] <= found["died_at"]
    shown = stored.command("dead", "show", letter["id"]).stdout
    assert "ada > desk" in shown
    assert f"<File>{stored.asked}</File>" in shown


def test_show_masks_what_is_secret(stored: Stored) -> None:
    stored.run(stored.login())
    (letter,) = stored.letters()

    result = stored.command("dead", "show", letter["id"])
    assert "<User>eve</User><Password>***</Password>" in result.stdout
    assert MARK not in result.output
    assert MARK not in stored.command("dead", "show", letter["id"], "--json").output


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    "command",
    [
        "dead list",
        "dead show ID",
        "dead retry ID",
        "dead drop ID",
        "trace ID",
        "status",
        "audit verify",
        "replay",
    ],
)
def test_no_command_shows_a_secret(stored: Stored, command: str, options: list[str]) -> None:
    stored.run(stored.login())
    (letter,) = stored.letters()
    words = [letter["id"] if word == "ID" else word for word in command.split()]
    if command == "replay":
        words += ["--against", str(stored.config)]

    result = stored.command(*words, *options)
    assert "" == heard(result.output + result.stderr)


def test_show_tells_nothing_of_bytes_that_nobody_knows_the_secrets_of(stored: Stored) -> None:
    stored.run(f"<Login><Password>{MARK}</Pass".encode())
    (letter,) = stored.letters()

    result = stored.command("dead", "show", letter["id"])
    assert "bytes, sha256" in result.stdout
    assert MARK not in result.output


def test_raw_gives_the_bytes_as_they_were_sent(stored: Stored) -> None:
    sent = b"\xff\x00<no xml"
    stored.run(sent)
    (letter,) = stored.letters()

    assert sent == stored.command("dead", "show", letter["id"], "--raw").stdout_bytes
    found = stored.document("dead", "show", letter["id"], "--raw")
    assert sent == base64.b64decode(found["original_base64"])


@pytest.mark.parametrize(("asked", "code"), [("nobody", 3), ("done", 2)])
def test_show_of_what_is_no_dead_letter(stored: Stored, asked: str, code: int) -> None:
    stored.run(stored.question())
    (letter,) = stored.letters()
    done = letter["id"].partition(".")[0]

    stored.command("dead", "show", done if asked == "done" else asked, code=code)


def test_a_retry_goes_through_and_the_first_caller_is_answered(stored: Stored) -> None:
    stored.run(stored.question(THREAD))
    (letter,) = stored.letters()
    stored.asked.touch()

    retried = stored.document("dead", "retry", letter["id"])
    assert [{"id": letter["id"], "verdict": "done", "retried_as": f"{letter['id']}~1"}] == retried["retried"]
    assert not stored.letters()
    books = stored.run()
    assert (0, True) == (books.open, books.balanced)
    assert not stored.letters()
    again = stored.tree(THREAD)[0]["children"][1]
    assert (f"{letter['id']}~1", "done") == (again["id"], again["outcome"])
    assert ("desk", "ada") == (again["children"][0]["to"], again["children"][0]["children"][0]["to"])
    stored.command("audit", "verify")


def test_a_dead_letter_that_failed_again_says_so(stored: Stored) -> None:
    stored.run(stored.question())
    (letter,) = stored.letters()
    for count in (1, 2):
        stored.command("dead", "retry", "--all")
        stored.run()
        (again,) = stored.letters()
        assert (f"{letter['id']}~{count}", count) == (again["id"], again["revived"])

    assert "put in again twice, and failed again: " in stored.command("dead", "list").stdout
    shown = stored.command("dead", "show", again["id"]).stdout
    assert f"{letter['id']} (revived), {letter['id']}~1 (revived), {letter['id']}~2 (dead)" in shown
    stored.command("audit", "verify")


def test_a_retry_is_done_once(stored: Stored) -> None:
    stored.run(stored.question())
    (letter,) = stored.letters()
    stored.command("dead", "retry", letter["id"])

    result = stored.command("dead", "retry", letter["id"], code=1)
    assert f"was retried before, as {letter['id']}~1" in result.stdout
    stored.run()
    assert [f"{letter['id']}~1"] == [each["id"] for each in stored.letters()]


def test_all_that_filters_choose_are_retried(stored: Stored) -> None:
    stored.run(*[stored.login()] * 2, stored.question())

    assert 2 == len(stored.document("dead", "retry", "--all", "--listener", "door")["retried"])
    assert ["worker"] == [letter["to"] for letter in stored.letters()]


def test_a_drop_takes_it_from_the_list_and_leaves_the_history(stored: Stored) -> None:
    stored.run(stored.question(THREAD))
    (letter,) = stored.letters()

    result = stored.command("dead", "drop", letter["id"])
    assert '"event": "dead-letter-dropped"' in result.stderr
    assert not stored.letters()
    (dropped,) = stored.letters("--dealt-with")
    assert ("dropped", letter["id"]) == (dropped["standing"], dropped["id"])
    assert "dropped" in stored.command("trace", THREAD).stdout
    stored.command("audit", "verify")
    stored.command("dead", "retry", letter["id"], code=1)


@pytest.mark.parametrize("decision", ["retry", "drop"])
def test_a_dry_run_changes_nothing(stored: Stored, decision: str) -> None:
    stored.run(stored.login(), stored.login())

    assert "2 would be" in stored.command("dead", decision, "--all", "--dry-run").stdout
    assert 2 == len(stored.letters())


@pytest.mark.parametrize(
    "args", [(), ("--code", "handler-failed"), ("x", "--all"), ("x", "--code", "syntax")]
)
@pytest.mark.parametrize("decision", ["retry", "drop"])
def test_all_has_to_be_said(stored: Stored, decision: str, args: tuple[str, ...]) -> None:
    stored.run(stored.login())

    stored.command("dead", decision, *args, code=2)
    assert 1 == len(stored.letters())


@pytest.mark.parametrize("decision", ["retry", "drop"])
def test_with_an_id_that_there_is_not_nothing_is_done(stored: Stored, decision: str) -> None:
    stored.run(stored.login())
    (letter,) = stored.letters()

    stored.command("dead", decision, letter["id"], "nobody", code=3)
    assert 1 == len(stored.letters())


@pytest.mark.parametrize("folder", ["var", "config"])
def test_without_its_own_configuration_the_bytes_are_not_shown(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """In `config` there is one, which knows of no secrets, of another organism with another queue."""
    stored.run(stored.question())
    (letter,) = stored.letters()
    text = stored.config.read_text()
    stored.config.write_text(text[: text.index("  - {name: door")].replace("organism.db", "other.db"))
    monkeypatch.chdir(tmp_path / folder)

    result = CliRunner().invoke(main, ["dead", "show", letter["id"], "--queue", str(stored.path)])
    assert (0, True) == (result.exit_code, "bytes, sha256" in result.stdout)
    assert "<File>" not in result.stdout


def test_the_configuration_of_the_folder_counts_for_its_own_queue(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.run(stored.question())
    (letter,) = stored.letters()
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main, ["dead", "show", letter["id"], "--queue", "var/organism.db"])
    assert "<File>" in result.stdout


def test_the_beginning_of_an_id_will_do_where_it_is_of_one(stored: Stored) -> None:
    stored.run(b"<no xml", b"<nor this")
    first, second = (letter["id"] for letter in stored.letters())

    assert first == stored.document("dead", "show", first)["id"]
    error = stored.command("dead", "show", first[:3], code=2).stderr
    assert f"{first}, {second}; give more of it" in error
    assert "not-found" == stored.document("dead", "show", "zz", code=3)["error"]["code"]


def test_a_short_beginning_of_the_only_dead_letter(stored: Stored) -> None:
    stored.run(b"<no xml")
    (letter,) = stored.letters()

    assert letter["id"] == stored.document("dead", "show", letter["id"][:3])["id"]
