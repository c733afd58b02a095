from __future__ import annotations

from agentserver.cli.measure import all_works

WORKS = {work.name: work for work in all_works()}


def test_the_small_message_has_some_200_bytes() -> None:
    assert 180 <= len(WORKS["one hop"].inputs[0]) <= 240


def test_the_large_message_has_100_kib() -> None:
    assert 100 * 1024 <= len(WORKS["100 KiB payload"].inputs[0]) < 101 * 1024
