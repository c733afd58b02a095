"""`queue:`, and what it may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentserver.config import ConfigLoader, OrganismConfig, QueueAddress

FaultsOf = Callable[..., list[tuple[int, int, str]]]

TEXT = """\
organism: {{name: shop}}
queue: {queue}
listeners:
  - {{name: a, payload_class: shop.tools.Order, handler: shop.tools.take}}
"""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("memory://", None),
        ("sqlite:///var/organism.db", Path("/srv/shop/var/organism.db")),
        ("sqlite:///organism.db", Path("/srv/shop/organism.db")),
        ("sqlite:////var/lib/organism.db", Path("/var/lib/organism.db")),
        ("SQLite:///a b/ä.db", Path("/srv/shop/a b/ä.db")),
    ],
)
def test_addresses(text: str, path: Path | None) -> None:
    assert path == QueueAddress.parse(text).file(Path("/srv/shop"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory", "no address of a queue; write memory:// or sqlite:///var/organism.db"),
        ("/var/organism.db", "no address of a queue"),
        ("memory://x", "nothing goes behind memory://; remove the rest"),
        (
            "nats://user:word@host",
            "there are no NATS queues in this version; write memory:// or sqlite:///var",
        ),
        ("sqllite:///var/x.db", "no kind of queue is called 'sqllite'; did you mean 'sqlite'?"),
        ("redis://host", "no kind of queue is called 'redis'; write memory:// or sqlite:///var/organism.db"),
        ("sqlite:var/x.db", "a file is given as sqlite:///var/organism.db"),
        (
            "sqlite://var/x.db",
            "a file has no host: write sqlite:///var/organism.db, with three slashes, or four",
        ),
        ("sqlite:///", "the name of a file is missing"),
        ("sqlite:///var/", "the name of a file is missing"),
        ("sqlite:///..", "the name of a file is missing"),
        ("sqlite:///:memory:", "a queue in memory is memory://"),
        ("sqlite:///var/x.db?mode=ro", "a file is all that is given: no '?', no '#', no line break"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        QueueAddress.parse(text)
    assert words in str(caught.value)


def test_the_fault_of_a_file_has_its_place_and_no_password(faults_of: FaultsOf) -> None:
    ((line, column, words),) = faults_of(TEXT.format(queue="nats://user:word@host"))
    assert (2, 8) == (line, column)
    assert words.startswith("queue: there are no NATS queues in this version")
    assert "word@" not in words


def test_the_file_says_whether_it_says_something(load: Callable[..., OrganismConfig]) -> None:
    assert 2 == load(TEXT.format(queue="sqlite:///var/x.db")).given["queue"]
    without = TEXT.format(queue="").replace("queue: \n", "")
    assert "queue" not in load(without).given
    assert "memory://" == load(without).queue


def test_variables_stand_for_a_queue(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setenv("QUEUE", "sqlite:///var/q.db")
    assert "sqlite:///var/q.db" == ConfigLoader.loads(TEXT.format(queue="${QUEUE}"), allow_env=True).queue


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("hello-world", "sqlite:///var/hello-world.db"),
        ("Café 7", "sqlite:///var/Café-7.db"),
        ("../../etc/x", "sqlite:///var/etc-x.db"),
        ("?", "sqlite:///var/organism.db"),
    ],
)
def test_a_daemon_has_a_file_when_nothing_is_said(name: str, address: str) -> None:
    assert address == QueueAddress.of_daemon(OrganismConfig(name))
    assert QueueAddress.parse(address).file(Path("/srv")) == Path("/srv") / address.removeprefix("sqlite:///")


@pytest.mark.parametrize("queue", ["memory://", "sqlite:///q.db"])
def test_a_daemon_does_what_the_file_says(queue: str, load: Callable[..., OrganismConfig]) -> None:
    assert queue == QueueAddress.of_daemon(load(TEXT.format(queue=queue)))
