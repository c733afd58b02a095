"""The battery of bad input at the strict parser, without anything else of the gate."""

from __future__ import annotations

import tracemalloc

import pytest

from agentserver.wire import MessageSplitter, StrictParser
from tests.bad_input import MIB, ROWS, Row
from tests.wire.samples import MESSAGE, verdict


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row: Row) -> None:
    assert row.wire == verdict(row.data, row.parse_limits)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_no_row_changes_what_the_parser_says_of_the_next(row: Row) -> None:
    parser = StrictParser(row.parse_limits)
    codes = [verdict(row.data, parser=parser) for _ in range(2)]
    assert ([row.wire, row.wire], "accept", "syntax") == (
        codes, verdict(MESSAGE, parser=parser), verdict(MESSAGE[:-1], parser=parser),
    )  # fmt: skip


def test_b14_of_100_mib_that_are_streamed_no_more_is_kept_than_proves_that_they_are_too_many() -> None:
    splitter, chunk = MessageSplitter(MIB), b"x" * 65_536
    tracemalloc.start()
    try:
        pieces = [*splitter.feed(b"<a>")]
        for _ in range(100 * MIB // len(chunk)):
            pieces += splitter.feed(chunk)
        pieces += [*splitter.feed(b"</a>"), *splitter.close()]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ["too-large"] == [verdict(piece) for piece in pieces]
    assert peak < 6 * MIB


def test_b32_every_prefix_of_a_message() -> None:
    parser = StrictParser()
    assert {"syntax"} == {verdict(MESSAGE[:end], parser=parser) for end in range(len(MESSAGE))}
