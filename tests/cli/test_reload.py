"""`agentserver reload --diff`, and SIGHUP to a daemon."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import Process, agentserver, read_until, started
from tests.message_bus.reloadable import Project, order


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def diff(*args: str | Path, cwd: Path) -> tuple[int, str]:
    done = agentserver("reload", "--diff", *args, cwd=cwd)
    assert b"Traceback" not in done.stderr
    return done.returncode, (done.stdout or done.stderr).decode()


def beside(project: Project, text: str) -> Path:
    """Write another configuration of the same project."""
    path = project.folder / "config" / "organism.new.yaml"
    path.write_text(text)
    return path


def test_the_same_configuration_is_the_same(project: Project) -> None:
    assert diff(project.config, cwd=project.folder) == (0, "SAME: a reload would change nothing\n")


def test_what_changed_is_shown_and_the_exit_code_says_so(project: Project) -> None:
    text = (
        project.config.read_text()
        .replace("name: beside", "name: shelf")
        .replace("take}", "take, agent: true}", 1)
    )
    code, shown = diff(beside(project, text + "limits: {hops: 7}\n"), cwd=project.folder)

    assert code == 1
    assert shown.splitlines() == [
        "+ listener shelf",
        "- listener beside",
        "~ listener desk",
        "    is_agent: False -> True",
        "~ limits.hops: 1000 -> 7",
        "DIFFERS: listeners: 1 added, 1 removed, 1 changed; settings: 1",
    ]


def test_what_needs_a_restart_is_told(project: Project) -> None:
    text = project.config.read_text().replace("{name: shop}", "{name: store}")
    code, shown = diff(beside(project, text), cwd=project.folder)

    assert code == 1
    assert shown.splitlines() == [
        "! name: shop -> store (needs a restart)",
        "RESTART: 1 of the changes needs a restart; a reload would be refused",
    ]


def test_another_project_is_compared_with_its_code(project: Project, tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    other = Project(tmp_path / "next", project.package)
    same = diff(other.config, cwd=project.folder)
    other.contract("thing: str")
    other.handler("new", "thing")
    code, shown = diff(other.config, cwd=project.folder)

    assert same[0] == 0
    assert code == 1
    assert "    contract Order:" in shown
    assert "breaking: Order" in shown
    assert "its code changed" in shown
    assert "beside" not in shown


def test_json_is_one_document(project: Project) -> None:
    text = project.config.read_text() + "repair: 'off'\n"
    code, shown = diff(beside(project, text), "--json", cwd=project.folder)

    assert code == 1
    assert json.loads(shown) == {
        "ok": False,
        "restart_needed": False,
        "added": [],
        "removed": [],
        "changed": [],
        "settings": [{"key": "repair", "old": "safe", "new": "off", "details": []}],
        "restart": [],
    }


def test_a_bad_configuration_is_told_with_its_faults(project: Project) -> None:
    code, shown = diff(beside(project, "organism: {nme: x}\nlisteners: []\n"), cwd=project.folder)

    assert code == 78
    assert "organism.new.yaml:1:" in shown


def test_a_file_that_is_not_there(project: Project) -> None:
    assert diff("nowhere.yaml", cwd=project.folder)[0] == 3


def told(process: Process, text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read_until(process.stderr, text))
    return found


def test_sighup_takes_a_change_over(project: Project) -> None:
    with started("run", cwd=project.folder) as process:
        read_until(process.stderr, "started")
        project.handler("new")
        process.send_signal(signal.SIGHUP)

        assert told(process, '"reloaded"')["changed"] == ["desk (handler of Order)"]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_sighup_with_a_fault_leaves_everything_as_it_was(project: Project) -> None:
    with started("run", cwd=project.folder) as process:
        read_until(process.stderr, "started")
        project.config.write_text("listeners: [}")
        process.send_signal(signal.SIGHUP)

        assert "organism.yaml:1:" in told(process, "reload: a fault")["fault"]
        assert told(process, "reload refused")["faults"] == 1
        project.organism()
        process.send_signal(signal.SIGHUP)
        assert "nothing has changed" in told(process, '"reloaded')["event"]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_many_hangups_end_in_the_newest_state(project: Project) -> None:
    with started("run", cwd=project.folder) as process:
        read_until(process.stderr, "started")
        for number in range(20):
            project.organism(settings=f"max_concurrent_handlers: {number + 100}")
            os.kill(process.pid, signal.SIGHUP)

        read_until(process.stderr, "-> 119")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_pipe_ends_by_a_hangup_as_ever(project: Project) -> None:
    with started("pipe", "--from", "user", cwd=project.folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(order())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)

        assert process.wait() == -signal.SIGHUP
