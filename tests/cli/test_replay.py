"""`agentserver replay`: what another configuration would make of the messages that there were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.secret_ears import MARK

from .envelopes import envelope
from .queue_files import ORGANISM, Stored

THREAD = "0e4b1b5c-3f3a-4a53-8a39-6d1f8f6f1a77"


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    stored = Stored(tmp_path)
    stored.asked.touch()
    return stored


def against(stored: Stored, *changes: tuple[str, str], code: int = 1, options: tuple[str, ...] = ()) -> Any:
    """Replay against the organism with changes; return the document."""
    return stored.document("replay", "--against", changed(stored, *changes), *options, code=code)


def changed(stored: Stored, *changes: tuple[str, str]) -> Path:
    text = ORGANISM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = stored.config.with_name("new.yaml")
    path.write_text(text)
    return path


def kinds(found: Any) -> dict[str, int]:
    return {kind: found[kind] for kind in ("refused", "rerouted", "accepted") if found[kind]}


def test_against_itself_nothing_differs(stored: Stored) -> None:
    stored.run(stored.question(), stored.question() + stored.question(), stored.login(), b"<no xml")

    found = against(stored, code=0)
    assert (True, [], {}) == (found["ok"], found["differences"], kinds(found))
    assert found["messages"] == found["same"] > 10
    assert "SAME: " in stored.command("replay", "--against", changed(stored)).stdout


def test_a_contract_that_is_narrower_refuses(stored: Stored) -> None:
    stored.run(stored.question(THREAD))

    found = against(stored, ("stored_listeners.Job,", "stored_listeners.NarrowJob,"))
    (difference,) = found["differences"]
    assert ("refused", "worker.job", "schema", "xsd_validation") == (
        difference["kind"], difference["before"], difference["code"], difference["stage"]
    )  # fmt: skip
    assert "Job/File" in difference["reason"]
    shown = stored.command("replay", "--against", stored.config.with_name("new.yaml"), code=1).stdout
    assert "refused   " in shown
    assert "DIFFERS: 4 messages: 3 as they went, 1 refused" in shown


def test_a_listener_that_is_gone(stored: Stored) -> None:
    stored.run(stored.question())

    found = against(stored, ("name: worker", "name: clerk"))
    (difference,) = found["differences"]
    assert ("refused", "no-listener") == (difference["kind"], difference["code"])


def test_a_sender_that_may_not_any_more(stored: Stored) -> None:
    stored.run(stored.question())

    found = against(stored, ("name: desk\n", "name: desk\n    peers: [door]\n"))
    (difference,) = found["differences"]
    assert ("refused", "not-allowed", "desk", "worker") == (
        difference["kind"], difference["code"], difference["from"], difference["to"]
    )  # fmt: skip


def test_what_was_refused_and_would_not_be(stored: Stored) -> None:
    stored.run(stored.question().replace(b"<to>desk</to>", b"<to>clerk</to>"))

    found = against(stored, ("name: desk", "name: clerk"))
    assert {"accepted": 1} == kinds(found)
    assert "no-listener" == found["differences"][0]["before"]


def test_another_listener_takes_it(stored: Stored) -> None:
    stored.run(stored.question().replace(b"<to>desk</to>", b""))

    found = against(stored, ("name: desk", "name: table"))
    rerouted = [each for each in found["differences"] if each["kind"] == "rerouted"]
    assert [("desk.question", "table.question")] == [(each["before"], each["listener"]) for each in rerouted]


def test_what_a_handler_failed_at_is_held_to_the_gate_alone(stored: Stored) -> None:
    stored.asked.unlink()
    stored.run(stored.question())

    assert against(stored, code=0)["ok"]


def test_an_input_that_would_be_too_many(stored: Stored) -> None:
    stored.run(stored.question() * 3)

    found = against(stored, ("listeners:", "limits: {payloads: 2}\nlisteners:"))
    assert ("refused", "too-many") == (found["differences"][0]["kind"], found["differences"][0]["code"])


def test_a_listener_more_that_shares_a_name(stored: Stored) -> None:
    text = ORGANISM.replace("name: worker,", "name: all.first, broadcast: true,")
    text += text[text.index("  - {name: all.first") : text.index("  - {name: door")].replace(
        "first", "second"
    )
    stored.config.write_text(text)
    stored.run(stored.job("all"))
    third = "  - {name: all.third, broadcast: true, payload_class: tests.cli.stored_listeners.Job, "
    new = stored.config.with_name("new.yaml")
    new.write_text(f"{text}{third}handler: tests.cli.stored_listeners.on_job}}\n")

    (difference,) = stored.document("replay", "--against", new, code=1)["differences"]
    assert ("rerouted", "2 messages", "all.first.job, all.second.job, all.third.job") == (
        difference["kind"], difference["before"], difference["listener"]
    )  # fmt: skip


def test_one_conversation_and_a_time(stored: Stored) -> None:
    stored.run(stored.question(THREAD), stored.question())

    assert 4 == against(stored, code=0, options=("--thread", THREAD[:8]))["messages"]
    assert 8 == against(stored, code=0, options=("--since", "1h"))["messages"]
    assert 0 == against(stored, code=0, options=("--since", "2100-01-01"))["messages"]


def test_more_than_are_shown_are_counted(stored: Stored) -> None:
    stored.run(*[stored.question()] * 3)

    found = against(stored, ("name: worker", "name: clerk"), options=("--limit", "1"))
    assert (3, 1) == (found["refused"], len(found["differences"]))


def test_a_part_that_was_retried_is_no_part_more(stored: Stored) -> None:
    stored.asked.unlink()
    stored.run(stored.job("worker") + stored.job("worker"))
    stored.command("dead", "retry", "--all")
    stored.run()

    found = against(stored, code=0)
    assert (True, 5) == (found["ok"], found["messages"])


def test_a_configuration_of_another_project_has_its_own_modules(stored: Stored, tmp_path: Path) -> None:
    for folder, limit in (("one", ""), ("two", ", MaxLen(2)")):
        root = tmp_path / folder
        (root / "config").mkdir(parents=True)
        (root / "config" / "organism.yaml").write_text(
            "organism: {name: notes}\nqueue: sqlite:///var/q.db\n"
            "listeners:\n- {name: shelf, payload_class: replayed_notes.Note, handler: replayed_notes.take}\n"
        )
        (root / "replayed_notes.py").write_text(
            "from dataclasses import dataclass\nfrom typing import Annotated\nfrom annotated_types import MaxLen\n"
            f"from agentserver import xmlify\n\n@xmlify\n@dataclass\nclass Note:\n"
            f"    text: Annotated[str, MaxLen(99){limit}]\n\nasync def take(payload, metadata): ...\n"
        )
    one = Stored(tmp_path / "one", "q.db", text=None)
    one.run(envelope('<Note xmlns=""><Text>long</Text></Note>', to="shelf"))

    other = tmp_path / "two" / "config" / "organism.yaml"
    found = one.document("replay", "--against", other, code=1)
    assert [("refused", "schema")] == [(each["kind"], each["code"]) for each in found["differences"]]


def test_no_secret_is_shown(stored: Stored) -> None:
    stored.run(stored.login())

    changes = ("stored_listeners.Login,", "stored_listeners.NarrowLogin,")
    found = against(stored, changes)
    assert {"refused": 1} == kinds(found)
    result = stored.command("replay", "--against", stored.config.with_name("new.yaml"), code=1)
    assert MARK not in result.output + str(found)


def test_faults_of_the_new_configuration(stored: Stored) -> None:
    stored.run()

    assert against(stored, ("name: door", "name: ''"), code=78)["faults"]
    stored.command("replay", "--against", "nowhere.yaml", code=3)
