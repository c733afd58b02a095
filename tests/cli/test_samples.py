"""The sample organism does what its comments say."""

from __future__ import annotations

from lxml import etree

from agentserver.message_bus import MessageState
from handlers.counting import MAX_SENDERS, SenderCounter

from .process import GREETINGS, ROOT, agentserver, read_until, started


def replies(example: str, path: str) -> list[str | None]:
    done = agentserver("pipe", "--input", ROOT / "config/examples" / example)
    assert done.returncode == 0, done.stderr
    return [etree.fromstring(line).findtext(path) for line in done.stdout.splitlines()]


def test_the_calculator_calculates() -> None:
    assert sorted(replies("calculator.xml", "Result/Value"), key=str) == [
        "-6.0",
        "0.3",
        "12345678901234567891",
        "3",
        "42",
    ]


def test_the_answer_of_the_chain_comes_back() -> None:
    assert sorted(replies("pipeline.xml", "Page/Content"), key=str) == [
        "One line & another (4 words)",
        "The quick brown fox (4 words)",
        "Привет, мир (2 words)",
    ]


def test_the_step_counts_senders() -> None:
    with started("run", "config/counting.yaml", "--inject", GREETINGS) as process:
        assert '"messages": 1000' in read_until(process.stderr, '"messages": 1000')


def test_the_step_remembers_a_bounded_number_of_senders() -> None:
    count = SenderCounter()
    for number in range(MAX_SENDERS + 5):
        count(MessageState(from_id=f"sender-{number}"))

    assert (len(count.counts), count.counts["others"]) == (MAX_SENDERS + 1, 5)
