"""`agentserver run`: the daemon starts, serves, drains and stops."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from .envelopes import envelope, greeting
from .process import Process, agentserver, on_a_terminal, read_until, started


def wait_message(listener: str, file: Path) -> bytes:
    return envelope(f'<Wait xmlns=""><File>{file}</File></Wait>', to=listener)


def event(process: Process, text: str) -> dict[str, Any]:
    """Read the logs until one has `text`."""
    line: dict[str, Any] = json.loads(read_until(process.stderr, text))
    return line


def test_injected_files_are_processed(patience: Path) -> None:
    for name in ("one.xml", "two.xml"):
        (patience / name).write_bytes(greeting(name) * 3)
    with started("run", "--inject", "one.xml", "--inject", "two.xml", cwd=patience) as process:
        assert event(process, "all that was injected is handled")["injected"] == 6


def test_a_reply_to_an_injected_message_is_logged(patience: Path) -> None:
    (patience / "in.xml").write_bytes(greeting("Ada"))
    with started("run", "--inject", "in.xml", cwd=patience) as process:
        assert event(process, '"reply"')["from_id"] == "greeter"


def test_sigterm_lets_what_is_in_flight_finish(patience: Path) -> None:
    file = patience / "there"
    (patience / "in.xml").write_bytes(wait_message("until-file", file))
    with started("run", "--inject", "in.xml", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)
        read_until(process.stderr, "stopping")
        file.touch()

        assert event(process, "drained and stopped")["settled"] == 2
        assert process.wait() == 0


def test_sigint_stops_an_idle_daemon(patience: Path) -> None:
    with started("run", cwd=patience) as process:
        read_until(process.stderr, "started")
        process.send_signal(signal.SIGINT)

        assert event(process, "stopping")["signal"] == "SIGINT"
        assert process.wait() == 0


def test_what_is_not_drained_in_time_is_told_and_fails(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("until-file", patience / "not there"))
    with started("run", "--inject", "in.xml", "--drain-timeout", "0.1", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)

        assert event(process, "stopped before everything was finished")["waiting"] == 1
        assert process.wait() == 1


def test_a_handler_that_swallows_its_cancellation_keeps_nobody_alive(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("never", patience))
    with started("run", "--inject", "in.xml", "--drain-timeout", "0.1", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)
        read_until(process.stderr, "stopped before everything was finished")

        assert "does not end" in event(process, "forced exit")["reason"]
        assert process.wait() == 1


def test_a_second_signal_ends_the_daemon_at_once(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("until-file", patience / "not there"))
    with started("run", "--inject", "in.xml", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)
        read_until(process.stderr, "stopping")
        process.send_signal(signal.SIGTERM)

        assert event(process, "forced exit")["reason"] == "a second signal, SIGTERM"
        assert process.wait() == 1


def test_a_second_signal_works_while_a_handler_blocks_the_event_loop(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("block", patience))
    with started("run", "--inject", "in.xml", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)
        read_until(process.stderr, "stopping")
        process.send_signal(signal.SIGINT)

        assert process.wait() == 1


@pytest.mark.slow
def test_the_drain_deadline_holds_while_a_handler_blocks_the_event_loop(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("block", patience))
    with started("run", "--inject", "in.xml", "--drain-timeout", "0", cwd=patience) as process:
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGTERM)

        assert "blocks the event loop" in event(process, "forced exit")["reason"]
        assert process.wait() == 1


def test_a_file_to_inject_that_does_not_exist_is_told_before_the_start(patience: Path) -> None:
    done = agentserver("run", "--inject", "nowhere.xml", cwd=patience)

    assert done.returncode == 3
    assert b"nowhere.xml" in done.stderr
    assert b"started" not in done.stderr


def test_a_bad_configuration_starts_nothing(patience: Path) -> None:
    (patience / "bad.yaml").write_text("organism: {name: x, prot: 1}\nlisteners: []\n")
    done = agentserver("run", "bad.yaml", cwd=patience)

    assert done.returncode == 78
    assert b"bad.yaml:1:" in done.stderr
    assert b"started" not in done.stderr


def test_logs_are_json_lines_where_nobody_reads_them(patience: Path) -> None:
    (patience / "in.xml").write_bytes(greeting("Ada") + b"<broken")
    with started("run", "--inject", "in.xml", cwd=patience) as process:
        read_until(process.stderr, "all that was injected is handled")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        for line in process.stderr:
            assert {"time", "level", "logger", "event"} <= json.loads(line).keys()


def test_a_terminal_shows_a_banner_and_coloured_text(patience: Path) -> None:
    (patience / "in.xml").write_bytes(wait_message("greeter", patience))
    shown = on_a_terminal("run", "--inject", "in.xml", cwd=patience, until="is handled")

    assert "patience" in shown
    assert "listeners  greeter, until-file" in shown
    assert "\x1b[32mINFO" in shown


def test_no_color_is_respected(patience: Path) -> None:
    shown = on_a_terminal("run", cwd=patience, until="started", NO_COLOR="1")

    assert "INFO" in shown
    assert "\x1b[3" not in shown
