"""The progress line of `agentserver pipe`: on a terminal, and nowhere else."""

from __future__ import annotations

from .envelopes import envelope, greeting
from .process import GREETINGS, agentserver, on_a_terminal


def test_a_terminal_shows_progress() -> None:
    shown = on_a_terminal("pipe", "--input", GREETINGS)

    assert "messages 0  replies 0  failed 0" in shown
    assert "] " in shown.partition("messages")[0]


def test_no_bar_is_drawn_for_an_input_of_unknown_length() -> None:
    shown = on_a_terminal("pipe", stdin=greeting("Ada"))

    assert "[" not in shown.partition("messages")[0].replace("\x1b[", "")


def test_quiet_shows_no_progress() -> None:
    assert on_a_terminal("pipe", "--quiet", stdin=greeting("Ada")) == ""


def test_a_terminal_shows_failures_in_red() -> None:
    shown = on_a_terminal("pipe", stdin=envelope('<Nobody xmlns=""/>'))

    assert "\x1b[31mmessage 1: no-listener" in shown


def test_nothing_but_text_is_shown_elsewhere() -> None:
    done = agentserver("pipe", stdin=greeting("Ada") + envelope('<Nobody xmlns=""/>'))

    assert b"\x1b" not in done.stderr
    assert b"\r" not in done.stderr
