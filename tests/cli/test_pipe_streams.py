"""`agentserver pipe` in a pipeline of the shell: slow input, readers that leave, signals."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from .envelopes import envelope, greeting
from .process import GREETINGS, read_until, started


def test_a_reply_comes_before_the_input_ends() -> None:
    with started("pipe", "--quiet") as process:
        assert process.stdin is not None
        for name in ("Ada", "Grace"):
            process.stdin.write(greeting(name))
            process.stdin.flush()
            assert f"Hello, {name}!" in read_until(process.stdout, "GreetingResponse")


def test_a_reader_that_leaves_ends_a_silent_pipe_quietly() -> None:
    with started("pipe") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(greeting("Ada"))
        process.stdin.flush()
        read_until(process.stdout, "Ada")
        process.stdout.close()
        process.stdin.write(greeting("Grace"))
        process.stdin.flush()

        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_head_takes_its_line_of_a_long_stream() -> None:
    with started("pipe") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        head = subprocess.Popen(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE)
        process.stdout.close()
        with pytest.raises(BrokenPipeError):
            process.stdin.write(GREETINGS.read_bytes() * 100)
        line, _ = head.communicate()

        assert line.count(b"\n") == 1
        assert process.wait() == 141


def test_an_interrupt_lets_what_is_in_flight_finish(patience: Path) -> None:
    file = patience / "there"
    with started("pipe", "--log-level", "info", cwd=patience) as process:
        assert process.stdin is not None
        process.stdin.write(envelope(f'<Wait xmlns=""><File>{file}</File></Wait>', to="until-file"))
        process.stdin.flush()
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "stopping")
        file.touch()

        assert "Done" in read_until(process.stdout, "Done")
        assert process.wait() == 130


def test_a_second_interrupt_ends_it_at_once(patience: Path) -> None:
    with started("pipe", "--log-level", "info", cwd=patience) as process:
        assert process.stdin is not None
        process.stdin.write(envelope('<Wait xmlns=""><File/></Wait>', to="never"))
        process.stdin.flush()
        read_until(process.stderr, "handler began")
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "stopping")
        process.send_signal(signal.SIGINT)

        assert process.wait() == 1


@pytest.mark.slow
def test_a_reader_that_does_not_read_holds_the_input_up() -> None:
    data, taken, silent = GREETINGS.read_bytes(), 0, 0
    with started("pipe", bufsize=0) as process:
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        while silent < 3:
            _, ready, _ = select.select([], [process.stdin], [], 0.5)
            silent = 0 if ready else silent + 1
            taken += (process.stdin.write(data) or 0) if ready else 0

            assert taken < 100_000_000
