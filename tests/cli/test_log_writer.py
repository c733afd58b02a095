"""Logs that nobody reads hold up nobody."""

from __future__ import annotations

import logging
import os
import signal
import threading
from io import StringIO
from pathlib import Path

from agentserver.cli.log_writer import LogWriter
from tests.cli.process import started

ORGANISM = """
organism: {name: loud}
queue: memory://
listeners:
  - {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
"""


class Blocked(StringIO):
    """A stream that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.asked = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        assert self.free.wait(30)
        return super().write(text)


def log(writer: LogWriter, *lines: str) -> None:
    for line in lines:
        writer.handle(logging.makeLogRecord({"msg": line, "levelname": "INFO"}))


def test_lines_are_written_in_their_order() -> None:
    stream = StringIO()
    writer = LogWriter(stream)
    log(writer, *map(str, range(100)))
    writer.close()
    assert stream.getvalue().split() == [*map(str, range(100))]


def test_whoever_logs_does_not_wait_and_what_is_too_much_is_counted() -> None:
    stream = Blocked()
    writer = LogWriter(stream, max_lines=3)
    log(writer, "first")
    assert stream.asked.wait(30)
    log(writer, *"abcde")  # returns, though nothing is taken
    stream.free.set()
    writer.flush()
    log(writer, "last")
    writer.close()
    assert stream.getvalue().splitlines() == ["first", "a", "b", "c", "log lines were dropped", "last"]


def test_a_stream_that_is_closed_ends_nothing() -> None:
    stream = StringIO()
    stream.close()
    writer = LogWriter(stream)
    log(writer, "gone")
    writer.close()
    assert writer.formatter is None


def test_a_daemon_whose_standard_error_nobody_reads_does_its_work(tmp_path: Path) -> None:
    """A pipe holds 64 KiB; a daemon that waited for its reader would never come to the end of what is put in."""
    (tmp_path / "organism.yaml").write_text(ORGANISM)
    (tmp_path / "in.xml").write_bytes(b"<message><broken/></message>\n" * 1_000)
    reader, writer = os.pipe()
    with started(
        "run", "organism.yaml", "--inject", "in.xml", "--drain-timeout", "5", cwd=tmp_path, stderr=writer
    ) as process:
        os.close(writer)
        begin = b"".join(os.read(reader, 1) for _ in range(50))  # it runs; nothing more is read
        process.send_signal(signal.SIGTERM)
        assert process.wait(50) == 0
        os.close(reader)
    assert begin
