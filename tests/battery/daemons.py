"""A project on disk and the daemons, `agentserver run`, that run on it one after the other; its queue is a file.

What a daemon did is read from its log, from what its handlers noted, and from the file of its queue with SQL alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.cli.envelopes import envelope
from tests.cli.process import command, environment

PATIENCE_S: Final = 60.0
"""Seconds after which what has not come will not come: no measure of anything."""
WORKS: Final = Path(__file__).with_name("works.py")


def until(holds: Callable[[], Any], process: subprocess.Popen[bytes] | None = None) -> Any:
    """Look again and again until something holds; return it."""
    end = time.monotonic() + PATIENCE_S
    while True:
        ended = process is not None and process.poll() is not None  # looked at first: its last words count
        if found := holds():
            return found
        assert not ended, "the daemon ended without it"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def order(text: object, to: str) -> bytes:
    return envelope(f'<Order xmlns=""><Text>{text}</Text></Order>', to=to)


class Project:
    """A folder with `works.py` and a configuration.

    Args:
        folder: Where.
        listeners: Lines of YAML, one listener each.
        settings: Further lines of YAML.
    """

    def __init__(self, folder: Path, listeners: Iterable[str], settings: str = "") -> None:
        self.folder = folder
        self.config = folder / "config" / "organism.yaml"
        self.config.parent.mkdir()
        shutil.copy(WORKS, folder / "works.py")
        self.write(listeners, settings)

    def write(self, listeners: Iterable[str], settings: str = "") -> None:
        """Write the configuration, in one step."""
        rows = "\n".join(f"  - {row}" for row in listeners)
        fresh = self.config.with_suffix(".new")
        fresh.write_text(f"organism: {{name: battery}}\n{settings}\nlisteners:\n{rows}\n")
        fresh.rename(self.config)

    @contextmanager
    def daemon(self, *args: str, **variables: str) -> Iterator[Daemon]:
        """Run a daemon while the block lasts; at its end it is killed, if it is not gone."""
        log = self.folder / "log"
        begin = log.stat().st_size if log.exists() else 0
        with (
            log.open("ab") as stderr,  # a pipe that nobody reads would hold it up
            subprocess.Popen(
                command("run", "--log-format", "json", *args), cwd=self.folder, stderr=stderr,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(**variables),
            ) as process,
        ):  # fmt: skip
            try:
                yield Daemon(process, log, begin)
            finally:
                process.kill()

    def input(self, messages: Iterable[bytes], name: str = "in.xml") -> str:
        """Write a file to inject; return its name."""
        (self.folder / name).write_bytes(b"".join(messages))
        return name

    def handled(self) -> Counter[str]:
        """Count what handlers noted."""
        file = self.folder / "handled"
        return Counter(file.read_text().splitlines() if file.exists() else ())

    def go(self) -> None:
        """Let those go on that wait for it."""
        (self.folder / "go").touch()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the file of the queue."""
        connection = sqlite3.connect(self.folder / "var" / "battery.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def waiting(self) -> int:
        return int(self.rows("SELECT count(*) FROM waiting")[0][0])

    def dead(self) -> Counter[str]:
        """Count dead letters by code."""
        return Counter(code for (code,) in self.rows("SELECT code FROM dead_letters"))

    def balances(self) -> bool:
        """Whether the books of the file, which is at rest, balance."""
        query = "SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM owners"
        ((injected, emitted, settled, dead),) = self.rows(query)
        return bool(injected + emitted == settled + dead + self.waiting())


class Daemon:
    """One life.

    Args:
        process: The process.
        log: Its log.
        begin: Where in the file that begins.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, begin: int) -> None:
        self.process = process
        self._log, self._begin, self._seen = log, begin, 0

    def told(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait until the log tells of an event, with these fields; return all of them. What came before is gone."""

        def found() -> dict[str, Any] | None:
            for at, line in enumerate(self.events()[self._seen :], self._seen + 1):
                if line["event"] == event and fields.items() <= line.items():
                    self._seen = at
                    return line
            return None

        line: dict[str, Any] = until(found, self.process)
        return line

    def events(self) -> list[dict[str, Any]]:
        """Return what the log of this life tells so far."""
        with self._log.open("rb") as file:
            file.seek(self._begin)
            return [
                json.loads(line) for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")
            ]

    def tells(self, text: str) -> bool:
        """Whether the log of this life holds a text by now."""
        with self._log.open("rb") as file:
            file.seek(self._begin)
            return text.encode() in file.read()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait until it is over; return its exit code."""
        return self.process.wait(PATIENCE_S)

    def stops(self) -> dict[str, Any]:
        """Tell it to stop; return what it tells at its end, which is to be a good one."""
        self.signal(signal.SIGTERM)
        assert self.ends() == 0, self._log.read_text()[-3_000:]
        return self.events()[-1]


@contextmanager
def fed(folder: Path, name: str = "feed") -> Iterator[tuple[str, Callable[[Iterable[bytes]], None]]]:
    """Make a pipe that daemons may be told to inject, and what writes messages into it; it never comes to its end."""
    os.mkfifo(folder / name)
    descriptor = os.open(folder / name, os.O_RDWR)  # so that opening it to read waits for nobody

    def feed(messages: Iterable[bytes]) -> None:
        data = memoryview(b"".join(messages))
        while data:
            data = data[os.write(descriptor, data) :]

    try:
        yield name, feed
    finally:
        os.close(descriptor)
