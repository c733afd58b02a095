"""What a file must hold when all is over: every number came out once, and nothing else happened.

Reads the file with SQL alone, as somebody would who trusts none of the program's own accounts.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from pathlib import Path

_NUMBER = re.compile(rb">(\d+)<")
HOPS = 4
"""Messages that each number makes: what is put in, two on their way, and what comes out."""


class Ledger:
    """The rows of a file.

    Attributes:
        done: How often each number ended at each hop.
        others: What ended otherwise, by outcome and code.
        waiting: Messages that are not at their end.
        books: Injected, emitted, settled and dead, as the file counts them.
    """

    def __init__(self, file: Path) -> None:
        connection = sqlite3.connect(file)
        rows = connection.execute(
            "SELECT messages.hop, messages.data, endings.outcome, endings.code FROM endings JOIN messages USING (seq)"
        ).fetchall()
        self.done: Counter[tuple[int, int]] = Counter()
        self.others: Counter[tuple[str, str]] = Counter()
        for hop, data, outcome, code in rows:
            if outcome == "done":
                found = _NUMBER.search(data)
                assert found is not None
                self.done[hop, int(found[1])] += 1
            else:
                self.others[outcome, code] += 1
        (self.waiting,) = connection.execute("SELECT count(*) FROM waiting").fetchone()
        self.books = connection.execute(
            "SELECT sum(injected), sum(emitted), sum(settled), sum(dead) FROM owners"
        ).fetchone()
        (self.sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.close()

    def check(self, count: int) -> None:
        """Assert that each number from 1 to `count` went its way, once, and that the books balance."""
        assert self.sound == "ok"
        assert self.waiting == 0
        wanted = {(hop, number) for hop in range(HOPS) for number in range(1, count + 1)}
        assert wanted - self.done.keys() == set(), "lost"
        assert {each: times for each, times in self.done.items() if times != 1 or each not in wanted} == {}
        assert {kind for kind, _ in self.others} <= {"duplicate"}, self.others
        injected, emitted, settled, dead = self.books
        assert injected + emitted == settled + dead
