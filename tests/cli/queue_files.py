"""Organisms whose queue is a file, run to their end in this process; and commands that look at the file then."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from agentserver import StreamPump, running
from agentserver.cli import main
from agentserver.message_bus.bootstrap import assembled
from agentserver.queues import Books
from agentserver.queues.sqlite import SqliteQueue
from tests.secret_ears import MARK

from .envelopes import envelope

ORGANISM = """
organism: {name: stored}
queue: sqlite:///var/organism.db
listeners:
  - name: desk
    handles:
      - {payload_class: tests.cli.stored_listeners.Question, handler: tests.cli.stored_listeners.on_question}
      - {payload_class: tests.cli.stored_listeners.Answer, handler: tests.cli.stored_listeners.on_answer}
  - {name: worker, payload_class: tests.cli.stored_listeners.Job, handler: tests.cli.stored_listeners.on_job}
  - {name: door, payload_class: tests.cli.stored_listeners.Login, handler: tests.cli.stored_listeners.refuse}
"""


class Stored:
    """An organism in a folder, with a file to ask for."""

    def __init__(self, folder: Path, queue: str = "organism.db", text: str | None = ORGANISM) -> None:
        self.config = folder / "config" / "organism.yaml"
        if text is not None:
            self.config.parent.mkdir(parents=True, exist_ok=True)
            self.config.write_text(text)
        self.path = folder / "var" / queue
        self.asked = folder / "asked"

    def question(self, thread: str | None = None) -> bytes:
        data = envelope(f'<Question xmlns=""><File>{self.asked}</File></Question>', to="desk", from_id="ada")
        return data if thread is None else _on(data, thread)

    def job(self, to: str) -> bytes:
        return envelope(f'<Job xmlns=""><File>{self.asked}</File></Job>', to=to)

    def login(self) -> bytes:
        return envelope(f'<Login xmlns=""><User>eve</User><Password>{MARK}</Password></Login>', to="door")

    def pump(self) -> StreamPump:
        """Return the organism, with its queue open."""
        config = assembled(self.config).config
        pump = StreamPump(config, queue=SqliteQueue(self.path))
        pump.register_all()
        return pump

    def run(self, *messages: bytes) -> Books:
        """Put messages in, and run until nothing is left to do."""

        async def live() -> Books:
            pump = self.pump()
            async with running(pump):
                for message in messages:
                    await pump.inject(message)
                await pump.drained()
                assert pump.books.balanced
                return pump.books

        return asyncio.run(live())

    def command(self, *args: str | Path, code: int | None = 0) -> Result:
        """Run a command on the organism; expect an exit code, unless that is None."""
        result = CliRunner().invoke(main, [*map(str, args), "--config", str(self.config)])
        assert code is None or result.exit_code == code, (result.output, result.stderr, result.exception)
        return result

    def document(self, *args: str | Path, code: int | None = 0) -> Any:
        """Run a command with `--json`; return its document."""
        return json.loads(self.command(*args, "--json", code=code).stdout)

    def letters(self, *args: str) -> list[Any]:
        found: list[Any] = self.document("dead", "list", *args)["letters"]
        return found

    def tree(self, thread: str) -> list[Any]:
        """Return the roots of a trace, each with its `children`."""
        messages = self.document("trace", thread)["messages"]
        by_id = {each["id"]: {**each, "children": []} for each in messages}
        roots: list[Any] = []
        for each in by_id.values():
            (by_id[each["parent"]]["children"] if each["depth"] else roots).append(each)
        return roots

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """Open the file as somebody who is up to no good."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()


def _on(data: bytes, thread: str) -> bytes:
    start, end = data.index(b"<thread>") + 8, data.index(b"</thread>")
    return data[:start] + thread.encode() + data[end:]


def copied(template: Stored, folder: Path) -> Stored:
    """Return the organism in another folder, with a copy of its queue."""
    copy = Stored(folder)
    copy.path.parent.mkdir(exist_ok=True)
    copy.path.unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        copy.path.with_name(copy.path.name + suffix).unlink(missing_ok=True)
    with template.sql() as source, sqlite3.connect(copy.path) as target:
        source.backup(target)
    target.close()
    return copy
